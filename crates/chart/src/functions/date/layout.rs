//! The parts of a layout text: what stands for a year, a month and so on.

/// A part that a layout asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekDay,
    WeekDay,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Offset(Offset),
    /// Digits behind the second: their number, and whether zeros at the end stay.
    Fraction {
        n_digits: usize,
        keeps_zeros: bool,
        separator: char,
    },
}

/// How a zone's offset is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Offset {
    /// Whether UTC is `Z`.
    pub(super) is_iso: bool,
    pub(super) has_colons: bool,
    pub(super) has_minutes: bool,
    pub(super) has_seconds: bool,
}

const OFFSETS: &[(&str, bool, bool, bool)] = &[
    ("070000", false, true, true),
    ("07:00:00", true, true, true),
    ("0700", false, true, false),
    ("07:00", true, true, false),
    ("07", false, false, false),
];

/// Words of a layout, the longer before what they begin with.
const WORDS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekDay),
    ("MST", Part::ZoneName),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("002", Part::ZeroYearDay),
    ("15", Part::Hour),
    ("1", Part::NumMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::UnderYearDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
];

/// Splits a layout at its first part: what stands before it, the part, what follows.
pub(super) fn next_part(layout: &str) -> (&str, Option<Part>, &str) {
    for (place, first) in layout.char_indices() {
        let rest = &layout[place..];
        if let Some(after) = rest.strip_prefix("_2006") {
            return (&layout[..=place], Some(Part::LongYear), after);
        }
        let found = match first {
            '-' | 'Z' => offset(&rest[1..], first == 'Z').map(|(part, length)| (part, length + 1)),
            '.' | ',' => fraction(rest),
            '_' if rest.starts_with("_2") => Some((Part::UnderDay, 2)),
            _ => word(rest),
        };
        if let Some((part, length)) = found {
            return (&layout[..place], Some(part), &rest[length..]);
        }
    }
    (layout, None, "")
}

fn word(rest: &str) -> Option<(Part, usize)> {
    if let Some((word, part)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
        return Some((*part, word.len()));
    }
    // `Jan` and `Mon` are none within a longer word.
    let part = match rest.get(..3)? {
        "Jan" => Part::Month,
        "Mon" => Part::WeekDay,
        _ => return None,
    };
    let is_longer = rest[3..].starts_with(|it: char| it.is_ascii_lowercase());
    (!is_longer).then_some((part, 3))
}

fn offset(rest: &str, is_iso: bool) -> Option<(Part, usize)> {
    let (text, has_colons, has_minutes, has_seconds) =
        OFFSETS.iter().find(|(text, ..)| rest.starts_with(text))?;
    let offset = Offset {
        is_iso,
        has_colons: *has_colons,
        has_minutes: *has_minutes,
        has_seconds: *has_seconds,
    };
    Some((Part::Offset(offset), text.len()))
}

fn fraction(rest: &str) -> Option<(Part, usize)> {
    let separator = rest.chars().next()?;
    let digits = &rest[1..];
    let digit = digits.chars().next().filter(|it| matches!(it, '0' | '9'))?;
    let n_digits = digits.chars().take_while(|it| *it == digit).count();
    if digits[n_digits..].starts_with(|it: char| it.is_ascii_digit()) {
        return None;
    }
    Some((Part::Fraction { n_digits, keeps_zeros: digit == '0', separator }, n_digits + 1))
}
