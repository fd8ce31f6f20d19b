//! Reading a time by its layout (`time.ParseInLocation`).

use std::{fmt::Write as _, sync::Arc};

use super::{
    civil::{Civil, date, days, days_in_month},
    format::{MONTHS, WEEK_DAYS},
    layout::{Offset, Part, next_part},
    time::{Time, Zone},
};

/// What was read so far; a month or day that was not there is missing.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i32,
    is_pm: Option<bool>,
    is_utc: bool,
    offset: Option<i64>,
    zone_name: Option<Arc<str>>,
}

/// Why a part could not be read.
enum Bad {
    Value,
    Range(&'static str),
}

type Read<T> = Result<T, Bad>;

pub(super) fn parse(layout: &str, value: &str, zone: &Zone) -> Result<Time, String> {
    let error = |part: &str, at: &str, message: &str| {
        let (layout, value, part, at) = (quote(layout), quote(value), quote(part), quote(at));
        if message.is_empty() {
            format!("parsing time {value} as {layout}: cannot parse {at} as {part}")
        } else {
            format!("parsing time {value}{message}")
        }
    };
    let mut fields = Fields::default();
    let (mut rest_layout, mut rest) = (layout, value);
    loop {
        let (before, part, after) = next_part(rest_layout);
        rest = skip(rest, before).map_err(|at| error(before, at, ""))?;
        let Some(part) = part else {
            if rest.is_empty() {
                break;
            }
            return Err(error("", rest, &format!(": extra text: {}", quote(rest))));
        };
        let written = &rest_layout[before.len()..rest_layout.len() - after.len()];
        rest_layout = after;
        let held = rest;
        match fields.read(part, &mut rest, after) {
            Ok(()) => {}
            Err(Bad::Value) => return Err(error(written, held, "")),
            Err(Bad::Range(what)) => {
                return Err(error(written, rest, &format!(": {what} out of range")));
            }
        }
    }
    fields.time(zone).map_err(|message| error("", rest, message))
}

/// Go's own quoting of error texts, which escapes bytes beyond ASCII.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for it in text.chars() {
        match it {
            '"' | '\\' => out.extend(['\\', it]),
            ' '..='\u{7f}' => out.push(it),
            _ => {
                for byte in it.encode_utf8(&mut [0; 4]).bytes() {
                    write!(out, "\\x{byte:02x}").expect("writing to a string succeeds");
                }
            }
        }
    }
    out.push('"');
    out
}

/// Takes a fixed text off the front; runs of blanks match each other.
fn skip<'v>(mut value: &'v str, prefix: &str) -> Result<&'v str, &'v str> {
    let mut prefix = prefix;
    while let Some(first) = prefix.chars().next() {
        if first == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return Err(value);
            }
            prefix = prefix.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        value = value.strip_prefix(first).ok_or(value)?;
        prefix = &prefix[first.len_utf8()..];
    }
    Ok(value)
}

/// One or two digits.
fn number(value: &mut &str, is_fixed: bool) -> Read<i64> {
    let n_digits = value.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if n_digits == 0 || (is_fixed && n_digits == 1) {
        return Err(Bad::Value);
    }
    digits(value, n_digits)
}

fn digits(value: &mut &str, count: usize) -> Read<i64> {
    let head = value.get(..count).ok_or(Bad::Value)?;
    let number = head.parse().map_err(|_| Bad::Value)?;
    *value = &value[count..];
    Ok(number)
}

fn lookup(value: &mut &str, names: &[&str], length: usize) -> Read<i64> {
    for (place, name) in names.iter().enumerate() {
        let name = &name[..length.min(name.len())];
        if value.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            *value = &value[name.len()..];
            return Ok(place as i64);
        }
    }
    Err(Bad::Value)
}

fn within(number: i64, limit: i64, what: &'static str) -> Read<i64> {
    if number < limit { Ok(number) } else { Err(Bad::Range(what)) }
}

impl Fields {
    fn read(&mut self, part: Part, value: &mut &str, layout_after: &str) -> Read<()> {
        match part {
            Part::Year => {
                let year = digits(value, 2)?;
                self.year = if year >= 69 { year + 1_900 } else { year + 2_000 };
            }
            Part::LongYear if !value.starts_with(|it: char| it.is_ascii_digit()) => {
                return Err(Bad::Value);
            }
            Part::LongYear => self.year = digits(value, 4)?,
            Part::Month => self.month = Some(lookup(value, &MONTHS, 3)? + 1),
            Part::LongMonth => self.month = Some(lookup(value, &MONTHS, usize::MAX)? + 1),
            Part::NumMonth | Part::ZeroMonth => {
                let month = number(value, part == Part::ZeroMonth)?;
                if !(1..=12).contains(&month) {
                    return Err(Bad::Range("month"));
                }
                self.month = Some(month);
            }
            Part::WeekDay => _ = lookup(value, &WEEK_DAYS, 3)?,
            Part::LongWeekDay => _ = lookup(value, &WEEK_DAYS, usize::MAX)?,
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                if part == Part::UnderDay {
                    *value = value.strip_prefix(' ').unwrap_or(value);
                }
                self.day = Some(number(value, part == Part::ZeroDay)?);
            }
            Part::UnderYearDay | Part::ZeroYearDay => {
                let n_blanks = value.bytes().take(2).take_while(|it| *it == b' ').count();
                if part == Part::UnderYearDay {
                    *value = &value[n_blanks..];
                }
                let n_digits = value.bytes().take(3).take_while(u8::is_ascii_digit).count();
                if n_digits == 0 || (part == Part::ZeroYearDay && n_digits != 3) {
                    return Err(Bad::Value);
                }
                self.year_day = Some(digits(value, n_digits)?);
            }
            Part::Hour => self.hour = within(number(value, false)?, 24, "hour")?,
            Part::Hour12 | Part::ZeroHour12 => {
                self.hour = within(number(value, part == Part::ZeroHour12)?, 13, "hour")?;
            }
            Part::Minute | Part::ZeroMinute => {
                self.minute = within(number(value, part == Part::ZeroMinute)?, 60, "minute")?;
            }
            Part::Second | Part::ZeroSecond => {
                self.second = within(number(value, part == Part::ZeroSecond)?, 60, "second")?;
                let is_next = matches!(next_part(layout_after).1, Some(Part::Fraction { .. }));
                if !is_next && starts_fraction(value) {
                    self.nanosecond = fraction(value, None)?;
                }
            }
            Part::UpperPm => self.is_pm = Some(lookup_exact(value, "AM", "PM")?),
            Part::LowerPm => self.is_pm = Some(lookup_exact(value, "am", "pm")?),
            Part::Offset(offset) => self.read_offset(offset, value)?,
            Part::ZoneName => self.read_zone_name(value)?,
            Part::Fraction { n_digits, keeps_zeros: true, .. } => {
                self.nanosecond = fraction(value, Some(n_digits))?;
            }
            Part::Fraction { .. } => {
                if starts_fraction(value) {
                    self.nanosecond = fraction(value, None)?;
                }
            }
        }
        Ok(())
    }

    fn read_offset(&mut self, offset: Offset, value: &mut &str) -> Read<()> {
        if offset.is_iso && value.starts_with('Z') {
            *value = &value[1..];
            self.is_utc = true;
            return Ok(());
        }
        let sign = match value.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => return Err(Bad::Value),
        };
        *value = &value[1..];
        let mut two = |has_colon: bool| {
            if has_colon {
                *value = value.strip_prefix(':').ok_or(Bad::Value)?;
            }
            number(value, true)
        };
        let hours = two(false)?;
        let minutes = if offset.has_minutes { two(offset.has_colons)? } else { 0 };
        let seconds = if offset.has_seconds { two(offset.has_colons)? } else { 0 };
        within(hours, 25, "time zone offset hour")?;
        within(minutes, 61, "time zone offset minute")?;
        within(seconds, 61, "time zone offset second")?;
        self.offset = Some(sign * ((hours * 60 + minutes) * 60 + seconds));
        Ok(())
    }

    fn read_zone_name(&mut self, value: &mut &str) -> Read<()> {
        if let Some(after) = value.strip_prefix("UTC") {
            *value = after;
            self.is_utc = true;
            return Ok(());
        }
        let n_letters = value.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
        let length = match n_letters {
            _ if value.starts_with("ChST") || value.starts_with("MeST") => 4,
            3 => 3,
            4 if value.as_bytes()[3] == b'T' || value.starts_with("WITA") => 4,
            5 if value.as_bytes()[4] == b'T' => 5,
            _ => return Err(Bad::Value),
        };
        self.zone_name = Some(value[..length].into());
        *value = &value[length..];
        Ok(())
    }

    fn time(mut self, zone: &Zone) -> Result<Time, &'static str> {
        match self.is_pm {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > days_in_month(self.year, month) {
            return Err(": day out of range");
        }
        let day = Civil { year: self.year, month, day };
        let second = self.hour * 3_600 + self.minute * 60 + self.second;
        let at = |zone: Zone| Time::from_civil(day, second, self.nanosecond, zone);
        if self.is_utc {
            return Ok(at(Zone::Utc));
        }
        if let Some(offset) = self.offset {
            let utc = days(day) * 86_400 + second - offset;
            let (local_offset, local_name) = zone.at(utc);
            let is_local = local_offset == offset
                && (self.zone_name.is_none() || self.zone_name == local_name);
            let fixed = Zone::Fixed { offset, name: self.zone_name.clone() };
            let zone = if is_local { zone.clone() } else { fixed };
            return Ok(Time::new(utc, self.nanosecond, zone));
        }
        if let Some(name) = &self.zone_name {
            let local = at(zone.clone());
            if local.zone_name().as_ref() == Some(name) {
                return Ok(local);
            }
            let hours: i64 = name.strip_prefix("GMT").and_then(|it| it.parse().ok()).unwrap_or(0);
            return Ok(at(Zone::Fixed { offset: hours * 3_600, name: Some(name.clone()) }));
        }
        Ok(at(zone.clone()))
    }

    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        let Some(year_day) = self.year_day else {
            return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        let first = days(Civil { year: self.year, month: 1, day: 1 });
        let found = date(first + year_day - 1);
        if year_day < 1 || found.year != self.year {
            return Err(": day-of-year out of range");
        }
        if self.month.is_some_and(|month| month != found.month) {
            return Err(": day-of-year does not match month");
        }
        if self.day.is_some_and(|day| day != found.day) {
            return Err(": day-of-year does not match day");
        }
        Ok((found.month, found.day))
    }
}

fn lookup_exact(value: &mut &str, no: &str, yes: &str) -> Read<bool> {
    let head = value.get(..2).ok_or(Bad::Value)?;
    *value = &value[2..];
    match head {
        head if head == yes => Ok(true),
        head if head == no => Ok(false),
        _ => Err(Bad::Value),
    }
}

fn starts_fraction(value: &str) -> bool {
    let mut bytes = value.bytes();
    matches!(bytes.next(), Some(b'.' | b',')) && bytes.next().is_some_and(|it| it.is_ascii_digit())
}

/// A separator and digits: so many, or as many as there are.
fn fraction(value: &mut &str, count: Option<usize>) -> Read<i32> {
    if !value.starts_with(['.', ',']) {
        return Err(Bad::Value);
    }
    let after = &value[1..];
    let n_digits = count.unwrap_or_else(|| after.bytes().take_while(u8::is_ascii_digit).count());
    let digits = after.get(..n_digits).ok_or(Bad::Value)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::Value);
    }
    *value = &after[n_digits..];
    let nanos = format!("{:0<9}", &digits[..n_digits.min(9)]);
    nanos.parse().map_err(|_| Bad::Value)
}
