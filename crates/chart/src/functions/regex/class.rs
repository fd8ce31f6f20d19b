//! Sets of characters.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// The characters of `\d`, `\s` and `\w`; capital letters mean all others.
pub(super) fn perl(letter: char) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match letter.to_ascii_lowercase() {
        'd' => &[('0', '9')],
        's' => &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')],
        'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => return None,
    };
    Some(of(ranges, letter.is_ascii_uppercase()))
}

/// The characters of `[:alpha:]`, or of `[:^alpha:]` with the `^` in the name.
pub(super) fn posix(name: &str) -> Option<ClassUnicode> {
    let (name, is_negated) = match name.strip_prefix('^') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let ranges: &[(char, char)] = match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\u{7f}')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\u{1f}'), ('\u{7f}', '\u{7f}')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some(of(ranges, is_negated))
}

fn of(ranges: &[(char, char)], is_negated: bool) -> ClassUnicode {
    let mut class =
        ClassUnicode::new(ranges.iter().map(|(from, to)| ClassUnicodeRange::new(*from, *to)));
    if is_negated {
        class.negate();
    }
    class
}

/// The characters of a Unicode category or script.
pub(super) fn unicode(name: &str) -> Option<ClassUnicode> {
    if name == "Any" {
        return Some(of(&[('\0', '\u{10ffff}')], false));
    }
    let is_plain =
        name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | ' ' | '-'));
    if !is_plain {
        return None;
    }
    let hir = regex_syntax::Parser::new().parse(&format!("\\p{{{name}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        HirKind::Literal(literal) => {
            let character = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(of(&[(character, character)], false))
        }
        _ => None,
    }
}

/// One character, or with `folds` all that differ from it only in case.
pub(super) fn single(character: char, folds: bool) -> ClassUnicode {
    range(character, character, folds)
}

pub(super) fn range(from: char, to: char, folds: bool) -> ClassUnicode {
    let mut class = of(&[(from, to)], false);
    if folds {
        class.case_fold_simple();
    }
    class
}
