//! The functions of Helm 4.1.4's templates: sprig 3.3.0 without `env` and `expandenv`, and Helm's own.
//!
//! Each group is a file with a table of its functions; the tables together are what templates see.

use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc};

use gotmpl::{CallError, Context, Functions, Map, Signature, Type, Value};

use crate::source::Source;

mod args;
mod case;
mod convert;
pub(crate) mod crypto;
mod date;
mod decimal;
mod default;
mod dict;
mod encoding;
mod equal;
mod flow;
mod hash;
mod json;
mod list;
mod list_query;
mod merge;
mod numeric;
mod path;
mod random;
mod reflect;
mod regex;
mod semver;
mod string;
mod string_list;
mod table;
mod toml;
mod url;
mod values_methods;
mod wrap;
mod yaml;

pub(crate) use self::semver::Version;
pub(crate) use date::Time;
pub(crate) use flow::{WARN_END, WARN_START};
pub(crate) use json::to_json;
pub(crate) use regex::{GoRegex, portable as portable_regex};
use table::TABLE;

type Result<T> = std::result::Result<T, CallError>;

/// How long a text may become that shows a value: a table that lies in several places is shown in
/// each of them.
pub(crate) const TEXT_BYTES_MAX: usize = 64 << 20;

/// One function.
pub(crate) struct Function {
    signature: Signature,
    run: fn(&mut Env<'_, '_>, &[Value]) -> Result<Value>,
}

/// What a function can reach.
pub(crate) struct Env<'e, 'c> {
    pub(crate) host: &'e Host<'e>,
    pub(crate) context: &'e mut Context<'c>,
}

/// Helm's functions with the state of one rendering, for templates that belong to no chart.
///
/// Templates that are parsed with these are executed with the same.
pub struct Host<'s> {
    pub(crate) source: &'s dyn Source,
    /// In lint mode `fail` and `required` give "".
    pub(crate) is_lint: bool,
    /// What `required` and `fail` would have said in lint mode.
    pub(crate) pardoned: RefCell<Vec<String>>,
    /// How often each template is being included at the moment.
    included: RefCell<BTreeMap<Rc<str>, usize>>,
    /// Regular expressions compiled so far.
    regexes: regex::Kept,
}

impl<'s> Host<'s> {
    /// With `is_lint`, `fail` and `required` give "".
    pub fn new(source: &'s dyn Source, is_lint: bool) -> Self {
        Self {
            source,
            is_lint,
            pardoned: RefCell::default(),
            included: RefCell::default(),
            regexes: regex::Kept::default(),
        }
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("is_lint", &self.is_lint).finish_non_exhaustive()
    }
}

/// The names of all functions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.functions.iter().map(|it| it.signature.name)
}

impl Functions for Host<'_> {
    fn find(&self, name: &str) -> Option<u16> {
        TABLE.find(name)
    }

    fn signature(&self, function: u16) -> &Signature {
        &TABLE.functions[usize::from(function)].signature
    }

    fn call(&self, function: u16, context: &mut Context<'_>, args: &[Value]) -> Result<Value> {
        (TABLE.functions[usize::from(function)].run)(&mut Env { host: self, context }, args)
    }

    fn map_methods(&self) -> &'static [Signature] {
        values_methods::METHODS
    }

    fn call_map_method(&self, method: usize, map: &Map, args: &[Value]) -> Result<Value> {
        values_methods::call(method, map, args)
    }
}

/// A function with as many arguments as parameters.
const fn fixed(
    name: &'static str,
    params: &'static [Type],
    run: fn(&mut Env<'_, '_>, &[Value]) -> Result<Value>,
) -> Function {
    Function { signature: Signature { name, params, is_variadic: false }, run }
}

/// A function whose last parameter takes any number of arguments.
const fn variadic(
    name: &'static str,
    params: &'static [Type],
    run: fn(&mut Env<'_, '_>, &[Value]) -> Result<Value>,
) -> Function {
    Function { signature: Signature { name, params, is_variadic: true }, run }
}

/// What Go's runtime says where a function asks a nil for its type.
const NIL_DEREFERENCE: &str = "runtime error: invalid memory address or nil pointer dereference";

fn fail<T>(text: impl Into<Rc<str>>) -> Result<T> {
    Err(CallError::text(text))
}

#[cfg(test)]
mod tests;
