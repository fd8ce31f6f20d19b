//! What functions and methods take, and how they fail.

use std::rc::Rc;

use crate::exec_error::ExecError;

/// A function's or method's name and parameters, as Go declares them.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// The name in templates.
    pub name: &'static str,
    /// The parameters' types; with `is_variadic`, the last stands for any number of arguments.
    pub params: &'static [Type],
    /// Whether the last parameter is Go's `...`.
    pub is_variadic: bool,
}

/// The Go types that parameters have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// `interface {}`
    Any,
    /// `reflect.Value`: also takes what is no value at all.
    Reflect,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint32`
    Uint32,
    /// `float64`
    Float64,
    /// `string`
    String,
    /// `[]interface {}`
    List,
    /// `[]string`
    Strings,
    /// `map[string]interface {}`
    Map,
    /// `map[string]string`
    StringMap,
    /// `[]uint8`
    Bytes,
    /// A named type, by what `%T` prints for it: `time.Time`, `sprig.certificate`.
    Named(&'static str),
}

/// Why a function or method failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// A function's own words.
    #[error("{0}")]
    Text(Rc<str>),
    /// An inner template's execution failed (`include`); Go's own error value goes on unchanged.
    #[error("{0}")]
    Template(Rc<ExecError>),
    /// A function's own words around an inner template's failure (`tpl`).
    #[error("{text}")]
    Wrapped {
        /// The whole text, the inner failure's included.
        text: Rc<str>,
        /// The inner failure.
        inner: Rc<ExecError>,
    },
}

impl CallError {
    /// A failure in a function's own words.
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }
}
