//! Checksums.

use gotmpl::{Type::String as Text, Value};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::{Function, args::text, fixed};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("sha1sum", &[Text], |_, args| Ok(hex(&Sha1::digest(text(&args[0]).as_bytes())))),
    fixed("sha256sum", &[Text], |_, args| Ok(hex(&Sha256::digest(text(&args[0]).as_bytes())))),
    fixed("sha512sum", &[Text], |_, args| Ok(hex(&Sha512::digest(text(&args[0]).as_bytes())))),
    fixed("adler32sum", &[Text], |_, args| {
        Ok(adler32(text(&args[0]).as_bytes()).to_string().into())
    }),
];

fn hex(bytes: &[u8]) -> Value {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    out.into()
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut one, mut two) = (1, 0);
    for byte in bytes {
        one = (one + u32::from(*byte)) % 65_521;
        two = (two + one) % 65_521;
    }
    two << 16 | one
}
