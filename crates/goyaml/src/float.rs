//! Floating-point numbers as Go's `strconv` prints them.

/// `FormatFloat(number, 'g', -1, 64)`: the shortest digits, with an exponent below -4 and from 6 on.
pub fn format_g(number: f64) -> String {
    if let Some(text) = special(number) {
        return text.to_owned();
    }
    shape_g(&format!("{number:e}"))
}

/// `FormatFloat(number, 'g', -1, 32)`: the shortest digits that tell it among `float32`.
#[expect(clippy::cast_possible_truncation, reason = "rounding to float32 is the point")]
pub fn format_g32(number: f64) -> String {
    let number = number as f32;
    if let Some(text) = special(f64::from(number)) {
        return match text {
            "+Inf" => ".inf",
            "-Inf" => "-.inf",
            _ => ".nan",
        }
        .to_owned();
    }
    shape_g(&format!("{number:e}"))
}

/// A finite number as Go's JSON printer writes it.
pub fn format_json(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').expect("Rust prints an exponent");
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        return format!("{digits}e{sign}{exponent}");
    }
    let text = format!("{number}");
    if text == "-0" { "-0".to_owned() } else { text }
}

fn special(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number == f64::INFINITY {
        Some("+Inf")
    } else if number == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// From Rust's `-1.25e7` to Go's `-1.25e+07`, or to plain digits when the exponent is small.
fn shape_g(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').expect("Rust prints an exponent");
    let exponent: i32 = exponent.parse().expect("Rust prints an exponent");
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    if !(-4..6).contains(&exponent) {
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{exponent_sign}{:02}", exponent.abs());
    }
    let digits: String = mantissa.chars().filter(|it| *it != '.').collect();
    let n_digits = i32::try_from(digits.len()).expect("at most 17 digits");
    let text = if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).expect("at least 0");
        format!("0.{}{digits}", "0".repeat(zeros))
    } else if n_digits <= exponent + 1 {
        let zeros = usize::try_from(exponent + 1 - n_digits).expect("at least 0");
        format!("{digits}{}", "0".repeat(zeros))
    } else {
        let (whole, part) = digits.split_at(usize::try_from(exponent + 1).expect("at least 1"));
        format!("{whole}.{part}")
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_in_go() {
        let cases = [
            (1e6, "1e+06", "1000000"),
            (100_000.0, "100000", "100000"),
            (1_234_567.5, "1.2345675e+06", "1234567.5"),
            (1e-7, "1e-07", "1e-7"),
            (0.0001, "0.0001", "0.0001"),
            (1e20, "1e+20", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (-1.5, "-1.5", "-1.5"),
            (0.1, "0.1", "0.1"),
            (1e100, "1e+100", "1e+100"),
        ];
        for (number, g, json) in cases {
            assert_eq!((format_g(number).as_str(), format_json(number).as_str()), (g, json));
        }
        assert_eq!(format_g32(1.10), "1.1");
        assert_eq!(format_g32(12_345_678.9), "1.2345679e+07");
    }
}
