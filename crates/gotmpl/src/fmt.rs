//! Go's fmt: `Sprint`, `Sprintf` and `Sprintln` over template values.

use crate::{
    strconv::decode_char,
    value::{Kind, Str, Value},
};

mod number;
mod printer;
mod verbs;

use printer::Printer;

/// `fmt.Sprint`: a blank between two operands that are both not strings.
pub fn sprint(values: &[Value]) -> Str {
    let mut out = Vec::new();
    let mut was_string = true;
    for value in values {
        let is_string = matches!(value, Value::String(_));
        if !is_string && !was_string {
            out.push(b' ');
        }
        print(&mut out, value);
        was_string = is_string;
    }
    Str::from_bytes(out)
}

/// `fmt.Sprintln`: a blank between all operands, and a newline at the end.
pub fn sprintln(values: &[Value]) -> Str {
    let mut out = Vec::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        print(&mut out, value);
    }
    out.push(b'\n');
    Str::from_bytes(out)
}

/// `fmt.Sprintf`.
pub fn sprintf(format: &Str, values: &[Value]) -> Str {
    let mut out = Vec::with_capacity(format.len() + 16);
    verbs::printf(&mut out, format.as_bytes(), values);
    Str::from_bytes(out)
}

/// Appends a value as `%v` shows it.
pub fn print(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        _ => Printer::new(out).argument(value, 'v'),
    }
}

/// Appends a value as a template prints it: what a pointer points to, without the `&`.
pub(crate) fn print_indirect(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(object) if object.kind() == Kind::Ptr && object.to_text().is_none() => {
            Printer::new(out).fields(object.as_ref(), 'v', 0);
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
