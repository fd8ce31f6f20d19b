//! Versions and ranges as Masterminds/semver 3.4.0 reads and compares them.

use std::{cmp::Ordering, fmt};

mod constraint;

pub use constraint::{Constraint, ConstraintError};

/// A version. Equality and order are those of semver: build metadata does not count.
#[derive(Clone, Debug)]
pub struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    /// What follows `-`; empty when there is none.
    pub prerelease: String,
    /// What follows `+`; empty when there is none.
    pub metadata: String,
    /// The text it was read from.
    pub original: String,
}

/// Why a text is no version, in the library's words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VersionError {
    #[error("invalid semantic version")]
    Invalid,
    #[error("version string empty")]
    Empty,
    #[error("invalid characters in version")]
    Characters,
    #[error("version segment starts with 0")]
    LeadingZero,
    #[error("invalid metadata string")]
    Metadata,
    #[error("invalid prerelease string")]
    Prerelease,
    #[error("error parsing version segment: strconv.ParseUint: parsing {0:?}: value out of range")]
    TooLarge(String),
}

impl Version {
    /// Reads a version that may lack minor and patch, start with `v`, and have leading zeros
    /// (`NewVersion`).
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (numbers, rest) = split_numbers(rest).ok_or(VersionError::Invalid)?;
        let (prerelease, rest) = split_extra(rest, '-').ok_or(VersionError::Invalid)?;
        let (metadata, rest) = split_extra(rest, '+').ok_or(VersionError::Invalid)?;
        if !rest.is_empty() {
            return Err(VersionError::Invalid);
        }
        let [major, minor, patch] = numbers;
        let version = Self {
            major: segment(major)?,
            minor: segment(minor)?,
            patch: segment(patch)?,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            original: text.to_owned(),
        };
        if !prerelease.is_empty() {
            check_prerelease(prerelease)?;
        }
        Ok(version)
    }

    /// Reads a version as the specification has it (`StrictNewVersion`).
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(VersionError::Invalid);
        };
        let (rest, metadata) = rest.split_once('+').map_or((rest, None), |(a, b)| (a, Some(b)));
        if let Some(metadata) = metadata {
            check_metadata(metadata)?;
        }
        let (patch, prerelease) = rest.split_once('-').map_or((rest, None), |(a, b)| (a, Some(b)));
        if let Some(prerelease) = prerelease {
            check_prerelease(prerelease)?;
        }
        for part in [major, minor, patch] {
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(VersionError::Characters);
            }
            if 1 < part.len() && part.starts_with('0') {
                return Err(VersionError::LeadingZero);
            }
        }
        Ok(Self {
            major: segment(major)?,
            minor: segment(minor)?,
            patch: segment(patch)?,
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |it: &Self| (it.major, it.minor, it.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_prerelease(&self.prerelease, &other.prerelease))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// One to three numbers with points between, and what follows them. A missing one is empty.
fn split_numbers(text: &str) -> Option<([&str; 3], &str)> {
    let (major, mut rest) = split_digits(text);
    if major.is_empty() {
        return None;
    }
    let mut numbers = [major, "", ""];
    for number in &mut numbers[1..] {
        let Some((digits, tail)) = rest.strip_prefix('.').map(split_digits) else { break };
        if digits.is_empty() {
            break;
        }
        (*number, rest) = (digits, tail);
    }
    Some((numbers, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// What follows a mark: words with points between; empty without the mark.
fn split_extra(text: &str, mark: char) -> Option<(&str, &str)> {
    let Some(rest) = text.strip_prefix(mark) else { return Some(("", text)) };
    let end = rest.bytes().position(|byte| !(is_word(byte) || byte == b'.')).unwrap_or(rest.len());
    let (extra, rest) = rest.split_at(end);
    extra.split('.').all(|word| !word.is_empty()).then_some((extra, rest))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn segment(digits: &str) -> Result<u64, VersionError> {
    match digits {
        "" => Ok(0),
        _ => digits.parse().map_err(|_| VersionError::TooLarge(digits.to_owned())),
    }
}

fn check_prerelease(text: &str) -> Result<(), VersionError> {
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(is_word) {
            return Err(VersionError::Prerelease);
        }
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && 1 < part.len() && part.starts_with('0') {
            return Err(VersionError::LeadingZero);
        }
    }
    Ok(())
}

fn check_metadata(text: &str) -> Result<(), VersionError> {
    let is_valid = text.split('.').all(|part| !part.is_empty() && part.bytes().all(is_word));
    if is_valid { Ok(()) } else { Err(VersionError::Metadata) }
}

/// A release comes after its pre-releases; these compare part by part, numbers before words.
fn compare_prerelease(one: &str, two: &str) -> Ordering {
    if one.is_empty() || two.is_empty() {
        return two.is_empty().cmp(&one.is_empty()).reverse();
    }
    let (mut ones, mut twos) = (one.split('.'), two.split('.'));
    loop {
        let (one, two) = (ones.next(), twos.next());
        if one.is_none() && two.is_none() {
            return Ordering::Equal;
        }
        let order = compare_part(one.unwrap_or_default(), two.unwrap_or_default());
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_part(one: &str, two: &str) -> Ordering {
    if one == two || one.is_empty() || two.is_empty() {
        return one.len().cmp(&two.len());
    }
    let number = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok()).flatten()
    };
    match (number(one), number(two)) {
        (None, None) => one.cmp(two),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(one), Some(two)) if two < one => Ordering::Greater,
        // The library does not take `1` and `01` for equal.
        (Some(_), Some(_)) => Ordering::Less,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(one: &str, two: &str) -> Ordering {
        Version::parse(one).unwrap().cmp(&Version::parse(two).unwrap())
    }

    #[test]
    fn versions_may_be_loose() {
        for (text, expected) in
            [("v1.2", "1.2.0"), ("1", "1.0.0"), ("1.02.0", "1.2.0"), ("1.2.3-a.b+c", "1.2.3-a.b+c")]
        {
            assert_eq!(Version::parse(text).unwrap().to_string(), expected);
        }
        for text in ["", "1.2.3.4", "a", "1.2-", "1.2.3-a..b", "1.2.3 "] {
            assert_eq!(Version::parse(text).unwrap_err(), VersionError::Invalid, "{text}");
        }
        assert_eq!(Version::parse("1.2.3-01").unwrap_err(), VersionError::LeadingZero);
        assert_eq!(Version::parse_strict("1.2").unwrap_err(), VersionError::Invalid);
        assert_eq!(Version::parse_strict("1.02.3").unwrap_err(), VersionError::LeadingZero);
    }

    #[test]
    fn prereleases_come_before_their_release() {
        assert_eq!(order("1.0.0-rc.1", "1.0.0"), Ordering::Less);
        assert_eq!(order("1.0.0", "1.0.0-rc.1"), Ordering::Greater);
        assert_eq!(order("1.0.0-rc.2", "1.0.0-rc.10"), Ordering::Less);
        assert_eq!(order("1.0.0-1", "1.0.0-a"), Ordering::Less);
        assert_eq!(order("1.0.0-a", "1.0.0-a.b"), Ordering::Less);
        assert_eq!(order("1.0.0+a", "1.0.0+b"), Ordering::Equal);
    }
}
