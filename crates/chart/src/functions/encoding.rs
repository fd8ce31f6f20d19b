//! Base 64 and base 32, with Go's errors as text.

use gotmpl::{Str, Type::String as Text, Value};

use super::{Function, args::text, fixed};

mod decode;

pub(super) use decode::decode;

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
