//! Searching and replacing, step by step as Go's regexp does it.

use std::ops::Range;

use regex_automata::{
    Input,
    meta::{Builder, Config, Regex as Automaton},
    util::captures::Captures,
};

use super::syntax::{Code, SyntaxError, parse};

/// Bytes that a compiled expression may take.
const COMPILED_BYTES_MAX: usize = 64 << 20;

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Regex {
    automaton: Automaton,
    names: Vec<Option<String>>,
}

impl Regex {
    pub(super) fn new(expression: &str) -> Result<Self, SyntaxError> {
        let parsed = parse(expression)?;
        // What takes long to build pays only for long texts, and templates have none.
        let config =
            Config::new().nfa_size_limit(Some(COMPILED_BYTES_MAX)).dfa(false).onepass(false);
        let automaton = Builder::new()
            .configure(config)
            .build_from_hir(&parsed.hir)
            .map_err(|_| SyntaxError { code: Code::Large, expression: expression.to_owned() })?;
        Ok(Self { automaton, names: parsed.names })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.automaton.is_match(text)
    }

    /// The first match, or nothing.
    pub(super) fn find<'t>(&self, text: &'t str) -> &'t str {
        self.automaton.find(text).map_or("", |found| &text[found.range()])
    }

    fn find_at(&self, text: &str, pos: usize) -> Option<Range<usize>> {
        let found = self.automaton.search(&Input::new(text).span(pos..text.len()))?;
        Some(found.range())
    }

    /// Up to `count` matches; an empty one does not directly follow another.
    pub(super) fn all<'t>(
        &self,
        text: &'t str,
        count: usize,
    ) -> impl Iterator<Item = Range<usize>> + use<'_, 't> {
        let mut pos = 0;
        let mut previous_end = None;
        let matches = std::iter::from_fn(move || {
            while pos <= text.len() {
                let found = self.find_at(text, pos)?;
                let is_empty_here = found.end == pos;
                let is_accepted = !(is_empty_here && Some(found.start) == previous_end);
                pos = if is_empty_here { after_char(text, pos) } else { found.end };
                previous_end = Some(found.end);
                if is_accepted {
                    return Some(found);
                }
            }
            None
        });
        matches.take(count)
    }

    /// Replaces every match; with `expands`, `$1` and `${name}` in the replacement stand for groups.
    pub(super) fn replace(&self, text: &str, replacement: &str, expands: bool) -> String {
        let expands = expands && replacement.contains('$');
        let mut out = String::with_capacity(text.len());
        let mut captures = self.automaton.create_captures();
        let (mut last_end, mut pos) = (0, 0);
        while pos <= text.len() {
            let input = Input::new(text).span(pos..text.len());
            let found = if expands {
                self.automaton.search_captures(&input, &mut captures);
                captures.get_match()
            } else {
                self.automaton.search(&input)
            };
            let Some(found) = found else { break };
            out.push_str(&text[last_end..found.start()]);
            // Not for an empty match right behind another one.
            if found.end() > last_end || found.start() == 0 {
                if expands {
                    self.expand(&mut out, replacement, text, &captures);
                } else {
                    out.push_str(replacement);
                }
            }
            last_end = found.end();
            pos = after_char(text, pos).max(found.end());
        }
        out.push_str(&text[last_end..]);
        out
    }

    fn expand(&self, out: &mut String, template: &str, text: &str, captures: &Captures) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let Some((name, after)) = group_name(rest) else {
                out.push('$');
                continue;
            };
            rest = after;
            let number = match group_number(name) {
                Some(number) => Some(number),
                None => self.names.iter().position(|known| known.as_deref() == Some(name)),
            };
            let span = number.and_then(|number| captures.get_group(number));
            out.push_str(span.map_or("", |span| &text[span.range()]));
        }
        out.push_str(rest);
    }
}

fn after_char(text: &str, pos: usize) -> usize {
    pos + text[pos..].chars().next().map_or(1, char::len_utf8)
}

/// The name after a `$`, with or without braces, and what follows.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{').unwrap_or(text);
    let is_part = |it: char| it.is_alphabetic() || it.is_numeric() || it == '_';
    let end = inner.find(|it| !is_part(it)).unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    if inner.len() == text.len() {
        Some((name, after))
    } else {
        Some((name, after.strip_prefix('}')?))
    }
}

fn group_number(name: &str) -> Option<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
        && (name.len() == 1 || !name.starts_with('0'))
        && name.len() <= 9;
    if is_number { name.parse().ok() } else { None }
}
