//! Base 64 and base 32, with Go's errors as text.

use gotmpl::{Str, Type::String as Text, Value};

use super::{Function, args::text, fixed};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("b64enc", &[Text], |_, args| Ok(encode(text(&args[0]).as_bytes(), &BASE64).into())),
    fixed("b64dec", &[Text], |_, args| Ok(decoded(&args[0], &BASE64))),
    fixed("b32enc", &[Text], |_, args| Ok(encode(text(&args[0]).as_bytes(), &BASE32).into())),
    fixed("b32dec", &[Text], |_, args| Ok(decoded(&args[0], &BASE32))),
];

/// How bytes become text.
pub(super) struct Encoding {
    name: &'static str,
    alphabet: &'static [u8],
    /// Bits that a character stands for.
    bits: u32,
    /// Characters that stand together for whole bytes.
    group: usize,
}

pub(super) const BASE64: Encoding = Encoding {
    name: "base64",
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
};

const BASE32: Encoding =
    Encoding { name: "base32", alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8 };

pub(super) fn encode(bytes: &[u8], encoding: &Encoding) -> String {
    let mut out = String::with_capacity(bytes.len() * 8 / 5 + 8);
    let mask = (1 << encoding.bits) - 1;
    let (mut pool, mut n_bits) = (0u32, 0);
    for byte in bytes {
        pool = pool << 8 | u32::from(*byte);
        n_bits += 8;
        while n_bits >= encoding.bits {
            n_bits -= encoding.bits;
            out.push(char::from(encoding.alphabet[(pool >> n_bits & mask) as usize]));
        }
        pool &= (1 << n_bits) - 1;
    }
    if n_bits > 0 {
        let index = pool << (encoding.bits - n_bits) & mask;
        out.push(char::from(encoding.alphabet[index as usize]));
    }
    while !out.len().is_multiple_of(encoding.group) {
        out.push('=');
    }
    out
}

fn decoded(value: &Value, encoding: &Encoding) -> Value {
    match decode(text(value).as_bytes(), encoding) {
        Ok(bytes) => Value::String(Str::from_bytes(bytes)),
        Err(place) => corrupt(place, encoding).into(),
    }
}

/// Go's words for text that could not be decoded.
pub(super) fn corrupt(place: usize, encoding: &Encoding) -> String {
    format!("illegal {} data at input byte {place}", encoding.name)
}

/// Decodes padded text, in which line breaks are ignored; the error is the place that Go names.
pub(super) fn decode(text: &[u8], encoding: &Encoding) -> Result<Vec<u8>, usize> {
    let is_base32 = encoding.group == 8;
    let input: Vec<(usize, u8)> = text
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'))
        // base32 counts places after line breaks are gone.
        .enumerate()
        .map(|(count, (place, byte))| (if is_base32 { count } else { place }, byte))
        .collect();
    let mut out = Vec::with_capacity(input.len() * 3 / 4);
    let end = if is_base32 { input.len() } else { text.len() };
    for (start, group) in input.chunks(encoding.group).enumerate() {
        let is_last = (start + 1) * encoding.group >= input.len();
        decode_group(group, encoding, &mut out, is_last, end)?;
        if group.iter().any(|(_, byte)| *byte == b'=') && !is_last {
            return Err(group[group.len() - 1].0 + 1);
        }
    }
    Ok(out)
}

fn decode_group(
    group: &[(usize, u8)],
    encoding: &Encoding,
    out: &mut Vec<u8>,
    is_last: bool,
    end: usize,
) -> Result<(), usize> {
    let (mut pool, mut n_bits, mut n_digits) = (0u64, 0, 0);
    for (place, byte) in group {
        if *byte == b'=' {
            break;
        }
        let Some(digit) = encoding.alphabet.iter().position(|it| it == byte) else {
            return Err(*place);
        };
        pool = pool << encoding.bits | digit as u64;
        n_bits += encoding.bits;
        n_digits += 1;
    }
    let is_whole = group.len() == encoding.group;
    if n_digits < encoding.group {
        // Padding must stand at a place where whole bytes end, and fill the group.
        let may_end = match encoding.group {
            4 => matches!(n_digits, 2 | 3),
            _ => matches!(n_digits, 2 | 4 | 5 | 7),
        };
        let padding = &group[n_digits..];
        if padding.is_empty() {
            let back = if encoding.group == 4 { group.len() } else { 0 };
            return Err(end - back.min(end));
        }
        if !may_end {
            return Err(padding[0].0);
        }
        if let Some((place, _)) = padding.iter().find(|(_, byte)| *byte != b'=') {
            return Err(*place);
        }
        if !is_whole || !is_last {
            return Err(if is_whole { padding[padding.len() - 1].0 + 1 } else { end });
        }
    }
    while n_bits >= 8 {
        n_bits -= 8;
        out.push((pool >> n_bits) as u8);
    }
    Ok(())
}
