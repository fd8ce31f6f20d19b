//! Go's `text/template`: lexer, parser, evaluator over its own value type; functions are handed in.
//!
//! It follows Go 1.25 to the byte, in what it prints and in the words of its errors, with the option
//! `missingkey=zero`, which is Helm's. What Go does by reflection works here on [`Value`], a closed
//! set of Go's kinds, and on [`Object`]s, which stand for structs and named types.
//!
//! It does not read files, know Helm or sprig, or keep any state outside of what it is given; it has
//! no channels, functions as values, or delimiters other than `{{` and `}}`.
//!
//! Start at [`Templates`], which parses, and [`Context`], which executes.
#![warn(missing_docs)]

mod build;
mod builtin;
mod cache;
mod context;
mod eval;
mod exec;
mod exec_error;
pub mod fmt;
mod lex;
mod list;
mod map;
mod names;
mod node;
mod number;
mod object;
mod operand;
mod parse;
mod release;
mod scope;
mod shared;
mod signature;
mod stack;
pub mod strconv;
mod templates;
mod text;
pub mod value;

pub use builtin::builtin_names;
pub use cache::Cache;
pub use context::{Context, ExecuteError, Limits, TextError};
pub use exec_error::ExecError;
pub use parse::ParseError;
pub use shared::Text;
pub use signature::{CallError, Functions, Signature, Type};
pub use templates::Templates;
pub use value::{Kind, List, Map, Object, Str, Value};
