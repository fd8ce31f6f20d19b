//! HTTP to store: discovery, verbs, watch, apply, admission.
