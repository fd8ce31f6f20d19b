//! Number and character literals, with every type that a literal can take.

use crate::strconv::{quote, unquote_char};

/// A number literal, as Go's `parse.NumberNode`: each field holds when the literal fits that type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

/// Reads a character literal with its quotes.
pub(crate) fn character(text: &[u8]) -> Result<Number, String> {
    let Some((unit, tail)) = unquote_char(&text[1..], text[0]) else {
        return Err("invalid syntax".to_owned());
    };
    if tail != b"'" {
        return Err(format!("malformed character constant: {}", String::from_utf8_lossy(text)));
    }
    let code = unit.code();
    Ok(Number {
        int: Some(code.into()),
        uint: Some(code.into()),
        float: Some(code.into()),
        complex: None,
    })
}

/// Reads `1+2i`.
pub(crate) fn complex(text: &str) -> Result<Number, String> {
    let inner = text.strip_suffix('i').unwrap_or(text);
    // The sign between the parts is the last one that does not belong to an exponent.
    let split = inner
        .char_indices()
        .skip(1)
        .filter(|(place, it)| {
            matches!(it, '+' | '-')
                && !matches!(inner.as_bytes()[place - 1], b'e' | b'E' | b'p' | b'P')
        })
        .last();
    let parts = split.and_then(|(place, _)| {
        let (real, imaginary) = inner.split_at(place);
        Some((float(real)?, float(imaginary)?))
    });
    match parts {
        Some((real, imaginary)) => Ok(simplified(real, imaginary)),
        None => Err("syntax error scanning complex number".to_owned()),
    }
}

/// Reads any other number.
pub(crate) fn number(text: &str) -> Result<Number, String> {
    if let Some(imaginary) = text.strip_suffix('i').and_then(float) {
        return Ok(simplified(0.0, imaginary));
    }
    let mut number = Number { uint: unsigned(text), int: signed(text), ..Number::default() };
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else if let Some(float) = float(text) {
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote(text.as_bytes())));
        }
        number.float = Some(float);
        number.int = exact_int(float);
        number.uint = exact_uint(float);
    }
    if number.float.is_none() {
        return Err(format!("illegal number syntax: {}", quote(text.as_bytes())));
    }
    Ok(number)
}

fn simplified(real: f64, imaginary: f64) -> Number {
    let mut number = Number { complex: Some((real, imaginary)), ..Number::default() };
    if imaginary == 0.0 {
        number.float = Some(real);
        number.int = exact_int(real);
        number.uint = exact_uint(real);
    }
    number
}

fn exact_int(float: f64) -> Option<i64> {
    let int = float as i64;
    (int as f64 == float && float < 9_223_372_036_854_775_808.0).then_some(int)
}

fn exact_uint(float: f64) -> Option<u64> {
    let uint = float as u64;
    (uint as f64 == float && float < 18_446_744_073_709_551_616.0).then_some(uint)
}

/// `strconv.ParseInt(text, 0, 64)`.
pub fn signed(text: &str) -> Option<i64> {
    match text.as_bytes().first()? {
        b'-' => {
            let magnitude = magnitude(&text[1..])?;
            0i64.checked_sub_unsigned(magnitude)
        }
        b'+' => i64::try_from(magnitude(&text[1..])?).ok(),
        _ => i64::try_from(magnitude(text)?).ok(),
    }
}

/// `strconv.ParseUint(text, 0, 64)`.
pub fn unsigned(text: &str) -> Option<u64> {
    magnitude(text)
}

fn magnitude(text: &str) -> Option<u64> {
    let (radix, digits, has_prefix) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &text[2..], true),
        [b'0', b'o' | b'O', _, ..] => (8, &text[2..], true),
        [b'0', b'b' | b'B', _, ..] => (2, &text[2..], true),
        [b'0', _, ..] => (8, &text[1..], true),
        _ => (10, text, false),
    };
    let digits = without_underscores(digits, has_prefix)?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&digits, radix).ok()
}

/// Digits without underscores, which must stand between digits, or after a base prefix.
fn without_underscores(digits: &str, has_prefix: bool) -> Option<std::borrow::Cow<'_, str>> {
    if !digits.contains('_') {
        return Some(digits.into());
    }
    let is_placed = !digits.contains("__")
        && !digits.ends_with('_')
        && (has_prefix || !digits.starts_with('_'));
    is_placed.then(|| digits.replace('_', "").into())
}

/// `strconv.ParseFloat(text, 64)` of what is not too large.
pub fn float(text: &str) -> Option<f64> {
    let (sign, magnitude) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if let Some(hex) = magnitude.strip_prefix("0x").or_else(|| magnitude.strip_prefix("0X")) {
        return Some(sign * hex_float(hex)?);
    }
    if !magnitude.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
        return match magnitude.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => Some(sign * f64::INFINITY),
            "nan" => Some(f64::NAN),
            _ => None,
        };
    }
    if magnitude.contains('_') {
        return None;
    }
    let value: f64 = magnitude.parse().ok()?;
    value.is_finite().then_some(sign * value)
}

fn hex_float(text: &str) -> Option<f64> {
    let text = text.strip_prefix('_').unwrap_or(text).replace('_', "");
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut exponent: i32 = exponent.parse().ok()?;
    let mut bits = 0u128;
    let mut is_inexact = false;
    for (place, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = digit.to_digit(16)?;
        if bits >> 120 == 0 {
            bits = bits << 4 | u128::from(digit);
            exponent = exponent.checked_sub(if place >= whole.len() { 4 } else { 0 })?;
        } else {
            is_inexact |= digit != 0;
            exponent = exponent.checked_add(if place >= whole.len() { 0 } else { 4 })?;
        }
    }
    // The conversion of an integer rounds to nearest even; what was dropped only breaks a tie.
    let bits = if is_inexact { bits | 1 } else { bits };
    let value = bits as f64
        * 2f64.powi(exponent.clamp(-1000, 1000))
        * 2f64.powi((exponent - exponent.clamp(-1000, 1000)).clamp(-1000, 1000));
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let shown = match number(text) {
            Ok(Number { int, uint, float, complex }) => {
                format!("{int:?} {uint:?} {float:?} {complex:?}")
            }
            Err(error) => error,
        };
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn literals_take_every_type_they_fit() {
        check("0x1F", "Some(31) Some(31) Some(31.0) None");
        check("-3", "Some(-3) None Some(-3.0) None");
        check("-0", "Some(0) Some(0) Some(0.0) None");
        check("010", "Some(8) Some(8) Some(8.0) None");
        check("1_000", "Some(1000) Some(1000) Some(1000.0) None");
        check("0b_1", "Some(1) Some(1) Some(1.0) None");
        check("1e3", "Some(1000) Some(1000) Some(1000.0) None");
        check("1.5", "None None Some(1.5) None");
        check("0x1p4", "Some(16) Some(16) Some(16.0) None");
        check(
            "18446744073709551615",
            "None Some(18446744073709551615) Some(1.8446744073709552e19) None",
        );
        check("18446744073709551616", "integer overflow: \"18446744073709551616\"");
        check("08", "integer overflow: \"08\"");
        check("1__0", "illegal number syntax: \"1__0\"");
        check("2i", "None None None Some((0.0, 2.0))");
        check(".", "illegal number syntax: \".\"");
    }
}
