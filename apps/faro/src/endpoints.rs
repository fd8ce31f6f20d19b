//! The handlers, one group a file.

pub(crate) mod environment;
pub(crate) mod greeting;
pub(crate) mod health;
