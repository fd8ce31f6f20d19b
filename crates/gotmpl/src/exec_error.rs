//! Why a template could not be executed, with the place.

use std::rc::Rc;

use crate::signature::CallError;

/// A failed execution. `Display` is what Go prints:
/// `template: FILE:LINE:COLUMN: executing "NAME" at <NODE>: MESSAGE`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("template: {location}: executing {name:?} at <{node}>: {message}")]
pub struct ExecError {
    /// `FILE:LINE:COLUMN`; the line from 1, the column in bytes from 0.
    pub location: Rc<str>,
    /// The template (a define's name, or the file) that was being executed.
    pub name: Rc<str>,
    /// The expression, shortened as Go shortens it.
    pub node: Rc<str>,
    /// What happened, with the text of the cause in it.
    pub message: Rc<str>,
    /// The failed function's or method's error, when it was one.
    pub cause: Option<CallError>,
}
