//! Fakes, a hermetic environment, golden helpers. Dev-dependency only.
#![expect(clippy::disallowed_methods, reason = "tests of pure crates read their folders with this")]
#![expect(clippy::panic, reason = "a file that is missing fails the test")]

pub mod folder;
