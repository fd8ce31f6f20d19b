//! Values in Go's syntax (`%#v`), for messages that quote them.

use crate::{float::format_g, value::Value};

/// The text that `%#v` prints for what yaml v2 decodes.
pub(crate) fn of(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, true);
    text
}

fn write(text: &mut String, value: &Value, is_top: bool) {
    match value {
        Value::Null if is_top => text.push_str("<nil>"),
        Value::Null => text.push_str("interface {}(nil)"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Uint(number) => {
            let hexadecimal = format!("{number:#x}");
            text.push_str(&hexadecimal);
        }
        Value::Float(number) => text.push_str(&format_g(*number)),
        Value::String(it) => quote(text, it),
        Value::List(items) => {
            text.push_str("[]interface {}{");
            for (place, item) in items.iter().enumerate() {
                if 0 < place {
                    text.push_str(", ");
                }
                write(text, item, false);
            }
            text.push('}');
        }
        Value::Map(entries) => {
            text.push_str("map[interface {}]interface {}{");
            for (place, (key, item)) in entries.iter().enumerate() {
                if 0 < place {
                    text.push_str(", ");
                }
                quote(text, key);
                text.push(':');
                write(text, item, false);
            }
            text.push('}');
        }
    }
}

/// Go's `strconv.Quote`.
fn quote(text: &mut String, it: &str) {
    text.push('"');
    for it in it.chars() {
        match it {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            '\x07' => text.push_str("\\a"),
            '\x08' => text.push_str("\\b"),
            '\x0b' => text.push_str("\\v"),
            '\x0c' => text.push_str("\\f"),
            // Rust's escapes have the form `\u{feff}` for what cannot be printed.
            it if it.escape_debug().nth(1) == Some('u') => escape(text, u32::from(it)),
            it => text.push(it),
        }
    }
    text.push('"');
}

fn escape(text: &mut String, code: u32) {
    let escaped = match code {
        0..0x80 => format!("\\x{code:02x}"),
        0x80..0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    text.push_str(&escaped);
}
