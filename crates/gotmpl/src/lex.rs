//! The lexer: text, actions, and what stands between `{{` and `}}`.

use memchr::arch::all::memchr::One;

use crate::strconv::{decode_char, is_print};

mod number;

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
    /// Whether blanks stand before it.
    pub(crate) is_apart: bool,
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
    /// Whether blanks stand before the item that is being read.
    is_apart: bool,
    /// What went wrong; nothing more is read after an error.
    pub(crate) error: Option<String>,
}

/// The bytes of names, but for letters and digits beyond ASCII.
const IS_IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

const LEFT: [u8; 2] = *b"{{";
const RIGHT: [u8; 2] = *b"}}";

/// Where text begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pos: usize,
    line: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(input: &'t [u8]) -> Self {
        Self::at(input, Place { pos: 0, line: 1 })
    }

    /// Goes on where text begins.
    pub(crate) fn at(input: &'t [u8], Place { pos, line }: Place) -> Self {
        Self {
            source: input,
            input,
            pos,
            start: pos,
            line,
            start_line: line,
            paren_depth: 0,
            is_inside_action: false,
            is_apart: false,
            error: None,
        }
    }

    /// Where the text after an action begins.
    pub(crate) fn place(&self) -> Place {
        Place { pos: self.pos, line: self.line }
    }

    pub(crate) fn text(&self, item: &Item) -> &'t [u8] {
        self.source.get(item.start..item.end).unwrap_or_default()
    }

    pub(crate) fn next(&mut self) -> Item {
        if self.is_inside_action { self.inside_action() } else { self.outside() }
    }

    fn rest(&self) -> &'t [u8] {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        let rest = self.rest();
        if rest.is_empty() { None } else { Some(decode_char(rest).0.unwrap_or('\u{fffd}')) }
    }

    fn item(&mut self, kind: Kind) -> Item {
        let item = Item {
            kind,
            is_apart: self.is_apart,
            start: self.start,
            end: self.pos,
            line: self.start_line,
        };
        self.is_apart = false;
        self.start = self.pos;
        self.start_line = self.line;
        item
    }

    fn error(&mut self, message: impl Into<String>) -> Item {
        self.pos = self.start;
        let item = self.item(Kind::Error);
        self.error = Some(message.into());
        // Go empties its input after an error; what is read then is the end.
        self.input = &[];
        self.pos = 0;
        self.start = 0;
        item
    }

    /// Moves over bytes that are part of no item.
    fn skip_to(&mut self, pos: usize) {
        self.line += newlines(&self.input[self.pos..pos]);
        self.pos = pos;
        self.start = pos;
        self.start_line = self.line;
    }

    /// Text, or what begins an action.
    fn outside(&mut self) -> Item {
        loop {
            let Some(offset) = find(self.rest(), LEFT) else {
                if self.pos == self.input.len() {
                    return self.item(Kind::Eof);
                }
                self.line += newlines(self.rest());
                self.pos = self.input.len();
                return self.item(Kind::Text);
            };
            let delim = self.pos + offset;
            let has_trim = has_left_trim_marker(&self.input[delim + 2..]);
            let mut end = delim;
            if has_trim {
                end = self.pos + self.input[self.pos..delim].trim_ascii_end_go().len();
            }
            if end > self.pos {
                self.line += newlines(&self.input[self.pos..end]);
                self.pos = end;
                let item = self.item(Kind::Text);
                self.skip_to(delim);
                return item;
            }
            self.skip_to(delim);
            let inside = delim + 2 + if has_trim { 2 } else { 0 };
            if !self.input[inside..].starts_with(b"/*") {
                return self.left_delim(inside);
            }
            self.skip_to(inside);
            if let Err(error) = self.comment() {
                return error;
            }
        }
    }

    fn left_delim(&mut self, inside: usize) -> Item {
        self.pos += 2;
        let item = self.item(Kind::LeftDelim);
        self.is_inside_action = true;
        self.skip_to(inside);
        self.paren_depth = 0;
        item
    }

    fn comment(&mut self) -> Result<(), Item> {
        let Some(offset) = find(&self.rest()[2..], *b"*/") else {
            return Err(self.error("unclosed comment"));
        };
        let after = self.pos + 2 + offset + 2;
        let rest = &self.input[after..];
        let end = match at_right_delim(rest) {
            None => return Err(self.error("comment ends before closing delimiter")),
            Some(false) => after + 2,
            Some(true) => after + 4 + leading_blanks(&rest[4..]),
        };
        self.skip_to(end);
        Ok(())
    }

    fn right_delim(&mut self, has_trim: bool) -> Item {
        if has_trim {
            self.skip_to(self.pos + 2);
        }
        self.pos += 2;
        let item = self.item(Kind::RightDelim);
        if has_trim {
            self.skip_to(self.pos + leading_blanks(self.rest()));
        }
        self.is_inside_action = false;
        item
    }

    fn inside_action(&mut self) -> Item {
        self.blanks();
        if let Some(has_trim) = at_right_delim(self.rest()) {
            if self.paren_depth == 0 {
                return self.right_delim(has_trim);
            }
            return self.error("unclosed left paren");
        }
        let Some(&byte) = self.rest().first() else { return self.error("unclosed action") };
        let next = self.rest().get(1);
        match byte {
            b'_' | b'A'..=b'Z' | b'a'..=b'z' => self.identifier(),
            b'.' if next.is_some_and(|next| !next.is_ascii_digit()) => {
                self.field_or_variable(Kind::Field)
            }
            b'$' => self.field_or_variable(Kind::Variable),
            b'"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            b'|' => self.take(1, Kind::Pipe),
            b'(' => {
                self.paren_depth += 1;
                self.take(1, Kind::LeftParen)
            }
            b')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.take(1, Kind::RightParen)
                }
                None => self.error("unexpected right paren"),
            },
            b'=' => self.take(1, Kind::Assign),
            b':' if next == Some(&b'=') => self.take(2, Kind::Declare),
            b':' => self.error("expected :="),
            b'`' => self.raw_quoted(),
            b'\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            b'.' | b'+' | b'-' | b'0'..=b'9' => self.number(),
            b'!'..=b'~' => self.take(1, Kind::Char),
            _ => match self.peek().unwrap_or_default() {
                letter if is_alphanumeric(letter) => self.identifier(),
                other => {
                    self.error(format!("unrecognized character in action: {}", unicode(other)))
                }
            },
        }
    }

    fn take(&mut self, n_bytes: usize, kind: Kind) -> Item {
        self.pos += n_bytes;
        self.item(kind)
    }

    /// Passes over blanks, but not over one that belongs to a right delimiter with a trim marker.
    fn blanks(&mut self) {
        let count = match self.rest() {
            [b' ', next, ..] if b' ' < *next && *next != b'-' => 1,
            rest => leading_blanks(rest),
        };
        let Some(last) = count.checked_sub(1) else { return };
        let belongs = at_right_delim(&self.rest()[last..]) == Some(true);
        let end = self.pos + if belongs { last } else { count };
        self.is_apart = self.pos < end;
        self.skip_to(end);
    }

    fn identifier(&mut self) -> Item {
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
        self.item(kind)
    }

    /// What begins with a dot or a dollar sign.
    fn field_or_variable(&mut self, kind: Kind) -> Item {
        self.pos += 1;
        if self.at_terminator() {
            return self.item(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        match self.word() {
            Some(bad) => self.error(format!("bad character {}", unicode_or_eof(bad))),
            None => self.item(kind),
        }
    }

    /// Takes letters and digits; says which character follows when none may.
    #[expect(clippy::option_option, reason = "the character that must not follow may be the end")]
    fn word(&mut self) -> Option<Option<char>> {
        loop {
            let rest = self.rest();
            let n_bytes = rest.iter().position(|byte| !IS_IN_WORD[usize::from(*byte)]);
            self.pos += n_bytes.unwrap_or(rest.len());
            match self.rest().first() {
                None => break,
                Some(byte) if byte.is_ascii() => break,
                Some(_) => match self.peek().filter(|it| is_alphanumeric(*it)) {
                    Some(letter) => self.pos += letter.len_utf8(),
                    None => break,
                },
            }
        }
        if self.at_terminator() { None } else { Some(self.peek()) }
    }

    fn at_terminator(&self) -> bool {
        match self.rest() {
            [] => true,
            [b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(', ..] => true,
            rest => rest.starts_with(&RIGHT),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind, unterminated: &str) -> Item {
        self.pos += 1;
        loop {
            let Some(&byte) = self.rest().first() else { return self.error(unterminated) };
            self.pos += 1;
            match byte {
                b'\\' => match self.rest().first() {
                    None | Some(b'\n') => return self.error(unterminated),
                    Some(_) => self.pos += 1,
                },
                b'\n' => return self.error(unterminated),
                _ if byte == quote => return self.item(kind),
                _ => {}
            }
        }
    }

    fn raw_quoted(&mut self) -> Item {
        self.pos += 1;
        let Some(offset) = self.rest().iter().position(|byte| *byte == b'`') else {
            return self.error("unterminated raw quoted string");
        };
        self.line += newlines(&self.rest()[..offset]);
        self.pos += offset + 1;
        self.item(Kind::RawString)
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

fn leading_blanks(text: &[u8]) -> usize {
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

fn find(text: &[u8], pair: [u8; 2]) -> Option<usize> {
    One::new(pair[0]).iter(text).find(|at| text.get(at + 1) == Some(&pair[1]))
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
