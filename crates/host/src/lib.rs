//! The file system and child processes: the adapter through which everything above touches this machine.
//!
//! It knows nothing of pipelines or clusters; it keeps bytes, lists inputs, runs commands.
//! Start at [`ContentStore`] for images, [`inputs`] for what a stage depends on, [`process`] for commands.
#![expect(clippy::disallowed_methods, reason = "this crate is the file system and process adapter")]

mod content;
pub mod files;
pub mod git;
pub mod inputs;
pub mod process;
pub mod tree;

pub use content::{BlobWriter, ContentError, ContentStore, Tagged};
