//! Charts from elsewhere: found, fetched, checked, pushed, and brought into a chart's `charts/`.
//!
//! A chart lies in an OCI registry, in a repository with an `index.yaml`, behind an address, or in a folder.
//! What helm is told of repositories is read and written where helm keeps it, and so is what they offer;
//! charts are not cached.
//! Start at [`fetch()`], [`push()`] and [`dependency::update`].

mod cache;
mod certificates;
mod credentials;
pub mod dependency;
mod fetch;
mod local;
mod offer;
pub mod openpgp;
mod pull;
mod push;
mod reference;
mod settings;
mod sign;
mod verify;

pub use cache::IndexCache;
pub use certificates::{Certificates, CertificatesError};
pub use credentials::{CredentialsFileError, credentials};
pub use fetch::{FetchError, Fetched, Market, Provenance, Wanted, fetch};
pub use local::{LocalError, Unread, load_folder, open_folder, read_folder};
pub use offer::refresh;
pub use push::{PushError, Pushed, push};
pub use reference::{OciChart, ReferenceError};
pub use settings::{ListError, Repositories, Repository, SettingsError, lock};
pub use sign::{ProvenanceFileError, sign};
pub use verify::{Verified, VerifyError, verify};
