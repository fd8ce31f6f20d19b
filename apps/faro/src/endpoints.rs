//! The handlers, one group a file.

pub(crate) mod docs;
pub(crate) mod environment;
pub(crate) mod greeting;
pub(crate) mod health;
pub(crate) mod users;
pub(crate) mod version;
