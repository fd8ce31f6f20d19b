//! Service routing, ingress, DNS.
