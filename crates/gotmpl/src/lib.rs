//! Go's `text/template`: lexer, parser, evaluator over its own value type; functions are handed in.
#![warn(missing_docs)]

mod exec_error;
mod list;
mod map;
mod object;
mod signature;
mod text;
pub mod value;

pub use exec_error::ExecError;
pub use signature::{CallError, Signature, Type};
pub use value::{Kind, List, Map, Object, Str, Value};
