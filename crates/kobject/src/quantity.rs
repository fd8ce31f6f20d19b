//! Amounts of resources as Kubernetes writes them: `100m`, `64Mi`, `1e3`.
//!
//! Source: `k8s.io/apimachinery` 0.34, `pkg/api/resource`.

use std::{cmp::Ordering, fmt, str::FromStr};

use thiserror::Error;

/// What the real server answers to text that is no quantity.
pub(crate) const FORMAT_MESSAGE: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Finest step that is kept; what is finer is rounded up.
const NANO: i128 = 1_000_000_000;
/// What does not fit is capped here, as upstream caps at 2^63-1.
const VALUE_MAX: i128 = i64::MAX as i128;

/// An exact amount, in steps of 10⁻⁹, and the family of suffixes in which it is printed.
///
/// Equality and order are those of the amount; `1Ki` equals `1024`.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// The family of suffixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `n u m`, none, `k M G T P E`.
    Decimal,
    /// `Ki Mi Gi Ti Pi Ei`.
    Binary,
    /// `e3`, `E6`.
    Exponent,
}

/// The text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{FORMAT_MESSAGE}")]
pub struct ParseQuantityError;

const DECIMAL_SUFFIXES: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY_SUFFIXES: [(&str, u32); 6] =
    [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// So many whole units, printed with decimal suffixes.
    pub const fn from_value(value: i64) -> Self {
        Self { nanos: value as i128 * NANO, format: Format::Decimal }
    }

    /// So many thousandths, printed with decimal suffixes.
    pub const fn from_milli(milli: i64) -> Self {
        Self { nanos: milli as i128 * (NANO / 1000), format: Format::Decimal }
    }

    /// So many bytes, printed with binary suffixes.
    pub const fn from_bytes(bytes: i64) -> Self {
        Self { nanos: bytes as i128 * NANO, format: Format::Binary }
    }

    /// The amount in whole units, rounded away from zero; capped to `i64`.
    pub fn value(&self) -> i64 {
        scaled(self.nanos, NANO)
    }

    /// The amount in thousandths, rounded away from zero; capped to `i64`.
    pub fn to_milli(&self) -> i64 {
        scaled(self.nanos, NANO / 1000)
    }

    /// The amount in whole units, as near as `f64` comes.
    pub fn to_f64(&self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// Whether the amount is nothing.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount is less than nothing.
    pub fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// Reads a JSON string or number; `None` when it is neither, or no quantity.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => text.parse().ok(),
            serde_json::Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;

    /// The sum, in the suffixes of the left side unless that is zero.
    fn add(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nanos: self.nanos.saturating_add(other.nanos), format }
    }
}

impl std::ops::Sub for Quantity {
    type Output = Self;

    /// The difference, in the suffixes of the left side unless that is zero.
    fn sub(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nanos: self.nanos.saturating_sub(other.nanos), format }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

fn scaled(nanos: i128, unit: i128) -> i64 {
    let rounded = div_away(nanos, unit);
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

/// Division that rounds away from zero.
fn div_away(value: i128, unit: i128) -> i128 {
    let whole = value / unit;
    if value % unit == 0 { whole } else { whole + value.signum() }
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let is_negative = text.starts_with('-');
        let n_digits = unsigned.bytes().take_while(|it| it.is_ascii_digit() || *it == b'.').count();
        let (number, suffix) = unsigned.split_at(n_digits);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return Err(ParseQuantityError);
        }
        let (scale, format) = suffix_scale(suffix)?;
        let nanos = nanos(whole, fraction, &scale)?;
        Ok(Self { nanos: if is_negative { -nanos } else { nanos }, format })
    }
}

/// The factor of a suffix, as powers of two and of ten.
struct Scale {
    twos: u32,
    tens: i32,
}

fn suffix_scale(suffix: &str) -> Result<(Scale, Format), ParseQuantityError> {
    if let Some((_, tens)) = DECIMAL_SUFFIXES.iter().find(|(it, _)| *it == suffix) {
        return Ok((Scale { twos: 0, tens: *tens }, Format::Decimal));
    }
    if let Some((_, twos)) = BINARY_SUFFIXES.iter().find(|(it, _)| *it == suffix) {
        return Ok((Scale { twos: *twos, tens: 0 }, Format::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(ParseQuantityError)?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return Err(ParseQuantityError);
    }
    let tens: i32 = exponent.parse().map_err(|_| ParseQuantityError)?;
    Ok((Scale { twos: 0, tens }, Format::Exponent))
}

/// The amount in nanos, rounded up and capped.
fn nanos(whole: &str, fraction: &str, scale: &Scale) -> Result<i128, ParseQuantityError> {
    // Digits beyond these change nothing: what is smaller is rounded up, what is larger is capped.
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let (kept, rest) = fraction.split_at(fraction.len().min(18));
    let digits = format!("{whole}{kept}");
    let is_nothing = digits.bytes().all(|it| it == b'0') && rest.is_empty();
    if is_nothing {
        return Ok(0);
    }
    if 36 < digits.trim_start_matches('0').len() {
        return Ok(VALUE_MAX * NANO);
    }
    let mut value: i128 = digits.parse().map_err(|_| ParseQuantityError)?;
    let tens = i32::try_from(kept.len()).map_err(|_| ParseQuantityError)?;
    let tens = scale.tens.saturating_sub(tens).saturating_add(9);
    value = value.checked_mul(1 << scale.twos).unwrap_or(i128::MAX);
    let power = |it: i32| 10_i128.checked_pow(it.unsigned_abs());
    let value = match (tens, power(tens)) {
        (0.., Some(power)) => value.checked_mul(power).unwrap_or(i128::MAX),
        (0.., None) => i128::MAX,
        (_, Some(power)) => div_away(value, power),
        (_, None) => 1,
    };
    let value = if rest.is_empty() || tens >= 0 { value } else { value.max(1) };
    Ok(value.min(VALUE_MAX * NANO))
}

impl fmt::Display for Quantity {
    /// Prints the canonical form: no fraction, the largest suffix that keeps every digit.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = self.nanos % NANO == 0;
        match self.format {
            // Upstream prints binary amounts below 1024, or with a fraction, with decimal suffixes.
            Format::Binary if is_whole && 1024 * NANO <= self.nanos.abs() => {
                binary(self.nanos / NANO, formatter)
            }
            Format::Exponent => exponent(self.nanos, formatter),
            Format::Binary | Format::Decimal => decimal(self.nanos, formatter),
        }
    }
}

fn binary(mut value: i128, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut n_steps = 0;
    while value % 1024 == 0 && n_steps < BINARY_SUFFIXES.len() {
        value /= 1024;
        n_steps += 1;
    }
    let suffix = n_steps.checked_sub(1).map_or("", |it| BINARY_SUFFIXES[it].0);
    write!(formatter, "{value}{suffix}")
}

/// The mantissa and the power of ten, a multiple of three, that is left after dividing as far as it goes.
fn engineering(mut nanos: i128) -> (i128, i32) {
    let mut power = -9;
    while nanos != 0 && nanos % 1000 == 0 && power < 18 {
        nanos /= 1000;
        power += 3;
    }
    if nanos == 0 { (0, 0) } else { (nanos, power) }
}

fn decimal(nanos: i128, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (value, power) = engineering(nanos);
    let suffix = DECIMAL_SUFFIXES.iter().find(|(_, it)| *it == power).map_or("", |(it, _)| it);
    write!(formatter, "{value}{suffix}")
}

fn exponent(nanos: i128, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match engineering(nanos) {
        (value, 0) => write!(formatter, "{value}"),
        (value, power) => write!(formatter, "{value}e{power}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, canonical: &str) {
        assert_eq!(text.parse::<Quantity>().unwrap().to_string(), canonical, "{text}");
    }

    #[test]
    fn canonical_forms_are_upstreams() {
        for (text, canonical) in [
            ("0", "0"),
            ("0n", "0"),
            ("0Mi", "0"),
            ("100m", "100m"),
            ("0.1", "100m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("1024", "1024"),
            ("1000", "1k"),
            ("1024Ki", "1Mi"),
            ("1000Ki", "1000Ki"),
            ("1536Mi", "1536Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("0.5Mi", "512Ki"),
            ("1e3", "1e3"),
            ("12E6", "12e6"),
            ("1E", "1E"),
            ("1e0", "1"),
            ("-250m", "-250m"),
            ("+1", "1"),
            ("0.0000000001", "1n"),
            ("10.05", "10050m"),
            ("128974848", "128974848"),
            ("129e6", "129e6"),
        ] {
            check(text, canonical);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "-", ".", "1.2.3", "1MiB", "1 Mi", "Mi", "1e", "1ee3", "one", "1K", "0x10"]
        {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_round_away_from_zero() {
        let quantity: Quantity = "1500m".parse().unwrap();
        assert_eq!((quantity.value(), quantity.to_milli()), (2, 1500));
        let quantity: Quantity = "1n".parse().unwrap();
        assert_eq!((quantity.value(), quantity.to_milli()), (1, 1));
        assert_eq!("1Gi".parse::<Quantity>().unwrap().value(), 1 << 30);
        assert_eq!("100E".parse::<Quantity>().unwrap().value(), i64::MAX);
    }

    #[test]
    fn equality_is_of_the_amount() {
        let parse = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!(parse("1Ki"), parse("1024"));
        assert!(parse("1G") < parse("1Gi"));
        assert_eq!((parse("100m") + parse("0.9")).to_string(), "1");
        assert_eq!((parse("1Gi") - parse("512Mi")).to_string(), "512Mi");
    }

    proptest! {
        #[test]
        fn printing_and_parsing_keeps_the_amount(
            number in -1_000_000_000_i64..1_000_000_000,
            suffix in prop::sample::select(vec!["n", "u", "m", "", "k", "M", "Ki", "Mi", "Gi", "e3", "e-2"]),
        ) {
            let quantity: Quantity = format!("{number}{suffix}").parse().unwrap();
            let printed = quantity.to_string();
            let again: Quantity = printed.parse().unwrap();
            prop_assert_eq!(quantity, again);
            prop_assert_eq!(again.to_string(), printed);
        }
    }
}
