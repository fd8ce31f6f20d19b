//! Escaping in the parts of a URL.

use std::fmt::Write as _;

/// The part of a URL that a text belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

pub(super) fn must_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return false;
    }
    let is_allowed: &[u8] = match part {
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::Path => b"$&+,/:;=@",
        Part::User => b"$&+,;=",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    !is_allowed.contains(&byte)
}

pub(super) fn escape(text: &str, part: Part) -> String {
    let mut out = String::with_capacity(text.len());
    // Bytes that are not ASCII are all escaped.
    for byte in text.bytes() {
        if must_escape(byte, part) {
            write!(out, "%{byte:02X}").expect("writing to a string succeeds");
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

pub(super) fn unescape(text: &str, part: Part) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let byte = bytes[place];
        if byte != b'%' {
            let is_host = matches!(part, Part::Host | Part::Zone);
            if is_host && byte < 0x80 && must_escape(byte, part) {
                let shown = gotmpl::strconv::quote(&[byte]);
                return Err(format!("invalid character {shown} in host name"));
            }
            out.push(byte);
            place += 1;
            continue;
        }
        let end = bytes.len().min(place + 3);
        let invalid =
            || format!("invalid URL escape {}", gotmpl::strconv::quote(&bytes[place..end]));
        let digit = |at: usize| bytes.get(at).and_then(|it| char::from(*it).to_digit(16));
        let (Some(high), Some(low)) = (digit(place + 1), digit(place + 2)) else {
            return Err(invalid());
        };
        let code = (high << 4 | low) as u8;
        let is_percent = code == b'%';
        if part == Part::Host && high < 8 && !is_percent {
            return Err(invalid());
        }
        if part == Part::Zone && !is_percent && code != b' ' && must_escape(code, Part::Host) {
            return Err(invalid());
        }
        out.push(code);
        place += 3;
    }
    Ok(gotmpl::Str::from_bytes(out).to_string())
}
