//! Go's syntax of regular expressions (package regexp/syntax with its Perl flags).

use std::fmt;

use regex_syntax::hir::{Capture, Class, ClassUnicode, Hir, Look, Repetition};

use super::class;

/// How deep groups may lie within each other.
const DEPTH_MAX: usize = 1_000;
/// The largest number of repetitions, also of nested ones together.
const REPEAT_MAX: u32 = 1_000;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug)]
pub(super) struct SyntaxError {
    pub(super) code: Code,
    pub(super) expression: String,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Code {
    CharRange,
    Escape,
    Large,
    MissingArgument,
    MissingBracket,
    MissingParen,
    NamedCapture,
    Nesting,
    PerlOperator,
    RepeatOperator,
    RepeatSize,
    TrailingBackslash,
    UnexpectedParen,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self.code {
            Code::CharRange => "invalid character class range",
            Code::Escape => "invalid escape sequence",
            Code::Large => "expression too large",
            Code::MissingArgument => "missing argument to repetition operator",
            Code::MissingBracket => "missing closing ]",
            Code::MissingParen => "missing closing )",
            Code::NamedCapture => "invalid named capture",
            Code::Nesting => "expression nests too deeply",
            Code::PerlOperator => "invalid or unsupported Perl syntax",
            Code::RepeatOperator => "invalid nested repetition operator",
            Code::RepeatSize => "invalid repeat count",
            Code::TrailingBackslash => "trailing backslash at end of expression",
            Code::UnexpectedParen => "unexpected )",
        };
        write!(f, "error parsing regexp: {code}: `{}`", self.expression)
    }
}

fn error<T>(code: Code, expression: &str) -> Result<T, SyntaxError> {
    Err(SyntaxError { code, expression: expression.to_owned() })
}

/// An expression with the names of its groups; the first group is the whole.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    pub(super) names: Vec<Option<String>>,
}

pub(super) fn parse(expression: &str) -> Result<Parsed, SyntaxError> {
    let mut parser = Parser {
        whole: expression,
        rest: expression,
        flags: Flags::default(),
        names: vec![None],
        stack: vec![Group::default()],
    };
    parser.all()?;
    match parser.stack.pop() {
        Some(group) if parser.stack.is_empty() => {
            Ok(Parsed { hir: group.close().hir, names: parser.names })
        }
        _ => error(Code::MissingParen, expression),
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    folds: bool,
    is_multi_line: bool,
    dot_takes_newline: bool,
    is_lazy: bool,
}

/// A part, with the number of times that it repeats what is in it.
struct Item {
    hir: Hir,
    repeats: u32,
}

/// What is open: the alternatives before, and the items of this one.
#[derive(Default)]
struct Group {
    alternatives: Vec<Item>,
    items: Vec<Item>,
    /// The capture that it will be.
    capture: Option<(u32, Option<String>)>,
    /// The flags to go back to at its end.
    flags: Flags,
}

impl Group {
    fn close_alternative(&mut self) {
        let items = std::mem::take(&mut self.items);
        let repeats = items.iter().map(|item| item.repeats).max().unwrap_or(1);
        let hir = Hir::concat(items.into_iter().map(|item| item.hir).collect());
        self.alternatives.push(Item { hir, repeats });
    }

    fn close(mut self) -> Item {
        self.close_alternative();
        let repeats = self.alternatives.iter().map(|item| item.repeats).max().unwrap_or(1);
        let mut hir = Hir::alternation(self.alternatives.into_iter().map(|it| it.hir).collect());
        if let Some((index, name)) = self.capture {
            let name = name.map(String::into_boxed_str);
            hir = Hir::capture(Capture { index, name, sub: Box::new(hir) });
        }
        Item { hir, repeats }
    }
}

struct Parser<'e> {
    whole: &'e str,
    rest: &'e str,
    flags: Flags,
    names: Vec<Option<String>>,
    stack: Vec<Group>,
}

impl<'e> Parser<'e> {
    fn group(&mut self) -> &mut Group {
        self.stack.last_mut().expect("the outermost group is only closed at the end")
    }

    fn push(&mut self, hir: Hir) {
        self.group().items.push(Item { hir, repeats: 1 });
    }

    fn push_class(&mut self, class: ClassUnicode) {
        self.push(Hir::class(Class::Unicode(class)));
    }

    fn literal(&mut self, character: char) {
        if self.flags.folds {
            self.push_class(class::single(character, true));
        } else {
            self.push(Hir::literal(character.to_string().into_bytes()));
        }
    }

    fn take(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// What was read since `before`.
    fn since(&self, before: &'e str) -> &'e str {
        &before[..before.len() - self.rest.len()]
    }

    fn all(&mut self) -> Result<(), SyntaxError> {
        let mut last_repeat: Option<&'e str> = None;
        while !self.rest.is_empty() {
            let before = self.rest;
            let is_repeat = self.part(last_repeat)?;
            last_repeat = is_repeat.then_some(before);
        }
        Ok(())
    }

    /// Reads one part; true when it was a repetition of the one before.
    fn part(&mut self, last_repeat: Option<&'e str>) -> Result<bool, SyntaxError> {
        let before = self.rest;
        let first = self.take().expect("there is something left");
        let multi_line = self.flags.is_multi_line;
        match first {
            '(' if self.rest.starts_with('?') => self.perl_group(before)?,
            '(' => self.open(Some(None))?,
            '|' => self.group().close_alternative(),
            ')' => {
                if self.stack.len() == 1 {
                    return error(Code::UnexpectedParen, self.whole);
                }
                let group = self.stack.pop().expect("there is a group");
                self.flags = group.flags;
                let item = group.close();
                self.group().items.push(item);
            }
            '^' => self.push(Hir::look(if multi_line { Look::StartLF } else { Look::Start })),
            '$' => self.push(Hir::look(if multi_line { Look::EndLF } else { Look::End })),
            '.' => {
                let mut class = class::single('\n', false);
                if self.flags.dot_takes_newline {
                    class.union(&class::range('\0', '\u{10ffff}', false));
                } else {
                    class.negate();
                }
                self.push_class(class);
            }
            '[' => self.class(before)?,
            '*' => return self.repeat((0, None), before, last_repeat),
            '+' => return self.repeat((1, None), before, last_repeat),
            '?' => return self.repeat((0, Some(1)), before, last_repeat),
            '{' => match self.counts() {
                None => {
                    self.rest = &before[1..];
                    self.literal('{');
                }
                Some((min, max)) => {
                    let is_valid =
                        min <= REPEAT_MAX && max.is_none_or(|max| max <= REPEAT_MAX && min <= max);
                    if !is_valid {
                        return error(Code::RepeatSize, self.since(before));
                    }
                    return self.repeat((min, max), before, last_repeat);
                }
            },
            '\\' => self.backslash(before)?,
            other => self.literal(other),
        }
        Ok(false)
    }

    /// Opens a group; a capture has a name or none.
    #[expect(
        clippy::option_option,
        reason = "a group is a capture or not, and a capture has a name or not"
    )]
    fn open(&mut self, capture: Option<Option<String>>) -> Result<(), SyntaxError> {
        if self.stack.len() > DEPTH_MAX {
            return error(Code::Nesting, self.whole);
        }
        let capture = capture.map(|name| {
            self.names.push(name.clone());
            (self.names.len() as u32 - 1, name)
        });
        self.stack.push(Group { capture, flags: self.flags, ..Group::default() });
        Ok(())
    }

    fn perl_group(&mut self, before: &'e str) -> Result<(), SyntaxError> {
        self.rest = &self.rest[1..];
        let named = self.rest.strip_prefix("P<").or_else(|| self.rest.strip_prefix('<'));
        if let Some(named) = named.filter(|it| !it.is_empty()) {
            let Some((name, after)) = named.split_once('>') else {
                return error(Code::NamedCapture, before);
            };
            let is_valid =
                !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
            self.rest = after;
            if !is_valid || self.names.iter().any(|known| known.as_deref() == Some(name)) {
                return error(Code::NamedCapture, self.since(before));
            }
            return self.open(Some(Some(name.to_owned())));
        }
        let mut flags = self.flags;
        let (mut is_on, mut saw_flag) = (true, false);
        while let Some(letter) = self.take() {
            match letter {
                'i' => flags.folds = is_on,
                'm' => flags.is_multi_line = is_on,
                's' => flags.dot_takes_newline = is_on,
                'U' => flags.is_lazy = is_on,
                '-' if is_on => {
                    is_on = false;
                    saw_flag = false;
                    continue;
                }
                ':' | ')' if is_on || saw_flag => {
                    if letter == ':' {
                        self.open(None)?;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            saw_flag = true;
        }
        error(Code::PerlOperator, self.since(before))
    }

    fn repeat(
        &mut self,
        (min, max): (u32, Option<u32>),
        before: &'e str,
        last_repeat: Option<&'e str>,
    ) -> Result<bool, SyntaxError> {
        let mut is_lazy = self.flags.is_lazy;
        if let Some(after) = self.rest.strip_prefix('?') {
            self.rest = after;
            is_lazy = !is_lazy;
        }
        if let Some(last_repeat) = last_repeat {
            return error(Code::RepeatOperator, self.since(last_repeat));
        }
        let Some(item) = self.group().items.pop() else {
            return error(Code::MissingArgument, self.since(before));
        };
        let times = max.unwrap_or(min).max(1);
        let repeats = item.repeats.saturating_mul(times);
        if times >= 2 && repeats > REPEAT_MAX {
            return error(Code::RepeatSize, self.since(before));
        }
        let repetition = Repetition { min, max, greedy: !is_lazy, sub: Box::new(item.hir) };
        self.group().items.push(Item { hir: Hir::repetition(repetition), repeats });
        Ok(true)
    }

    /// `3}`, `3,}` or `3,5}` behind a brace; too large numbers are larger than any limit.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let min = self.count()?;
        let max = match self.rest.strip_prefix(',') {
            None => Some(min),
            Some(after) => {
                self.rest = after;
                if after.starts_with('}') { None } else { Some(self.count()?) }
            }
        };
        self.rest = self.rest.strip_prefix('}')?;
        Some((min, max))
    }

    fn count(&mut self) -> Option<u32> {
        let end = self.rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, after) = self.rest.split_at(end);
        if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        self.rest = after;
        Some(digits.parse().unwrap_or(u32::MAX))
    }

    fn backslash(&mut self, before: &'e str) -> Result<(), SyntaxError> {
        let Some(letter) = self.rest.chars().next() else {
            return error(Code::TrailingBackslash, "");
        };
        let look = match letter {
            'A' => Some(Look::Start),
            'b' => Some(Look::WordAscii),
            'B' => Some(Look::WordAsciiNegate),
            'z' => Some(Look::End),
            _ => None,
        };
        if let Some(look) = look {
            self.take();
            self.push(Hir::look(look));
            return Ok(());
        }
        if letter == 'C' {
            return error(Code::Escape, &before[..2]);
        }
        if let Some(quoted) = self.rest.strip_prefix('Q') {
            let (quoted, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            quoted.chars().for_each(|it| self.literal(it));
            self.rest = after;
            return Ok(());
        }
        if let Some(class) = self.class_escape(before)? {
            self.push_class(class);
            return Ok(());
        }
        let character = self.escape(before)?;
        self.literal(character);
        Ok(())
    }

    /// `\d` and the like, and `\pN` or `\p{Greek}`, when one stands here; the backslash is past.
    fn class_escape(&mut self, before: &'e str) -> Result<Option<ClassUnicode>, SyntaxError> {
        let Some(letter) = self.rest.chars().next() else { return Ok(None) };
        if let Some(mut class) = class::perl(letter) {
            self.take();
            if self.flags.folds {
                // Go folds the letters and then takes all others.
                let is_negated = letter.is_ascii_uppercase();
                let mut plain = class::perl(letter.to_ascii_lowercase()).unwrap_or(class);
                plain.case_fold_simple();
                if is_negated {
                    plain.negate();
                }
                class = plain;
            }
            return Ok(Some(class));
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        self.take();
        let name = match self.take() {
            None => return error(Code::Escape, before),
            Some('{') => match self.rest.split_once('}') {
                None => return error(Code::CharRange, before),
                Some((name, after)) => {
                    self.rest = after;
                    name.to_owned()
                }
            },
            Some(single) => single.to_string(),
        };
        let (name, is_inverted) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let Some(mut class) = class::unicode(name) else {
            return error(Code::CharRange, self.since(before));
        };
        if self.flags.folds {
            class.case_fold_simple();
        }
        if is_inverted != (letter == 'P') {
            class.negate();
        }
        Ok(Some(class))
    }

    /// A single escaped character; the backslash is past.
    fn escape(&mut self, before: &'e str) -> Result<char, SyntaxError> {
        let Some(letter) = self.take() else { return error(Code::TrailingBackslash, "") };
        let found = match letter {
            '0'..='7' => {
                let is_back_reference =
                    letter != '0' && !self.rest.starts_with(|it: char| it.is_digit(8));
                if is_back_reference { None } else { self.octal(letter) }
            }
            'x' => self.hexadecimal(),
            'a' => Some('\u{7}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => Some(other),
            _ => None,
        };
        match found {
            Some(character) => Ok(character),
            None => error(Code::Escape, self.since(before)),
        }
    }

    fn octal(&mut self, first: char) -> Option<char> {
        let mut code = first.to_digit(8)?;
        for _ in 0..2 {
            let Some(digit) = self.rest.chars().next().and_then(|it| it.to_digit(8)) else { break };
            self.take();
            code = code * 8 + digit;
        }
        char::from_u32(code)
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let first = self.take()?;
        if first != '{' {
            let second = self.take()?;
            return char::from_u32(first.to_digit(16)? * 16 + second.to_digit(16)?);
        }
        let (mut code, mut n_digits) = (0u32, 0);
        loop {
            match self.take()? {
                '}' if n_digits > 0 => return char::from_u32(code),
                digit => code = code * 16 + digit.to_digit(16)?,
            }
            n_digits += 1;
            if code > 0x10_ffff {
                return None;
            }
        }
    }

    fn class(&mut self, before: &'e str) -> Result<(), SyntaxError> {
        let mut set = ClassUnicode::empty();
        let is_negated = self.rest.starts_with('^');
        if is_negated {
            self.take();
        }
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            is_first = false;
            if let Some(class) = self.posix_class()? {
                set.union(&class);
                continue;
            }
            let start = self.rest;
            if let Some(after) = start.strip_prefix('\\') {
                self.rest = after;
                if let Some(class) = self.class_escape(start)? {
                    set.union(&class);
                    continue;
                }
                self.rest = start;
            }
            let from = self.class_char(before)?;
            let mut to = from;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.take();
                to = self.class_char(before)?;
                if to < from {
                    return error(Code::CharRange, self.since(start));
                }
            }
            set.union(&class::range(from, to, self.flags.folds));
        }
        self.take();
        if is_negated {
            set.negate();
        }
        self.push_class(set);
        Ok(())
    }

    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, SyntaxError> {
        let before = self.rest;
        let Some(inner) = before.strip_prefix("[:") else { return Ok(None) };
        let Some((name, after)) = inner.split_once(":]") else { return Ok(None) };
        self.rest = after;
        let Some(mut class) = class::posix(name) else {
            return error(Code::CharRange, self.since(before));
        };
        if self.flags.folds {
            class.case_fold_simple();
        }
        Ok(Some(class))
    }

    fn class_char(&mut self, whole_class: &'e str) -> Result<char, SyntaxError> {
        let start = self.rest;
        match self.take() {
            None => error(Code::MissingBracket, whole_class),
            Some('\\') => self.escape(start),
            Some(character) => Ok(character),
        }
    }
}
