//! Deploys on a fake API server, in process.

mod fake;
mod releases;
