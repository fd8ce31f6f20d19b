//! YAML as Go's sigs.k8s.io/yaml reads and prints it, to the byte.
//!
//! Reads YAML 1.1 as go.yaml.in/yaml v2 does and makes it JSON as sigs.k8s.io/yaml does, with the same
//! errors; prints as that package (v2) and as go.yaml.in/yaml v3. It knows nothing of Go structs, keeps
//! no comments, and reads one document at a time.
//!
//! Start at [`read`] and [`print_v2`]; [`Parser`] gives events without building values, and [`Printer`]
//! prints values of any other type.
#![warn(missing_docs)]

mod compose;
mod document;
mod error;
mod float;
mod glance;
mod gosyntax;
mod input;
mod natural;
mod parser;
mod print;
mod resolve;
mod scalar_style;
mod scanner;
mod skim;
mod timestamp;
mod token;
mod value;

pub use compose::read;
pub use document::{needs_detour, print_v2, through_json};
pub use error::ReadError;
pub use float::{format_g, format_g32, format_json};
pub use natural::sort_naturally;
pub use parser::{Event, EventData, Parser, Properties};
pub use print::{Dialect, Printer};
pub use skim::read_some;
pub use token::{Mark, Style};
pub use value::Value;

/// [`read`] without a glance, for the fuzzer to compare.
///
/// # Errors
/// The same as those of [`read`].
#[cfg(fuzzing)]
pub fn parse(bytes: &[u8]) -> Result<Value, ReadError> {
    compose::parse(bytes)
}
