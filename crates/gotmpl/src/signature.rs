//! What functions and methods take, how they are handed in, and how they fail.

use std::rc::Rc;

use crate::{
    context::Context,
    exec_error::ExecError,
    value::{Map, Value},
};

/// The functions that templates may call besides text/template's own, which they shadow.
///
/// Templates are parsed for one such set and hold its numbers: they must be executed with the same.
pub trait Functions {
    /// The number of a function.
    fn find(&self, name: &str) -> Option<u16>;

    /// What a function takes. The number is one that `find` gave.
    fn signature(&self, function: u16) -> &Signature;

    /// Calls a function with arguments that fit its signature.
    fn call(
        &self,
        function: u16,
        context: &mut Context<'_>,
        args: &[Value],
    ) -> Result<Value, CallError>;

    /// The methods of a named map type (`Value::Values`).
    fn map_methods(&self) -> &'static [Signature] {
        &[]
    }

    /// Calls one of these by its place, with arguments that fit its signature.
    fn call_map_method(
        &self,
        _method: usize,
        _map: &Map,
        _args: &[Value],
    ) -> Result<Value, CallError> {
        Err(CallError::text("no such method"))
    }
}

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

impl Type {
    /// What Go prints for the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Map => "map[string]interface {}",
            Self::StringMap => "map[string]string",
            Self::Bytes => "[]uint8",
            Self::Named(name) => name,
        }
    }
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
