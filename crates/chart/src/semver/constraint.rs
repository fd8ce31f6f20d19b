//! Ranges of versions: `>=1.2 <2 || ^3`.

use super::{Version, is_word};

/// A range: one of several groups must hold, and of a group every part.
#[derive(Clone, Debug)]
pub struct Constraint {
    groups: Vec<Group>,
}

/// Why a text is no range, in the library's words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConstraintError {
    #[error("improper constraint: {0}")]
    Improper(String),
    #[error("constraint parser error")]
    Version,
}

#[derive(Clone, Debug)]
struct Group {
    parts: Vec<Part>,
    /// Pre-releases match only in a group that names one.
    has_prerelease: bool,
}

#[derive(Clone, Debug)]
struct Part {
    operator: Operator,
    version: Version,
    /// The version as written.
    original: String,
    precision: Precision,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    /// `=` or nothing.
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// How much of a version is given, the rest being left out or `x`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Precision {
    Nothing,
    Major,
    Minor,
    Patch,
}

/// The pieces of a version in a range, where numbers may be `x`, `X` or `*`.
struct Loose<'a> {
    numbers: [&'a str; 3],
    /// With its `-`.
    prerelease: &'a str,
    /// All of it.
    text: &'a str,
}

impl Constraint {
    /// Reads a range (`NewConstraint`).
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let text = rewrite_hyphens(text);
        let groups = text.split("||").map(parse_group).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Whether a version is in the range.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            group.parts.iter().all(|part| part.check(version, group.has_prerelease).is_ok())
        })
    }

    /// Why a version is not in the range, a reason for each part that fails; nothing when it is.
    pub fn validate(&self, version: &Version) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut has_named_prerelease = false;
        for group in &self.groups {
            let n_before = reasons.len();
            for part in &group.parts {
                if !version.prerelease.is_empty() && !group.has_prerelease {
                    if !has_named_prerelease {
                        reasons.push(only_releases(version));
                        has_named_prerelease = true;
                    }
                } else if let Err(reason) = part.check(version, group.has_prerelease) {
                    reasons.push(reason);
                }
            }
            let is_refused = !version.prerelease.is_empty() && !group.has_prerelease;
            if reasons.len() == n_before && !is_refused {
                return Vec::new();
            }
        }
        reasons
    }
}

impl Part {
    fn check(&self, version: &Version, includes_prereleases: bool) -> Result<(), String> {
        if !version.prerelease.is_empty() && !includes_prereleases {
            return Err(only_releases(version));
        }
        let original = &self.original;
        let fails = |is_good: bool, reason: &str| {
            if is_good { Ok(()) } else { Err(format!("{version} {reason} {original}")) }
        };
        match self.operator {
            Operator::Equal if self.precision == Precision::Patch => {
                fails(*version == self.version, "is not equal to")
            }
            Operator::Equal | Operator::Tilde => self.check_tilde(version),
            Operator::NotEqual => fails(!self.is_covered(version), "is equal to"),
            Operator::Greater => fails(self.is_below(version), "is less than or equal to"),
            Operator::Less => fails(*version < self.version, "is greater than or equal to"),
            Operator::GreaterEqual => fails(self.version <= *version, "is less than"),
            Operator::LessEqual => fails(self.is_not_below(version), "is greater than"),
            Operator::Caret => self.check_caret(version),
        }
    }

    /// For `!=`: whether the version is what is left of the given one.
    fn is_covered(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.precision {
            Precision::Patch => *own == *version,
            _ if own.major != version.major => false,
            // The library compares the minor number of `*` too.
            Precision::Nothing if own.minor != version.minor => false,
            Precision::Nothing if own.patch != version.patch => false,
            Precision::Nothing => *own == *version,
            Precision::Major => true,
            Precision::Minor if own.minor != version.minor => false,
            Precision::Minor => {
                (version.prerelease.is_empty() && own.prerelease.is_empty())
                    || version.prerelease == own.prerelease
            }
        }
    }

    fn is_below(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.precision {
            Precision::Major => own.major < version.major,
            Precision::Minor => (own.major, own.minor) < (version.major, version.minor),
            Precision::Nothing | Precision::Patch => *own < *version,
        }
    }

    fn is_not_below(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.precision {
            Precision::Patch => *version <= *own,
            Precision::Major => version.major <= own.major,
            Precision::Minor | Precision::Nothing => {
                (version.major, version.minor) <= (own.major, own.minor)
            }
        }
    }

    fn check_tilde(&self, version: &Version) -> Result<(), String> {
        let (own, original) = (&self.version, &self.original);
        if *version < *own {
            return Err(format!("{version} is less than {original}"));
        }
        let is_zero = (own.major, own.minor, own.patch) == (0, 0, 0);
        if is_zero && matches!(self.precision, Precision::Nothing | Precision::Patch) {
            return Ok(());
        }
        if version.major != own.major {
            return Err(format!("{version} does not have same major version as {original}"));
        }
        if version.minor != own.minor && self.precision != Precision::Major {
            let reason = "does not have same major and minor version as";
            return Err(format!("{version} {reason} {original}"));
        }
        Ok(())
    }

    fn check_caret(&self, version: &Version) -> Result<(), String> {
        let (own, original) = (&self.version, &self.original);
        if *version < *own {
            return Err(format!("{version} is less than {original}"));
        }
        if version.major != own.major {
            return Err(format!("{version} does not have same major version as {original}"));
        }
        if 0 < own.major || self.precision == Precision::Major {
            return Ok(());
        }
        if version.minor != own.minor {
            let hint = if 0 < own.minor || self.precision == Precision::Minor {
                ". Expected minor versions to match when constraint major version is 0"
            } else {
                ""
            };
            return Err(format!("{version} does not have same minor version as {original}{hint}"));
        }
        if 0 < own.minor || self.precision == Precision::Minor || version.patch == own.patch {
            return Ok(());
        }
        let hint = "Expect version and constraint to equal when major and minor versions are 0";
        Err(format!("{version} does not equal {original}. {hint}"))
    }
}

fn only_releases(version: &Version) -> String {
    format!(
        "{version} is a prerelease version and the constraint is only looking for release versions"
    )
}

/// Parts with blanks or a comma between them.
fn parse_group(text: &str) -> Result<Group, ConstraintError> {
    let improper = || ConstraintError::Improper(text.to_owned());
    let mut found = Vec::new();
    let mut rest = skip_blanks(text);
    loop {
        let (operator, loose, tail) = split_part(rest).ok_or_else(improper)?;
        found.push((operator, loose));
        let after = skip_blanks(tail);
        if after.is_empty() {
            break;
        }
        let has_blank = after.len() < tail.len();
        rest = match after.strip_prefix(',') {
            Some(after) => skip_blanks(after),
            None if has_blank => after,
            None => return Err(improper()),
        };
    }
    // The library looks at the form of all before it reads any.
    let parts = found.iter().map(|(operator, loose)| parse_part(*operator, loose));
    let parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
    let has_prerelease = parts.iter().any(|part| !part.version.prerelease.is_empty());
    Ok(Group { parts, has_prerelease })
}

fn split_part(text: &str) -> Option<(Operator, Loose<'_>, &str)> {
    const OPERATORS: [(&str, Operator); 11] = [
        ("!=", Operator::NotEqual),
        (">=", Operator::GreaterEqual),
        ("=>", Operator::GreaterEqual),
        ("<=", Operator::LessEqual),
        ("=<", Operator::LessEqual),
        ("~>", Operator::Tilde),
        ("=", Operator::Equal),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    let found = OPERATORS.iter().find(|(sign, _)| text.starts_with(sign));
    let (sign, operator) = found.copied().unwrap_or(("", Operator::Equal));
    let (loose, rest) = split_loose(skip_blanks(&text[sign.len()..]))?;
    Some((operator, loose, rest))
}

fn split_loose(text: &str) -> Option<(Loose<'_>, &str)> {
    let start = text.strip_prefix('v').unwrap_or(text);
    let (major, mut rest) = split_while(start, is_loose_digit);
    if major.is_empty() {
        return None;
    }
    let mut numbers = [major, "", ""];
    for number in &mut numbers[1..] {
        let Some(tail) = rest.strip_prefix('.') else { break };
        let (digits, tail) = split_while(tail, is_loose_digit);
        if digits.is_empty() {
            break;
        }
        (*number, rest) = (digits, tail);
    }
    let (prerelease, rest) = split_words(rest, '-');
    let (_, rest) = split_words(rest, '+');
    let text = &text[..text.len() - rest.len()];
    Some((Loose { numbers, prerelease, text }, rest))
}

/// A mark and words with points between, or nothing.
fn split_words(text: &str, mark: char) -> (&str, &str) {
    let Some(mut rest) = text.strip_prefix(mark) else { return ("", text) };
    let mut end = 0;
    loop {
        let (word, tail) = split_while(rest, is_word);
        if word.is_empty() {
            return text.split_at(end);
        }
        end = text.len() - tail.len();
        let Some(next) = tail.strip_prefix('.') else { return text.split_at(end) };
        rest = next;
    }
}

/// The library's pattern also takes `|` for a digit, by mistake.
fn is_loose_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*' | b'|')
}

fn split_while(text: &str, is_member: fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !is_member(byte)).unwrap_or(text.len());
    text.split_at(end)
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(['\t', '\n', '\x0c', '\r', ' '])
}

fn parse_part(operator: Operator, loose: &Loose<'_>) -> Result<Part, ConstraintError> {
    let [major, minor, patch] = loose.numbers;
    let pre = loose.prerelease;
    let is_any = |number: &str| matches!(number, "" | "x" | "X" | "*");
    let (precision, text) = if is_any(major) {
        (Precision::Nothing, format!("0.0.0{pre}"))
    } else if is_any(minor) {
        (Precision::Major, format!("{major}.0.0{pre}"))
    } else if is_any(patch) {
        (Precision::Minor, format!("{major}.{minor}.0{pre}"))
    } else {
        (Precision::Patch, loose.text.to_owned())
    };
    let version = Version::parse(&text).map_err(|_| ConstraintError::Version)?;
    Ok(Part { operator, version, original: loose.text.to_owned(), precision })
}

/// `1.2 - 1.4` becomes `>= 1.2, <= 1.4 `.
fn rewrite_hyphens(text: &str) -> String {
    let mut rewritten = String::new();
    let mut rest = text;
    while let Some((start, from, to, end)) = find_hyphen_range(rest) {
        rewritten.push_str(&rest[..start]);
        rewritten.extend([">= ", from, ", <= ", to, " "]);
        rest = &rest[end..];
    }
    rewritten + rest
}

fn find_hyphen_range(text: &str) -> Option<(usize, &str, &str, usize)> {
    text.char_indices().find_map(|(start, _)| {
        let (from, rest) = split_loose(skip_blanks(&text[start..]))?;
        let rest = skip_some_blanks(rest)?.strip_prefix('-')?;
        let (to, rest) = split_loose(skip_some_blanks(rest)?)?;
        Some((start, from.text, to.text, text.len() - skip_blanks(rest).len()))
    })
}

fn skip_some_blanks(text: &str) -> Option<&str> {
    let rest = skip_blanks(text);
    (rest.len() < text.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(constraint: &str, version: &str) -> bool {
        Constraint::parse(constraint).unwrap().check(&Version::parse(version).unwrap())
    }

    #[test]
    fn versions_are_in_range() {
        for (constraint, version) in [
            ("^1.20-0", "1.21.0-eks"),
            ("1.21", "1.21.9"),
            ("=1.21", "1.21.9"),
            ("<=1.2", "1.2.5"),
            (">=1.19-0", "v1.34.0"),
            ("1.2 - 1.4", "1.4.9"),
            (">=1.0 <2.0", "1.5.0"),
            (">=1.0, <2.0", "1.5.0"),
            ("=>1.2", "1.2.0"),
            ("*", "1.2.3"),
            ("<1 || >2", "3.0.0"),
            ("~1.2.3", "1.2.9"),
            ("^0.2.3", "0.2.9"),
            ("!=1.2", "1.3.0"),
            ("v1.02.0", "1.2.0"),
            ("1.x.x", "1.9.9"),
        ] {
            assert!(check(constraint, version), "{constraint} {version}");
        }
    }

    #[test]
    fn versions_are_out_of_range() {
        for (constraint, version) in [
            ("^1.20", "1.21.0-eks"),
            ("*", "1.2.3-a"),
            ("=>1.2", "1.3.0-a"),
            ("<2.0.0-0", "2.0.0-alpha"),
            (">1.2", "1.2.5"),
            ("!=1.2", "1.2.5"),
            ("^0.2", "0.3.0"),
            ("^0.0.3", "0.0.4"),
            ("~1.2.3", "1.3.0"),
        ] {
            assert!(!check(constraint, version), "{constraint} {version}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "a", ">=1.0<2.0", "1.2.3.4", ">>1", "1.2-"] {
            assert!(Constraint::parse(text).is_err(), "{text}");
        }
    }
}
