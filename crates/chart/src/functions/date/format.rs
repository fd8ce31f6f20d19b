//! Times by a layout.

use std::fmt::Write as _;

use super::{
    civil::day_of_year,
    layout::{Offset, Part, next_part},
    time::Time,
};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEK_DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Time {
    /// The time as `Time.Format` writes it.
    pub(crate) fn format(&self, layout: &str) -> String {
        let mut out = String::with_capacity(layout.len() + 10);
        let mut rest = layout;
        loop {
            let (before, part, after) = next_part(rest);
            out.push_str(before);
            let Some(part) = part else { return out };
            self.write(&mut out, part).expect("writing to a string succeeds");
            rest = after;
        }
    }

    /// `2006-01-02T15:04:05.999999999Z07:00`
    pub(crate) fn to_rfc3339(&self) -> String {
        self.format("2006-01-02T15:04:05.999999999Z07:00")
    }

    fn write(&self, out: &mut String, part: Part) -> std::fmt::Result {
        let date = self.date();
        let (hour, minute, second) = self.clock();
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let month = MONTHS[date.month as usize - 1];
        let week_day = WEEK_DAYS[self.week_day() as usize];
        match part {
            Part::LongMonth => out.write_str(month),
            Part::Month => out.write_str(&month[..3]),
            Part::NumMonth => write!(out, "{}", date.month),
            Part::ZeroMonth => write!(out, "{:02}", date.month),
            Part::LongWeekDay => out.write_str(week_day),
            Part::WeekDay => out.write_str(&week_day[..3]),
            Part::Day => write!(out, "{}", date.day),
            Part::UnderDay => write!(out, "{:2}", date.day),
            Part::ZeroDay => write!(out, "{:02}", date.day),
            Part::UnderYearDay => write!(out, "{:3}", day_of_year(date)),
            Part::ZeroYearDay => write!(out, "{:03}", day_of_year(date)),
            Part::Hour => write!(out, "{hour:02}"),
            Part::Hour12 => write!(out, "{hour12}"),
            Part::ZeroHour12 => write!(out, "{hour12:02}"),
            Part::Minute => write!(out, "{minute}"),
            Part::ZeroMinute => write!(out, "{minute:02}"),
            Part::Second => write!(out, "{second}"),
            Part::ZeroSecond => write!(out, "{second:02}"),
            Part::LongYear if date.year < 0 => write!(out, "-{:04}", -date.year),
            Part::LongYear => write!(out, "{:04}", date.year),
            Part::Year => write!(out, "{:02}", date.year.abs() % 100),
            Part::UpperPm => out.write_str(if hour >= 12 { "PM" } else { "AM" }),
            Part::LowerPm => out.write_str(if hour >= 12 { "pm" } else { "am" }),
            Part::ZoneName => match self.zone_name() {
                Some(name) => out.write_str(&name),
                None => {
                    let plain = Offset {
                        is_iso: false,
                        has_colons: false,
                        has_minutes: true,
                        has_seconds: false,
                    };
                    self.write_offset(out, plain)
                }
            },
            Part::Offset(offset) => self.write_offset(out, offset),
            Part::Fraction { n_digits, keeps_zeros, separator } => {
                let digits = format!("{:09}", self.nanosecond());
                let digits = &digits[..n_digits.min(9)];
                let digits = if keeps_zeros { digits } else { digits.trim_end_matches('0') };
                if digits.is_empty() { Ok(()) } else { write!(out, "{separator}{digits}") }
            }
        }
    }

    fn write_offset(&self, out: &mut String, offset: Offset) -> std::fmt::Result {
        let seconds = self.offset();
        if offset.is_iso && seconds == 0 {
            return out.write_str("Z");
        }
        let colon = if offset.has_colons { ":" } else { "" };
        let minutes = (seconds / 60).abs();
        let sign = if seconds / 60 < 0 { '-' } else { '+' };
        write!(out, "{sign}{:02}", minutes / 60)?;
        if offset.has_minutes {
            write!(out, "{colon}{:02}", minutes % 60)?;
        }
        if offset.has_seconds {
            write!(out, "{colon}{:02}", seconds.abs() % 60)?;
        }
        Ok(())
    }
}
