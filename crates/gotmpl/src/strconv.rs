//! Text for Go's basic values and back: quoting, unquoting, printing floats as strconv does.

pub use crate::number::{float as parse_float, signed as parse_int, unsigned as parse_uint};

/// Whether Go prints a character as it is (`strconv.IsPrint`).
pub fn is_print(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\0'..='\u{a0}' | '\u{ad}' => false,
        // Rust's `escape_debug` escapes what Go calls not printable, and combining marks only when
        // they come first.
        _ => !['a', character].iter().collect::<String>().escape_debug().any(|it| it == '\\'),
    }
}

/// Appends bytes in double quotes, as `strconv.AppendQuote` does.
pub fn append_quote(out: &mut Vec<u8>, bytes: &[u8]) {
    append_quoted(out, bytes, b'"', false);
}

/// Appends bytes between `quote` marks; `is_ascii` escapes every other character.
pub(crate) fn append_quoted(out: &mut Vec<u8>, bytes: &[u8], quote: u8, is_ascii: bool) {
    out.push(quote);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            append_escaped(out, character, quote, is_ascii);
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    out.push(quote);
}

fn append_escaped(out: &mut Vec<u8>, character: char, quote: u8, is_ascii: bool) {
    let mut buffer = [0; 4];
    let code = u32::from(character);
    if code == u32::from(quote) || character == '\\' {
        out.push(b'\\');
        out.push(code as u8);
        return;
    }
    let is_shown = if is_ascii { (0x20..0x7f).contains(&code) } else { is_print(character) };
    if is_shown {
        out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        return;
    }
    let escape = match character {
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\0'..=' ' | '\u{7f}' => format!("\\x{code:02x}"),
        '\0'..='\u{ffff}' => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    out.extend_from_slice(escape.as_bytes());
}

/// The text in double quotes, as `strconv.Quote` gives it.
pub fn quote(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    append_quote(&mut out, text);
    String::from_utf8(out).expect("quoted text is UTF-8")
}

/// Whether a raw string literal could hold the text (`strconv.CanBackquote`).
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        !text
            .chars()
            .any(|it| matches!(it, '\u{feff}' | '`' | '\u{7f}') || (it < ' ' && it != '\t'))
    })
}

/// What a string literal with its quotes means; nothing when its syntax is wrong.
pub(crate) fn unquote(literal: &[u8]) -> Option<Vec<u8>> {
    let (quote, inner) = match literal {
        [open, inner @ .., close] if open == close => (*open, inner),
        _ => return None,
    };
    match quote {
        b'`' => Some(inner.iter().copied().filter(|byte| *byte != b'\r').collect()),
        b'"' => {
            let mut out = Vec::with_capacity(inner.len());
            let mut rest = inner;
            while !rest.is_empty() {
                if rest[0] == b'\n' {
                    return None;
                }
                let (unit, after) = unquote_char(rest, quote)?;
                unit.append(&mut out);
                rest = after;
            }
            Some(out)
        }
        _ => None,
    }
}

/// One character of a literal: a code point, or a single byte (`\x80`).
pub(crate) enum Unit {
    Char(char),
    Byte(u8),
}

impl Unit {
    pub(crate) fn code(&self) -> u32 {
        match self {
            Self::Char(character) => u32::from(*character),
            Self::Byte(byte) => u32::from(*byte),
        }
    }

    fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Char(character) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Self::Byte(byte) => out.push(*byte),
        }
    }
}

/// The first character of a literal's inside and what follows it (`strconv.UnquoteChar`).
pub(crate) fn unquote_char(text: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (&first, rest) = text.split_first()?;
    if first == quote {
        return None;
    }
    if first != b'\\' {
        return Some(match decode_char(text) {
            // An invalid byte stays itself in a string.
            (None, _) => (Unit::Byte(first), rest),
            (Some(character), width) => (Unit::Char(character), &text[width..]),
        });
    }
    let (&escape, rest) = rest.split_first()?;
    let simple = |code: char| Some((Unit::Char(code), rest));
    match escape {
        b'a' => simple('\u{7}'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\u{b}'),
        b'\\' => simple('\\'),
        b'\'' | b'"' => (escape == quote).then(|| (Unit::Char(char::from(escape)), rest)),
        b'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            Some((Unit::Byte(u8::try_from(code).ok()?), rest))
        }
        b'u' | b'U' => {
            let (code, rest) = digits(rest, if escape == b'u' { 4 } else { 8 }, 16)?;
            Some((Unit::Char(char::from_u32(code)?), rest))
        }
        b'0'..=b'7' => {
            let (code, rest) = digits(&text[1..], 3, 8)?;
            Some((Unit::Byte(u8::try_from(code).ok()?), rest))
        }
        _ => None,
    }
}

fn digits(text: &[u8], count: usize, radix: u32) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(count)?;
    let code = head.iter().try_fold(0u32, |code, byte| {
        code.checked_mul(radix)?.checked_add(char::from(*byte).to_digit(radix)?)
    })?;
    Some((code, rest))
}

/// The first character and its width; nothing with width 1 when the bytes are not UTF-8.
///
/// # Panics
/// When there is no byte.
pub(crate) fn decode_char(bytes: &[u8]) -> (Option<char>, usize) {
    if bytes[0] < 0x80 {
        return (Some(char::from(bytes[0])), 1);
    }
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => {
            std::str::from_utf8(&head[..error.valid_up_to()]).expect("checked up to here")
        }
    };
    match valid.chars().next() {
        Some(character) => (Some(character), character.len_utf8()),
        None => (None, 1),
    }
}

/// A float as `strconv.FormatFloat(number, format, precision, 64)` gives it; without a precision the
/// fewest digits that read back the same.
pub fn format_float(number: f64, format: u8, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let number = number.abs();
    match format {
        b'e' | b'E' => {
            let (digits, exponent) = scientific(number, precision);
            format!("{sign}{}", with_exponent(&digits, exponent, format))
        }
        b'f' => match precision {
            Some(precision) => format!("{sign}{number:.precision$}"),
            None => format!("{sign}{number}"),
        },
        b'g' | b'G' => format!("{sign}{}", general(number, precision, format)),
        b'x' | b'X' => format!("{sign}{}", hexadecimal(number, precision, format)),
        _ => format!("{sign}{}", binary(number)),
    }
}

/// The digits of `d.ddd` without the point, and the exponent.
fn scientific(number: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{number:.precision$e}"),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').expect("an exponent is printed");
    (mantissa.replace('.', ""), exponent.parse().expect("the exponent is a number"))
}

fn with_exponent(digits: &str, exponent: i32, letter: u8) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}{}{sign}{:02}", char::from(letter), exponent.unsigned_abs())
}

fn general(number: f64, precision: Option<usize>, format: u8) -> String {
    let wanted = precision.map(|precision| precision.max(1));
    let (digits, exponent) = scientific(number, wanted.map(|wanted| wanted - 1));
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    let limit = match wanted {
        // %e is used if the exponent from the conversion is at least the precision, where the
        // precision counts only as far as there are digits.
        Some(wanted) if wanted > digits.len() && digits.len() as i32 > exponent => {
            digits.len() as i32
        }
        Some(wanted) => wanted as i32,
        None => 6,
    };
    if exponent < -4 || exponent >= limit {
        return with_exponent(digits, exponent, if format == b'G' { b'E' } else { b'e' });
    }
    plain(digits, exponent)
}

/// Digits with the point after `exponent + 1` of them.
fn plain(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    let (whole, fraction) = digits.split_at(whole);
    format!("{whole}.{fraction}")
}

/// Mantissa with 53 bits and the exponent of its last bit.
fn decompose(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

fn binary(number: f64) -> String {
    let (mantissa, exponent) = decompose(number);
    format!("{mantissa}p{exponent:+}")
}

fn hexadecimal(number: f64, precision: Option<usize>, format: u8) -> String {
    let (mut mantissa, mut exponent) = decompose(number);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // One bit before the point, 60 bits after it.
        let shift = mantissa.leading_zeros() as i32 - 3;
        mantissa <<= shift;
        exponent += 60 - shift;
    }
    if let Some(precision) = precision
        && precision < 15
    {
        let shift = precision * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        // Round half to even.
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        None => fraction.truncate(fraction.trim_end_matches('0').len()),
        Some(precision) => {
            fraction.truncate(precision);
            fraction.push_str(&"0".repeat(precision - fraction.len()));
        }
    }
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let text =
        format!("0x{}{point}{fraction}p{sign}{:02}", mantissa >> 60, exponent.unsigned_abs());
    if format == b'X' { text.to_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(number: f64, format: u8, precision: Option<usize>, expect: &str) {
        assert_eq!(format_float(number, format, precision), expect);
    }

    #[test]
    fn floats_print_as_in_go() {
        float(1_000_000.0, b'g', None, "1e+06");
        float(123_456.0, b'g', None, "123456");
        float(1e20, b'g', None, "1e+20");
        float(0.000_012_3, b'g', None, "1.23e-05");
        float(0.5, b'e', Some(6), "5.000000e-01");
        float(1234.5678, b'g', Some(3), "1.23e+03");
        float(100.0, b'g', Some(3), "100");
        float(1.0, b'x', None, "0x1p+00");
        float(1.5, b'x', Some(3), "0x1.800p+00");
        float(3.0, b'b', None, "6755399441055744p-51");
        float(-0.0, b'f', Some(1), "-0.0");
    }

    #[test]
    fn literals_are_unquoted_as_in_go() {
        let check = |literal: &str, expect: Option<&[u8]>| {
            assert_eq!(unquote(literal.as_bytes()).as_deref(), expect, "{literal}");
        };
        check(r#""a\tb""#, Some(b"a\tb"));
        check(r#""\xff""#, Some(b"\xff"));
        check(r#""\u00e9\101""#, Some("éA".as_bytes()));
        check("`a\r\n`", Some(b"a\n"));
        check(r#""\'""#, None);
        check(r#""\q""#, None);
        check(r#""\ud800""#, None);
    }

    #[test]
    fn text_is_quoted_as_in_go() {
        assert_eq!(
            quote("a\"\u{7f}\u{1}é\u{200b}\u{301}".as_bytes()),
            "\"a\\\"\\x7f\\x01é\\u200b\u{301}\""
        );
        assert_eq!(quote(b"\xff"), "\"\\xff\"");
    }
}
