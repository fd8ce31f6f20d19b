//! The lexer: text, actions, and what stands between `{{` and `}}`.

use crate::strconv::{decode_char, is_print, quote};

/// What an item is. Keywords come last, as their text is shown otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

/// A token: its place in the source and its line from 1. What an error says, the lexer knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: usize,
}

/// The scanner of one source. After an error or the end it keeps saying so.
#[derive(Debug)]
pub(crate) struct Lexer<'t> {
    /// All of it; `input` is emptied by an error.
    source: &'t [u8],
    input: &'t [u8],
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    paren_depth: usize,
    is_inside_action: bool,
    /// What went wrong; nothing more is read after an error.
    pub(crate) error: Option<String>,
}

/// What the scanner does next.
enum Step {
    Emit(Item),
    Text,
    RightDelim,
}

const LEFT: &[u8] = b"{{";
const RIGHT: &[u8] = b"}}";

impl<'t> Lexer<'t> {
    pub(crate) fn new(input: &'t [u8]) -> Self {
        Self {
            source: input,
            input,
            pos: 0,
            start: 0,
            line: 1,
            start_line: 1,
            paren_depth: 0,
            is_inside_action: false,
            error: None,
        }
    }

    pub(crate) fn text(&self, item: &Item) -> &'t [u8] {
        self.source.get(item.start..item.end).unwrap_or_default()
    }

    pub(crate) fn next(&mut self) -> Item {
        let mut step = if self.is_inside_action { self.inside_action() } else { Step::Text };
        loop {
            step = match step {
                Step::Emit(item) => return item,
                Step::Text => self.lex_text(),
                Step::RightDelim => self.right_delim(),
            };
        }
    }

    fn rest(&self) -> &'t [u8] {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        let rest = self.rest();
        if rest.is_empty() { None } else { Some(decode_char(rest).0.unwrap_or('\u{fffd}')) }
    }

    fn advance(&mut self) -> Option<char> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let (character, width) = decode_char(rest);
        self.pos += width;
        if rest[0] == b'\n' {
            self.line += 1;
        }
        Some(character.unwrap_or('\u{fffd}'))
    }

    fn item(&mut self, kind: Kind) -> Item {
        let item = Item { kind, start: self.start, end: self.pos, line: self.start_line };
        self.start = self.pos;
        self.start_line = self.line;
        item
    }

    fn emit(&mut self, kind: Kind) -> Step {
        Step::Emit(self.item(kind))
    }

    fn error(&mut self, message: impl Into<String>) -> Step {
        let item =
            Item { kind: Kind::Error, start: self.start, end: self.start, line: self.start_line };
        self.error = Some(message.into());
        // Go empties its input after an error; what is read then is the end.
        self.input = &[];
        self.pos = 0;
        self.start = 0;
        Step::Emit(item)
    }

    /// Moves over bytes that are part of no item.
    fn skip_to(&mut self, pos: usize) {
        self.line += newlines(&self.input[self.pos..pos]);
        self.pos = pos;
        self.start = pos;
        self.start_line = self.line;
    }

    fn lex_text(&mut self) -> Step {
        self.is_inside_action = false;
        let Some(offset) = find(self.rest(), LEFT) else {
            if self.pos == self.input.len() {
                return self.emit(Kind::Eof);
            }
            self.line += newlines(self.rest());
            self.pos = self.input.len();
            return self.emit(Kind::Text);
        };
        let delim = self.pos + offset;
        let mut end = delim;
        if has_left_trim_marker(&self.input[delim + 2..]) {
            end = self.pos + self.input[self.pos..delim].trim_ascii_end_go().len();
        }
        if end > self.pos {
            self.line += newlines(&self.input[self.pos..end]);
            self.pos = end;
            let item = self.item(Kind::Text);
            self.skip_to(delim);
            return Step::Emit(item);
        }
        self.skip_to(delim);
        self.left_delim()
    }

    fn left_delim(&mut self) -> Step {
        let has_trim = has_left_trim_marker(&self.input[self.pos + 2..]);
        let inside = self.pos + 2 + if has_trim { 2 } else { 0 };
        if self.input[inside..].starts_with(b"/*") {
            self.skip_to(inside);
            return self.comment();
        }
        self.pos += 2;
        let item = self.item(Kind::LeftDelim);
        self.is_inside_action = true;
        self.skip_to(inside);
        self.paren_depth = 0;
        Step::Emit(item)
    }

    fn comment(&mut self) -> Step {
        let Some(offset) = find(&self.rest()[2..], b"*/") else {
            return self.error("unclosed comment");
        };
        let after = self.pos + 2 + offset + 2;
        let rest = &self.input[after..];
        let end = match at_right_delim(rest) {
            None => return self.error("comment ends before closing delimiter"),
            Some(false) => after + 2,
            Some(true) => after + 4 + leading_spaces(&rest[4..]),
        };
        self.skip_to(end);
        Step::Text
    }

    fn right_delim(&mut self) -> Step {
        let has_trim = at_right_delim(self.rest()) == Some(true);
        if has_trim {
            self.skip_to(self.pos + 2);
        }
        self.pos += 2;
        let item = self.item(Kind::RightDelim);
        if has_trim {
            self.skip_to(self.pos + leading_spaces(self.rest()));
        }
        self.is_inside_action = false;
        Step::Emit(item)
    }

    fn inside_action(&mut self) -> Step {
        if at_right_delim(self.rest()).is_some() {
            if self.paren_depth == 0 {
                return Step::RightDelim;
            }
            return self.error("unclosed left paren");
        }
        let before = (self.pos, self.line);
        let Some(character) = self.advance() else {
            return self.error("unclosed action");
        };
        match character {
            ' ' | '\t' | '\r' | '\n' => {
                (self.pos, self.line) = before;
                self.space()
            }
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.advance() == Some('=') {
                    self.emit(Kind::Declare)
                } else {
                    self.error("expected :=")
                }
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            '`' => self.raw_quoted(),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            '$' => self.field_or_variable(Kind::Variable),
            '.' if self.rest().first().is_some_and(|next| !next.is_ascii_digit()) => {
                self.field_or_variable(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                (self.pos, self.line) = before;
                self.number()
            }
            _ if is_alphanumeric(character) => self.identifier(),
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.emit(Kind::RightParen)
                }
                None => self.error("unexpected right paren"),
            },
            '!'..='~' => self.emit(Kind::Char),
            other => self.error(format!("unrecognized character in action: {}", unicode(other))),
        }
    }

    fn space(&mut self) -> Step {
        let count = leading_spaces(self.rest());
        // The last blank may belong to a right delimiter with a trim marker.
        let last = self.pos + count - 1;
        let has_trim = at_right_delim(&self.input[last..]) == Some(true);
        if has_trim && count == 1 {
            return Step::RightDelim;
        }
        let end = if has_trim { last } else { last + 1 };
        self.line += newlines(&self.input[self.pos..end]);
        self.pos = end;
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Step {
        if let Some(bad) = self.word() {
            return self.error(format!("bad character {}", unicode_or_eof(bad)));
        }
        let kind = match &self.input[self.start..self.pos] {
            b"block" => Kind::Block,
            b"break" => Kind::Break,
            b"continue" => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            b"true" | b"false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind)
    }

    fn field_or_variable(&mut self, kind: Kind) -> Step {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        match self.word() {
            Some(bad) => self.error(format!("bad character {}", unicode_or_eof(bad))),
            None => self.emit(kind),
        }
    }

    /// Takes letters and digits; says which character follows when none may.
    #[expect(clippy::option_option, reason = "the character that must not follow may be the end")]
    fn word(&mut self) -> Option<Option<char>> {
        while let Some(byte) = self.rest().first() {
            if byte.is_ascii_alphanumeric() || *byte == b'_' {
                self.pos += 1;
            } else if !byte.is_ascii() && self.peek().is_some_and(is_alphanumeric) {
                self.advance();
            } else {
                break;
            }
        }
        if self.at_terminator() { None } else { Some(self.peek()) }
    }

    fn at_terminator(&self) -> bool {
        match self.rest() {
            [] => true,
            [b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(', ..] => true,
            rest => rest.starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind, unterminated: &str) -> Step {
        loop {
            let Some(&byte) = self.rest().first() else { return self.error(unterminated) };
            self.pos += 1;
            match byte {
                b'\\' => match self.rest().first() {
                    None | Some(b'\n') => return self.error(unterminated),
                    Some(_) => self.pos += 1,
                },
                b'\n' => return self.error(unterminated),
                _ if byte == quote => return self.emit(kind),
                _ => {}
            }
        }
    }

    fn raw_quoted(&mut self) -> Step {
        let Some(offset) = self.rest().iter().position(|byte| *byte == b'`') else {
            return self.error("unterminated raw quoted string");
        };
        self.line += newlines(&self.rest()[..offset]);
        self.pos += offset + 1;
        self.emit(Kind::RawString)
    }

    fn number(&mut self) -> Step {
        let mut is_good = self.scan_number();
        let mut kind = Kind::Number;
        if is_good && matches!(self.rest().first(), Some(b'+' | b'-')) {
            kind = Kind::Complex;
            is_good = self.scan_number() && self.input[self.pos - 1] == b'i';
        }
        if is_good {
            return self.emit(kind);
        }
        let text = quote(&self.input[self.start..self.pos]);
        self.error(format!("bad number syntax: {text}"))
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let is_accepted = self.rest().first().is_some_and(|byte| valid.contains(byte));
        self.pos += usize::from(is_accepted);
        is_accepted
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }

    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = b"0123456789abcdefABCDEF_";
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let has_exponent = match digits.len() {
            11 => self.accept(b"eE"),
            23 => self.accept(b"pP"),
            _ => false,
        };
        if has_exponent {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.advance();
            return false;
        }
        true
    }
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

/// Whether a right delimiter stands here, and whether it trims.
fn at_right_delim(text: &[u8]) -> Option<bool> {
    match text {
        [b' ' | b'\t' | b'\r' | b'\n', b'-', b'}', b'}', ..] => Some(true),
        [b'}', b'}', ..] => Some(false),
        _ => None,
    }
}

fn leading_spaces(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

trait TrimGo {
    fn trim_ascii_end_go(&self) -> &[u8];
}

impl TrimGo for [u8] {
    /// Without the blanks that Go's lexer knows; unlike Rust's, form feed is none.
    fn trim_ascii_end_go(&self) -> &[u8] {
        let end = self.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        &self[..end.map_or(0, |last| last + 1)]
    }
}

fn newlines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

fn find(text: &[u8], pair: &[u8]) -> Option<usize> {
    text.windows(2).position(|window| window == pair)
}

fn is_alphanumeric(character: char) -> bool {
    character == '_' || character.is_alphabetic() || character.is_numeric()
}

fn unicode_or_eof(character: Option<char>) -> String {
    character.map_or_else(|| "U+FFFFFFFFFFFFFFFF".to_owned(), unicode)
}

/// A character as `%#U` prints it.
fn unicode(character: char) -> String {
    let code = u32::from(character);
    if is_print(character) {
        format!("U+{code:04X} '{character}'")
    } else {
        format!("U+{code:04X}")
    }
}
