//! `time.Duration`: nanoseconds, read and printed like `1h2m3.5s`.

use std::{any::Any, fmt};

use gotmpl::{CallError, Kind, Object, Signature, Value, strconv::quote};

pub(super) const SECOND: i64 = 1_000_000_000;

/// A `time.Duration`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Duration(pub(super) i64);

impl Duration {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("time: invalid duration {}", quote(text.as_bytes()));
        let is_negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let whole = &rest[..n_digits];
            rest = &rest[n_digits..];
            let fraction = match rest.strip_prefix('.') {
                None => "",
                Some(after) => {
                    let n_digits = after.bytes().take_while(u8::is_ascii_digit).count();
                    rest = &after[n_digits..];
                    &after[..n_digits]
                }
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let end = rest.find(|it: char| it == '.' || it.is_ascii_digit()).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after;
            if name.is_empty() {
                return Err(format!("time: missing unit in duration {}", quote(text.as_bytes())));
            }
            let Some(unit) = unit(name) else {
                let (name, text) = (quote(name.as_bytes()), quote(text.as_bytes()));
                return Err(format!("time: unknown unit {name} in duration {text}"));
            };
            let part = part(whole, fraction, unit).ok_or_else(invalid)?;
            total = total.checked_add(part).filter(|it| *it <= 1 << 63).ok_or_else(invalid)?;
        }
        if is_negative {
            return Ok(Self(0i64.wrapping_sub_unsigned(total)));
        }
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }

    /// To the nearest multiple, halves away from zero.
    pub(super) fn rounded(self, multiple: i64) -> Self {
        let rest = self.0 % multiple;
        let down = self.0 - rest;
        Self(if rest.abs() * 2 < multiple { down } else { down + multiple * rest.signum() })
    }
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn part(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part = whole.checked_mul(unit).filter(|it| *it <= 1 << 63)?;
    // Digits beyond what fits are dropped.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10f64.powi(fraction.len() as i32);
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    part.checked_add((fraction as f64 * (unit as f64 / scale)) as u64)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let decimal = |size: u64, unit: u64| {
            let fraction = format!("{:0width$}", size % unit, width = unit.ilog10() as usize);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() || unit == 1 { "" } else { "." };
            let fraction = if unit == 1 { "" } else { fraction };
            format!("{}{point}{fraction}", size / unit)
        };
        match size {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{sign}{size}ns"),
            1_000..1_000_000 => write!(f, "{sign}{}µs", decimal(size, 1_000)),
            1_000_000..1_000_000_000 => write!(f, "{sign}{}ms", decimal(size, 1_000_000)),
            _ => {
                f.write_str(sign)?;
                let minutes = size / 60_000_000_000;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", decimal(size % 60_000_000_000, 1_000_000_000))
            }
        }
    }
}

const METHODS: &[Signature] = &[
    Signature { name: "Abs", params: &[], is_variadic: false },
    Signature { name: "Hours", params: &[], is_variadic: false },
    Signature { name: "Microseconds", params: &[], is_variadic: false },
    Signature { name: "Milliseconds", params: &[], is_variadic: false },
    Signature { name: "Minutes", params: &[], is_variadic: false },
    Signature { name: "Nanoseconds", params: &[], is_variadic: false },
    Signature { name: "Seconds", params: &[], is_variadic: false },
    Signature { name: "String", params: &[], is_variadic: false },
];

impl Object for Duration {
    fn type_name(&self) -> &'static str {
        "time.Duration"
    }

    fn kind(&self) -> Kind {
        Kind::Int64
    }

    fn methods(&self) -> &'static [Signature] {
        METHODS
    }

    fn call(&self, method: usize, _: &[Value]) -> Result<Value, CallError> {
        let in_units = |unit: i64| {
            Value::Float64((self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64)
        };
        Ok(match METHODS[method].name {
            "Abs" => Value::object(Self(self.0.saturating_abs())),
            "Hours" => in_units(3_600 * SECOND),
            "Microseconds" => Value::Int64(self.0 / 1_000),
            "Milliseconds" => Value::Int64(self.0 / 1_000_000),
            "Minutes" => in_units(60 * SECOND),
            "Nanoseconds" => Value::Int64(self.0),
            "Seconds" => in_units(SECOND),
            _ => self.to_string().into(),
        })
    }

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn is_equal(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>() == Some(self))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
