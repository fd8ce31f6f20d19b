//! Images as values: digests, references, manifests, configurations, and reproducible layers.
//!
//! Nothing here reads a disk or a network: `host` keeps the bytes, `registry` carries them,
//! `imagebuild` decides with these types what an image is made of.
//! Start at [`Reference`] for names and at [`Manifest`] for what they point to.
#![warn(missing_docs)]

mod digest;
pub mod layer;
mod reference;
mod spec;

pub use digest::{Digest, Hasher, ParseDigestError};
pub use reference::{ParseReferenceError, Reference};
pub use spec::{
    Descriptor, History, ImageConfig, ImageConfiguration, Index, Manifest, Platform, RootFs, media,
};
