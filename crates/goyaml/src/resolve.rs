//! What a scalar's text means in YAML 1.1, as go.yaml.in/yaml v2 sees it (`resolve.go`).

use std::borrow::Cow;

use crate::{timestamp::is_timestamp, value::Value};

/// The common part of the standard tags.
const STANDARD: &str = "tag:yaml.org,2002:";

/// A scalar with its meaning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or time, which counts as its text.
    Timestamp(&'a str),
    String(&'a str),
    /// Text made of `!!binary`.
    Decoded(String),
}

impl Scalar<'_> {
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp(_) => "!!timestamp",
            Self::String(_) | Self::Decoded(_) => "!!str",
        }
    }
}

impl From<Scalar<'_>> for Value {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(truth) => Self::Bool(truth),
            Scalar::Int(number) => Self::Int(number),
            Scalar::Uint(number) => Self::Uint(number),
            Scalar::Float(number) => Self::Float(number),
            Scalar::String(text) | Scalar::Timestamp(text) => Self::String(text.into()),
            Scalar::Decoded(text) => Self::String(text.into()),
        }
    }
}

/// The meaning of a text with an explicit tag.
///
/// Fails when the text does not fit the tag, with Go's words. Tags that are not standard are ignored,
/// and the text is just text.
pub(crate) fn resolve_tagged<'a>(
    tag: &str,
    text: &'a str,
) -> Result<Scalar<'a>, Cow<'static, str>> {
    let Some(name) = tag.strip_prefix(STANDARD) else { return Ok(Scalar::String(text)) };
    let scalar = match name {
        "str" => return Ok(Scalar::String(text)),
        "binary" => return decode_binary(text),
        "bool" | "int" | "float" | "null" => resolve_with(text, false),
        "timestamp" => resolve_with(text, true),
        _ => return Ok(Scalar::String(text)),
    };
    match (name, scalar) {
        #[expect(clippy::cast_precision_loss, reason = "Go rounds to the nearest float64 too")]
        ("float", Scalar::Int(number)) => Ok(Scalar::Float(number as f64)),
        (_, scalar) if scalar.tag() == format!("!!{name}") => Ok(scalar),
        (_, scalar) => Err(format!("cannot decode {} `{text}` as a !!{name}", scalar.tag()).into()),
    }
}

/// The meaning of a plain text without a tag.
pub(crate) fn resolve(text: &str) -> Scalar<'_> {
    resolve_with(text, true)
}

fn resolve_with(text: &str, may_be_timestamp: bool) -> Scalar<'_> {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => special_float(text)
            .or_else(|| parse_float(text))
            .map_or_else(|| Scalar::String(text), Scalar::Float),
        b'0'..=b'9' | b'+' | b'-' => {
            if let Some(number) = special_float(text) {
                return Scalar::Float(number);
            }
            if may_be_timestamp && is_timestamp(text) {
                return Scalar::Timestamp(text);
            }
            number(text)
        }
        _ => Scalar::String(text),
    }
}

fn word(text: &str) -> Scalar<'_> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::String(text),
    }
}

fn special_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn number(text: &str) -> Scalar<'_> {
    // Most texts that start with a digit are no numbers; a look at the last byte tells many of them.
    let plain: Cow<'_, str> =
        if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    if let Some(number) = parse_int(&plain) {
        return number.map_or_else(Scalar::Uint, Scalar::Int);
    }
    if is_yaml_float(plain.as_bytes())
        && let Some(number) = parse_float(&plain)
    {
        return Scalar::Float(number);
    }
    // Go tries binary numbers once more, and thereby takes a sign after the prefix.
    let binary = plain.strip_prefix("0b").and_then(|digits| i64::from_str_radix(digits, 2).ok());
    binary.map_or(Scalar::String(text), Scalar::Int)
}

/// Go's `ParseInt` and then `ParseUint` with base 0, without underscores.
fn parse_int(text: &str) -> Option<Result<i64, u64>> {
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => ("-", &text[1..]),
        [b'+', ..] => ("", &text[1..]),
        _ => ("", text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|it| it.is_digit(base)) {
        return None;
    }
    if sign == "-" {
        let number = i128::from_str_radix(digits, base).ok()?;
        return i64::try_from(-number).ok().map(Ok);
    }
    let number = u64::from_str_radix(digits, base).ok()?;
    match i64::try_from(number) {
        Ok(number) => Some(Ok(number)),
        // `ParseUint` takes no sign.
        Err(_) => (!text.starts_with('+')).then_some(Err(number)),
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_yaml_float(text: &[u8]) -> bool {
    let mut rest = match text {
        [b'-' | b'+', rest @ ..] => rest,
        _ => text,
    };
    let n_whole = skip_digits(&mut rest);
    if let [b'.', tail @ ..] = rest {
        rest = tail;
        if skip_digits(&mut rest) == 0 && n_whole == 0 {
            return false;
        }
    } else if n_whole == 0 {
        return false;
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        rest = match tail {
            [b'-' | b'+', tail @ ..] => tail,
            _ => tail,
        };
        if skip_digits(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}

fn skip_digits(rest: &mut &[u8]) -> usize {
    let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    *rest = &rest[n_digits..];
    n_digits
}

/// Go's `ParseFloat` for a text that starts with a digit, a sign or a point: too large is no number.
fn parse_float(text: &str) -> Option<f64> {
    let text: Cow<'_, str> = if text.contains('_') {
        if !are_underscores_between_digits(text.as_bytes()) {
            return None;
        }
        text.replace('_', "").into()
    } else {
        text.into()
    };
    if !is_yaml_float(text.as_bytes()) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn are_underscores_between_digits(text: &[u8]) -> bool {
    let is_digit = |place: Option<usize>| {
        place.and_then(|place| text.get(place)).is_some_and(u8::is_ascii_digit)
    };
    (0..text.len())
        .filter(|place| text[*place] == b'_')
        .all(|place| is_digit(place.checked_sub(1)) && is_digit(Some(place + 1)))
}

fn decode_binary(text: &str) -> Result<Scalar<'static>, Cow<'static, str>> {
    match decode_base64(text.as_bytes()) {
        Some(bytes) => Ok(Scalar::Decoded(lossy(&bytes))),
        None => Err("!!binary value contains invalid base64 data".into()),
    }
}

/// Go's `base64.StdEncoding`, which passes over line breaks.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.iter().copied().filter(|it| !matches!(it, b'\n' | b'\r')).collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let n_padding = text.iter().rev().take_while(|it| **it == b'=').count();
    if 2 < n_padding {
        return None;
    }
    let digits = &text[..text.len() - n_padding];
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let mut bits = 0_u32;
    for (place, digit) in digits.iter().enumerate() {
        bits = bits << 6 | base64_digit(*digit)?;
        if place % 4 == 3 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    match n_padding {
        1 => bytes.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
        2 => bytes.extend_from_slice(&(bits << 12).to_be_bytes()[1..2]),
        _ => {}
    }
    Some(bytes)
}

fn base64_digit(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(digit))
}

/// As Go's JSON printer does it: each byte that is not UTF-8 becomes U+FFFD.
fn lossy(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    loop {
        match std::str::from_utf8(bytes) {
            Ok(rest) => {
                text.push_str(rest);
                return text;
            }
            Err(error) => {
                let (good, bad) = bytes.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).expect("checked up to here"));
                text.push('\u{FFFD}');
                bytes = &bad[1..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_go_says() {
        let cases: &[(&str, Scalar<'_>)] = &[
            ("yes", Scalar::Bool(true)),
            ("yEs", Scalar::String("yEs")),
            ("n", Scalar::Bool(false)),
            ("", Scalar::Null),
            ("0755", Scalar::Int(493)),
            ("0o755", Scalar::Int(493)),
            ("0x1F", Scalar::Int(31)),
            ("0b11", Scalar::Int(3)),
            ("-0b11", Scalar::Int(-3)),
            ("0b-1", Scalar::Int(-1)),
            ("-010", Scalar::Int(-8)),
            ("1_000", Scalar::Int(1000)),
            ("1_", Scalar::Int(1)),
            ("_1", Scalar::String("_1")),
            (".5", Scalar::Float(0.5)),
            ("5.", Scalar::Float(5.0)),
            ("08", Scalar::Float(8.0)),
            ("1e3", Scalar::Float(1000.0)),
            ("1e400", Scalar::String("1e400")),
            ("1e", Scalar::String("1e")),
            ("0x", Scalar::String("0x")),
            ("1:30", Scalar::String("1:30")),
            ("=", Scalar::String("=")),
            ("<<", Scalar::String("<<")),
            ("2001-01-01", Scalar::Timestamp("2001-01-01")),
            ("2001-02-30", Scalar::String("2001-02-30")),
            ("2001-1-1 1:2:3.5", Scalar::Timestamp("2001-1-1 1:2:3.5")),
            ("18446744073709551615", Scalar::Uint(u64::MAX)),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            ("+1", Scalar::Int(1)),
            ("-", Scalar::String("-")),
            (".", Scalar::String(".")),
            ("1.2.3", Scalar::String("1.2.3")),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text), *expected, "{text}");
        }
    }

    #[test]
    fn tags_that_do_not_fit_are_refused() {
        let of = |tag: &str, text: &'static str| {
            resolve_tagged(&format!("tag:yaml.org,2002:{tag}"), text).map_err(Cow::into_owned)
        };
        assert_eq!(of("float", "5"), Ok(Scalar::Float(5.0)));
        assert_eq!(of("int", "a"), Err("cannot decode !!str `a` as a !!int".to_owned()));
        assert_eq!(of("binary", "aGk="), Ok(Scalar::Decoded("hi".to_owned())));
        assert_eq!(resolve_tagged("!mine", "5"), Ok(Scalar::String("5")));
    }
}
