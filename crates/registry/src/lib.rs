//! OCI distribution over HTTP: manifests and blobs of a registry, pulled and pushed.
//!
//! Requests are built by pure functions and sent by one; retries, tokens and redirects live there.
//! It keeps nothing on disk: who pulls writes the bytes, who pushes says where they lie.
//! Start at [`Client`]; [`push()`] and [`pull_manifest`] are the two ways through it.
#![expect(clippy::disallowed_methods, reason = "this crate is the registry adapter")]

mod auth;
mod challenge;
mod client;
mod credentials;
mod error;
mod pull;
mod push;
mod transport;

pub use client::{Client, Options};
pub use credentials::{Credentials, CredentialsError, Login};
pub use error::RegistryError;
pub use pull::{Pulled, pull_manifest};
pub use push::{Pushed, push};
