//! The verbs of the API, one a file.

mod create;
mod delete;
mod delete_collection;
mod get;
mod list;
mod patch;
mod select;
mod update;
mod watch;

pub(crate) use create::create;
pub(crate) use delete::{Options, delete, delete_named};
pub(crate) use delete_collection::delete_collection;
pub(crate) use get::{find, get};
pub(crate) use list::list;
pub(crate) use patch::{Patch, patch, patch_part};
pub(crate) use update::{update, update_part};
pub(crate) use watch::watch;
