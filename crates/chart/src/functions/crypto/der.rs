//! ASN.1 in its distinguished encoding: just what keys and certificates need.

use num_bigint::BigUint;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_ID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A tag, a length and contents.
pub(super) fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = contents.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        out.push(0x80 | (bytes.len() - start) as u8);
        out.extend_from_slice(&bytes[start..]);
    }
    out.extend_from_slice(contents);
    out
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

pub(super) fn integer(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes[0] >= 0x80 {
        bytes.insert(0, 0);
    }
    value(INTEGER, &bytes)
}

pub(super) fn null() -> Vec<u8> {
    value(NULL, &[])
}

pub(super) fn bit_string(bytes: &[u8], n_unused_bits: u8) -> Vec<u8> {
    value(BIT_STRING, &[&[n_unused_bits], bytes].concat())
}

/// An object identifier by its numbers.
pub(super) fn object_id(numbers: &[u32]) -> Vec<u8> {
    let mut out = vec![(numbers[0] * 40 + numbers[1]) as u8];
    for number in &numbers[2..] {
        let mut septets = vec![(number & 0x7f) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            septets.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        septets.reverse();
        out.extend(septets);
    }
    value(OBJECT_ID, &out)
}

/// A value that was read: its tag, its contents, and all of its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'d> {
    pub(super) tag: u8,
    pub(super) contents: &'d [u8],
    pub(super) whole: &'d [u8],
}

impl<'d> Item<'d> {
    /// Reads a value and gives what follows it.
    pub(super) fn read(bytes: &'d [u8]) -> Option<(Self, &'d [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            rest = after;
        }
        let (contents, after) = rest.split_at_checked(length)?;
        let whole = &bytes[..bytes.len() - after.len()];
        Some((Self { tag, contents, whole }, after))
    }

    /// The values within this one.
    pub(super) fn items(self) -> Option<Vec<Self>> {
        let mut items = Vec::new();
        let mut rest = self.contents;
        while !rest.is_empty() {
            let (item, after) = Self::read(rest)?;
            items.push(item);
            rest = after;
        }
        Some(items)
    }
}
