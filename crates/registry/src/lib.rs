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
mod download;
mod error;
mod plain;
mod pull;
mod push;
mod tags;
mod tls;
mod transport;

pub use client::{Client, Options};
pub use credentials::{Credentials, CredentialsError, Kept, Login, keep};
pub use download::{Download, DownloadError, download};
pub use error::RegistryError;
pub use plain::{plain_http, with_plain_http};
pub use pull::{Pulled, pull_manifest};
pub use push::{Blob, Pushed, push};
pub use tags::tags;
pub use tls::{Identity, Tls, TlsError};
