//! OCI distribution over HTTP.
