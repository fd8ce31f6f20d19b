//! Decoding, with the places that Go's errors name.

use super::Encoding;

/// Decodes padded text, in which line breaks are ignored; the error is the place that Go names.
pub(in crate::functions) fn decode(text: &[u8], encoding: &Encoding) -> Result<Vec<u8>, usize> {
    let digit = |byte: u8| encoding.alphabet.iter().position(|it| *it == byte).map(|it| it as u64);
    if encoding.group == 4 { base64(text, digit) } else { base32(text, digit) }
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Takes the bytes of so many digits, of `bits` each.
fn take_bytes(out: &mut Vec<u8>, digits: &[u64], bits: usize) {
    let pool = digits.iter().fold(0, |pool, digit| pool << bits | digit);
    let n_bits = digits.len() * bits;
    out.extend((1..=n_bits / 8).map(|it| (pool >> (n_bits - 8 * it)) as u8));
}

fn base64(text: &[u8], digit: impl Fn(u8) -> Option<u64>) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let mut place = 0;
    let mut digits = Vec::with_capacity(4);
    let skip = |place: usize| {
        place + text[place..].iter().take_while(|byte| is_line_break(**byte)).count()
    };
    while place < text.len() {
        let byte = text[place];
        place += 1;
        if let Some(digit) = digit(byte) {
            digits.push(digit);
            if digits.len() == 4 {
                take_bytes(&mut out, &digits, 6);
                digits.clear();
            }
            continue;
        }
        if is_line_break(byte) {
            continue;
        }
        if byte != b'=' || digits.len() < 2 {
            return Err(place - 1);
        }
        if digits.len() == 2 {
            place = skip(place);
            match text.get(place) {
                None => return Err(text.len()),
                Some(b'=') => place += 1,
                Some(_) => return Err(place - 1),
            }
        }
        place = skip(place);
        if place < text.len() {
            return Err(place);
        }
        take_bytes(&mut out, &digits, 6);
        return Ok(out);
    }
    if digits.is_empty() { Ok(out) } else { Err(place - digits.len()) }
}

fn base32(text: &[u8], digit: impl Fn(u8) -> Option<u64>) -> Result<Vec<u8>, usize> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !is_line_break(*byte)).collect();
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let mut digits = Vec::with_capacity(8);
    for (place, byte) in text.iter().enumerate() {
        let rest = &text[place + 1..];
        if *byte == b'=' && digits.len() >= 2 && rest.len() < 8 {
            if rest.len() + digits.len() < 7 {
                return Err(text.len());
            }
            let padding = &rest[..rest.len().min(7 - digits.len())];
            if let Some(bad) = padding.iter().position(|byte| *byte != b'=') {
                return Err(text.len() - rest.len() + bad - 1);
            }
            if matches!(digits.len(), 3 | 6) {
                return Err(place);
            }
            take_bytes(&mut out, &digits, 5);
            return Ok(out);
        }
        digits.push(digit(*byte).ok_or(place)?);
        if digits.len() == 8 {
            take_bytes(&mut out, &digits, 5);
            digits.clear();
        }
    }
    if digits.is_empty() { Ok(out) } else { Err(text.len() - digits.len()) }
}
