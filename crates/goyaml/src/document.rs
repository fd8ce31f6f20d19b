//! Whole values printed as sigs.k8s.io/yaml prints them.

use crate::{
    error::ReadError,
    float::format_g,
    natural::sort_naturally,
    print::{Dialect, Printer},
    value::Value,
};

/// The longest key that YAML reads back from JSON without a `?`.
const JSON_KEY_BYTES_MAX: usize = 1_000;

/// Prints a value as yaml v2's `Marshal`, with keys in natural order; ends in a line break.
pub fn print_v2(value: &Value) -> String {
    let mut printer = Printer::new(Dialect::V2);
    write(&mut printer, value);
    printer.finish()
}

fn write(printer: &mut Printer, value: &Value) {
    match value {
        Value::Null => printer.plain("null"),
        Value::Bool(truth) => printer.plain(if *truth { "true" } else { "false" }),
        Value::Int(number) => printer.plain(&number.to_string()),
        Value::Uint(number) => printer.plain(&number.to_string()),
        Value::Float(number) => printer.plain(&format_g(*number)),
        Value::String(text) => printer.string(text),
        Value::List(items) => {
            printer.begin_list(items.is_empty());
            for item in items {
                printer.item();
                write(printer, item);
            }
            if !items.is_empty() {
                printer.end_list();
            }
        }
        Value::Map(entries) => {
            printer.begin_map(entries.is_empty());
            let mut order: Vec<&(Box<str>, Value)> = entries.iter().collect();
            sort_naturally(Dialect::V2, &mut order, |(key, _)| key);
            for (key, value) in order {
                printer.key(key);
                write(printer, value);
            }
            if !entries.is_empty() {
                printer.end_map();
            }
        }
    }
}

/// Whether a text (`is_key`: as a key) does not survive the way that sigs.k8s.io/yaml takes through
/// JSON: YAML refuses some characters that JSON leaves as they are, folds U+0085, and loses sight of
/// the `:` after a long key. A value with such a text must take the way through [`through_json`].
pub fn needs_detour(text: &str, is_key: bool) -> bool {
    if is_key && JSON_KEY_BYTES_MAX < text.len() {
        return true;
    }
    text.bytes().enumerate().any(|(place, byte)| match byte {
        0x7f => true,
        0xc2 => text.as_bytes()[place + 1] < 0xa0,
        0xef => text.as_bytes()[place + 1] == 0xbf && 0xbe <= text.as_bytes()[place + 2],
        _ => false,
    })
}

/// Prints what a JSON text holds, as sigs.k8s.io/yaml's `JSONToYAML`.
///
/// # Errors
/// What YAML does not take of JSON, such as U+007F in a string.
pub fn through_json(json: &str) -> Result<String, ReadError> {
    crate::compose::read(json.as_bytes()).map(|value| print_v2(&value))
}
