//! Carries out an image plan: files and settings in, an OCI image in the content store out.
//!
//! No daemon and no `RUN`: an image is a base (or nothing), a layer with what every service needs, and
//! a layer with the service's own files. The same plan gives the same bytes on every machine.
//! An image that is to be the base of others is pulled into the store; pushing is `registry`'s. Start at [`build()`].
#![expect(clippy::disallowed_methods, reason = "reads the files that go into an image")]

mod archive;
mod build;
mod plan;
mod pull;
mod system;

pub use archive::{ArchiveError, load_archive};
pub use build::{BuildError, Built, build};
pub use plan::{Base, ImageFile, ImagePlan};
pub use pull::{PullError, Pulled, pull};
