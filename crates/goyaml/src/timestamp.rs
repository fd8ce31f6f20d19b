//! Whether a text is a date or time to YAML 1.1, which Go's printer then quotes.

/// Tries the four layouts that go.yaml.in/yaml v2 hands to Go's `time.Parse`.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_year = bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-';
    has_year && is_date_and_rest(bytes).unwrap_or(false)
}

fn is_date_and_rest(bytes: &[u8]) -> Option<bool> {
    let year = bytes[..4].iter().fold(0, |acc, digit| acc * 10 + u32::from(digit - b'0'));
    let mut rest = &bytes[5..];
    let month = number(&mut rest)?;
    literal(&mut rest, b'-')?;
    let day = number(&mut rest)?;
    if !(1..=12).contains(&month) || day < 1 || days_in(month, year) < day {
        return Some(false);
    }
    match rest.first() {
        None => Some(true),
        Some(b'T' | b't') => {
            rest = &rest[1..];
            is_time(&mut rest)?;
            Some(is_zone(rest))
        }
        // A blank in the layout stands for any number of them, even none.
        Some(_) => {
            while let [b' ', tail @ ..] = rest {
                rest = tail;
            }
            is_time(&mut rest)?;
            Some(rest.is_empty())
        }
    }
}

/// `15:4:5.999999999`
fn is_time(rest: &mut &[u8]) -> Option<()> {
    let hour = number(rest)?;
    literal(rest, b':')?;
    let minute = number(rest)?;
    literal(rest, b':')?;
    let second = number(rest)?;
    if let [b'.' | b',', digit, ..] = rest
        && digit.is_ascii_digit()
    {
        *rest = &rest[1..];
        while rest.first().is_some_and(u8::is_ascii_digit) {
            *rest = &rest[1..];
        }
    }
    (hour < 24 && minute < 60 && second < 60).then_some(())
}

/// `Z` or `+07:00`.
fn is_zone(rest: &[u8]) -> bool {
    match rest {
        [b'Z'] => true,
        [b'+' | b'-', zone @ ..] if zone.len() == 5 && zone[2] == b':' => {
            let digits = [zone[0], zone[1], zone[3], zone[4]];
            digits.iter().all(u8::is_ascii_digit)
                && (digits[0] - b'0') * 10 + digits[1] - b'0' <= 24
                && (digits[2] - b'0') * 10 + digits[3] - b'0' <= 60
        }
        _ => false,
    }
}

/// One or two digits.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let n_digits = rest.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, tail) = rest.split_at(n_digits);
    *rest = tail;
    (0 < n_digits).then(|| digits.iter().fold(0, |acc, digit| acc * 10 + u32::from(digit - b'0')))
}

fn literal(rest: &mut &[u8], byte: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[byte])?;
    Some(())
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
