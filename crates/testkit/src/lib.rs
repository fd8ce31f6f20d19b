//! Fakes, a hermetic environment, golden helpers. Dev-dependency only.
#![expect(
    clippy::disallowed_methods,
    reason = "tests of pure crates read their folders through here"
)]

pub mod folder;
