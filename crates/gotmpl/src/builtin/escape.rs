//! Escaping for HTML, JavaScript and URL queries.

use std::fmt::Write as _;

use crate::{
    strconv::{decode_char, is_print},
    value::Str,
};

pub(super) fn html(text: &[u8]) -> Str {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        let escape: &str = match byte {
            0 => "\u{fffd}",
            b'"' => "&#34;",
            b'\'' => "&#39;",
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            other => {
                out.push(*other);
                continue;
            }
        };
        out.extend_from_slice(escape.as_bytes());
    }
    Str::from_bytes(out)
}

pub(super) fn js(text: &[u8]) -> Str {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (character, width) = decode_char(rest);
        let character = character.unwrap_or('\u{fffd}');
        match character {
            '\\' => out.extend_from_slice(b"\\\\"),
            '\'' => out.extend_from_slice(b"\\'"),
            '"' => out.extend_from_slice(b"\\\""),
            '<' | '>' | '&' | '=' | '\0'..' ' => {
                let escape = format!("\\u{:04X}", u32::from(character));
                out.extend_from_slice(escape.as_bytes());
            }
            '\u{80}'.. if !is_print(character) => {
                let escape = format!("\\u{:04X}", u32::from(character));
                out.extend_from_slice(escape.as_bytes());
            }
            _ => out.extend_from_slice(&rest[..width]),
        }
        rest = &rest[width..];
    }
    Str::from_bytes(out)
}

/// `url.QueryEscape`.
pub(super) fn url_query(text: &[u8]) -> Str {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            other => write!(out, "%{other:02X}").expect("writing to a string succeeds"),
        }
    }
    out.into()
}
