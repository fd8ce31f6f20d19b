//! Go's fmt: `Sprint`, `Sprintf` and `Sprintln` over template values.
//!
//! Where Go's program would die, or fill the memory, there is an [`Unprintable`].

use crate::{
    signature::CallError,
    strconv::decode_char,
    value::{Kind, Str, Value},
};

mod number;
mod printer;
mod verbs;

use printer::Printer;

/// How deep values may lie within each other when they are printed.
const DEPTH_MAX: usize = 1_000;
/// How long a text may become.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// Why a value cannot be printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unprintable {
    /// Most likely a table contains itself.
    #[error(
        "values lie more than {DEPTH_MAX} deep within each other, as in a table that contains itself"
    )]
    TooDeep,
    /// Tables that are in several places are printed in each of them.
    #[error("printed text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

impl From<Unprintable> for CallError {
    fn from(reason: Unprintable) -> Self {
        Self::text(reason.to_string())
    }
}

/// `fmt.Sprint`: a blank between two operands that are both not strings.
pub fn sprint(values: &[Value]) -> Result<Str, Unprintable> {
    let mut out = Vec::new();
    let mut was_string = true;
    for value in values {
        let is_string = matches!(value, Value::String(_));
        if !is_string && !was_string {
            out.push(b' ');
        }
        print(&mut out, value)?;
        was_string = is_string;
    }
    Ok(Str::from_bytes(out))
}

/// `fmt.Sprintln`: a blank between all operands, and a newline at the end.
pub fn sprintln(values: &[Value]) -> Result<Str, Unprintable> {
    let mut out = Vec::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        print(&mut out, value)?;
    }
    out.push(b'\n');
    Ok(Str::from_bytes(out))
}

/// `fmt.Sprintf`.
pub fn sprintf(format: &Str, values: &[Value]) -> Result<Str, Unprintable> {
    let mut out = Vec::with_capacity(format.len() + 16);
    verbs::printf(&mut out, format.as_bytes(), values)?;
    Ok(Str::from_bytes(out))
}

/// A value for a message: as `%v` shows it, or the reason why it cannot.
pub fn shown(value: &Value) -> String {
    match sprint(std::slice::from_ref(value)) {
        Ok(text) => text.to_string(),
        Err(reason) => format!("({reason})"),
    }
}

/// Appends a value as `%v` shows it.
pub fn print(out: &mut Vec<u8>, value: &Value) -> Result<(), Unprintable> {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        _ => {
            let mut printer = Printer::new(out);
            printer.argument(value, 'v');
            return printer.finish();
        }
    }
    if out.len() > TEXT_BYTES_MAX { Err(Unprintable::TooLong) } else { Ok(()) }
}

/// Appends a value as a template prints it: what a pointer points to, without the `&`.
pub(crate) fn print_indirect(out: &mut Vec<u8>, value: &Value) -> Result<(), Unprintable> {
    match value {
        Value::Object(object) if object.kind() == Kind::Ptr && object.to_text().is_none() => {
            let mut printer = Printer::new(out);
            printer.fields(object.as_ref(), 'v', 0);
            printer.finish()
        }
        _ => print(out, value),
    }
}

/// The first characters of a text.
pub(crate) fn truncated(text: &[u8], n_chars: usize) -> &[u8] {
    let mut end = 0;
    for _ in 0..n_chars {
        if end == text.len() {
            break;
        }
        end += decode_char(&text[end..]).1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
