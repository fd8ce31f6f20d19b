//! PEM blocks, as Go's encoding/pem writes and reads them.

use crate::functions::encoding::{BASE64, decode as decode_base64, encode as encode_base64};

/// A block: its label and its bytes.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) label: String,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn encode(label: &str, bytes: &[u8]) -> String {
    let base64 = encode_base64(bytes, &BASE64);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out + "-----END " + label + "-----\n"
}

/// The first block of a text; nothing when there is none that is whole.
pub(super) fn decode(text: &[u8]) -> Option<Block> {
    let text = std::str::from_utf8(text).ok()?;
    let begin = text.find("-----BEGIN ")?;
    if begin > 0 && !text[..begin].ends_with('\n') {
        return None;
    }
    let (label, rest) = text[begin + 11..].split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    // Headers stand before an empty line.
    let body = match body.split_once("\n\n") {
        Some((headers, body)) if headers.contains(':') => body,
        _ => body,
    };
    let base64: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = decode_base64(&base64, &BASE64).ok()?;
    Some(Block { label: label.to_owned(), bytes })
}
