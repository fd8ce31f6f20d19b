//! The bytes of a YAML text: encoding, and the characters that YAML does not allow.

use std::borrow::Cow;

use crate::error::ReadError;

/// Go's reader fills its buffer in steps of this size, and complains about a bad character as soon as
/// the step that holds it is reached: before an error of syntax in the same step, after one before it.
const READ_BYTES: usize = 512;

/// A text that is valid up to its end, and the error that follows there, if any.
pub(crate) struct Input<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) error: Option<ReadError>,
}

/// Decodes and checks the bytes as `yaml_parser_update_buffer` does.
pub(crate) fn decode(bytes: &[u8]) -> Input<'_> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => decode_utf8(rest),
        _ => decode_utf8(bytes),
    }
}

fn decode_utf8(bytes: &[u8]) -> Input<'_> {
    let (text, invalid) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (good, bad) = bytes.split_at(error.valid_up_to());
            (std::str::from_utf8(good).expect("checked up to here"), Some(invalid_utf8(bad)))
        }
    };
    let bad = match first_control(text.as_bytes()) {
        Some(place) => Some((place, "control characters are not allowed")),
        None => invalid.map(|problem| (text.len(), problem)),
    };
    match bad {
        None => Input { text: Cow::Borrowed(text), error: None },
        Some((place, problem)) => Input {
            text: Cow::Borrowed(&text[..floor_char(text, place / READ_BYTES * READ_BYTES)]),
            error: Some(ReadError::plain(problem)),
        },
    }
}

fn floor_char(text: &str, mut place: usize) -> usize {
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

/// The place of the first character outside YAML's printable set.
pub(crate) fn first_control(bytes: &[u8]) -> Option<usize> {
    let mut place = 0;
    while let Some(found) = first_suspect(&bytes[place..]) {
        place += found;
        let is_bad = match bytes[place] {
            0xc2 => bytes[place + 1] < 0xa0 && bytes[place + 1] != 0x85,
            0xef => bytes[place + 1] == 0xbf && 0xbe <= bytes[place + 2],
            _ => true,
        };
        if is_bad {
            return Some(place);
        }
        place += 1;
    }
    None
}

/// How many bytes are looked at together, without a branch for each.
const GLANCE_BYTES: usize = 64;

fn first_suspect(bytes: &[u8]) -> Option<usize> {
    let has_suspect = |glance: &[u8]| glance.iter().fold(false, |has, it| has | is_suspect(*it));
    let n_good = bytes.chunks(GLANCE_BYTES).take_while(|it| !has_suspect(it)).count();
    let start = (n_good * GLANCE_BYTES).min(bytes.len());
    bytes[start..].iter().position(|it| is_suspect(*it)).map(|found| start + found)
}

/// Whether a byte is not allowed, or may start a character that is not.
fn is_suspect(byte: u8) -> bool {
    let is_control = (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r');
    is_control | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xef)
}

/// What Go says of bytes that do not start with a character.
fn invalid_utf8(bytes: &[u8]) -> &'static str {
    let width = match bytes[0] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    if bytes.len() < width {
        return "incomplete UTF-8 octet sequence";
    }
    if bytes[1..width].iter().any(|byte| byte & 0xc0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    let is_overlong = match width {
        2 => bytes[0] < 0xc2,
        3 => bytes[0] == 0xe0 && bytes[1] < 0xa0,
        _ => bytes[0] == 0xf0 && bytes[1] < 0x90,
    };
    if is_overlong { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" }
}

fn decode_utf16(bytes: &[u8], join: fn([u8; 2]) -> u16) -> Input<'static> {
    let units = bytes.chunks_exact(2).map(|pair| join([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len());
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(it) => text.push(it),
            Err(_) => {
                let error = Some(ReadError::plain("unexpected low surrogate area"));
                return Input { text: Cow::Owned(text), error };
            }
        }
    }
    if !bytes.len().is_multiple_of(2) {
        let error = Some(ReadError::plain("incomplete UTF-16 character"));
        return Input { text: Cow::Owned(text), error };
    }
    match first_control(text.as_bytes()) {
        None => Input { text: Cow::Owned(text), error: None },
        Some(place) => {
            text.truncate(place);
            let error = Some(ReadError::plain("control characters are not allowed"));
            Input { text: Cow::Owned(text), error }
        }
    }
}
