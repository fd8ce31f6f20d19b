//! Words within a name, as huandu/xstrings 1.5.0 finds them.

use super::{lower, upper};

/// What a piece of a name is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Word {
    /// Nothing is left.
    None,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

fn is_connector(it: char) -> bool {
    it == '-' || it == '_' || it.is_whitespace()
}

/// xstrings' `isAlphabet`: letters, but not Chinese characters.
fn is_alphabet(it: char) -> bool {
    it.is_alphabetic()
        && !matches!(it, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}')
}

/// Go's `unicode.IsPunct`: category P.
fn is_punctuation(it: char) -> bool {
    match it {
        '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~' => false,
        _ if it.is_ascii() => it.is_ascii_punctuation(),
        '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}' => true,
        '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{2043}' | '\u{2045}'..='\u{2051}' => true,
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' => true,
        '\u{ff01}'..='\u{ff03}' | '\u{ff05}'..='\u{ff0a}' | '\u{ff0c}'..='\u{ff0f}' => true,
        _ => false,
    }
}

/// Splits off the first word.
fn next_word(text: &str) -> (Word, &str, &str) {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return (Word::None, "", "") };
    let run = |belongs: &dyn Fn(char) -> bool| {
        let after = &text[first.len_utf8()..];
        first.len_utf8() + after.find(|it| !belongs(it)).unwrap_or(after.len())
    };
    let is_small = |it: char| is_alphabet(it) && !it.is_uppercase();
    let (word, end) = if is_connector(first) {
        (Word::Connector, run(&is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, run(&is_punctuation))
    } else if first.is_uppercase() {
        let end = match characters.next() {
            Some(second) if second.is_uppercase() => {
                let end = run(&char::is_uppercase);
                // In `HTTPStatus` the `S` belongs to what follows.
                match text[end..].chars().next() {
                    Some(after) if is_alphabet(after) => {
                        let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
                        end - last
                    }
                    _ => end,
                }
            }
            Some(second) if is_alphabet(second) => run(&is_small),
            _ => first.len_utf8(),
        };
        (Word::Upper, end)
    } else if is_alphabet(first) {
        (Word::Alphabet, run(&is_small))
    } else if first.is_numeric() {
        (Word::Number, run(&char::is_numeric))
    } else {
        let is_other = |it: char| {
            !is_connector(it) && !is_alphabet(it) && !it.is_numeric() && !is_punctuation(it)
        };
        (Word::Other, run(&is_other))
    };
    (word, &text[..end], &text[end..])
}

/// `ToSnakeCase` and `ToKebabCase`.
pub(super) fn lower_with(text: &str, connector: char) -> String {
    let mut out = Lowered { out: String::with_capacity(text.len() + 4), connector };
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            out.push(kind, word);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(kind, Word::Alphabet | Word::Number) {
                    out.push(kind, word);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::None | Word::Punctuation | Word::Connector) {
                    out.connect();
                }
            }
            Word::Connector => out.push(before, last),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.connect();
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind != Word::Alphabet {
                    // The number belongs to the word before: `bld4_floor`.
                    out.push(Word::Number, number);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.connect();
                    }
                    continue;
                }
                // Letters follow the number, so it begins a word: `http_2xx`.
                out.connect();
                out.push(Word::Number, number);
                while matches!(kind, Word::Alphabet | Word::Number) {
                    out.push(kind, word);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::None | Word::Connector | Word::Punctuation) {
                    out.connect();
                }
            }
        }
    }
    out.push(kind, word);
    out.out
}

struct Lowered {
    out: String,
    connector: char,
}

impl Lowered {
    fn push(&mut self, kind: Word, word: &str) {
        if !matches!(kind, Word::Upper | Word::Connector) {
            self.out.push_str(word);
            return;
        }
        for it in word.chars() {
            self.out.push(if is_connector(it) { self.connector } else { lower(it) });
        }
    }

    fn connect(&mut self) {
        self.out.push(self.connector);
    }
}

/// `ToPascalCase`.
pub(super) fn pascal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    let mut current = None;
    // Connectors in front stay.
    for it in characters.by_ref() {
        if !is_connector(it) {
            current = Some(it);
            break;
        }
        out.push(it);
    }
    let Some(first) = current else {
        // Of connectors alone the last one comes twice.
        out.extend(text.chars().next_back());
        return out;
    };
    let mut was_upper = first.is_uppercase();
    let mut current = upper(first);
    for next in characters {
        let before = current;
        current = next;
        if is_connector(next) && is_connector(before) {
            out.push(before);
            continue;
        }
        if is_connector(before) {
            was_upper = next.is_uppercase();
            current = upper(next);
        } else {
            if was_upper {
                if next.is_uppercase() {
                    current = lower(next);
                } else {
                    was_upper = false;
                }
            }
            out.push(before);
        }
    }
    out.push(current);
    out
}
