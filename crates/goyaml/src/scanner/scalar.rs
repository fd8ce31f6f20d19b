//! Scalars: plain, quoted and block.

use std::borrow::Cow;

use super::{Scanned, Scanner};
use crate::token::{Data, Mark, Style};

/// A scalar's text as it grows: a piece of the source as long as that will do.
struct Value<'a> {
    text: &'a str,
    /// Where the piece starts and ends, while nothing but that piece belongs to the value.
    piece: Option<(usize, usize)>,
    owned: String,
}

impl<'a> Value<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, piece: None, owned: String::new() }
    }

    /// Adds a piece of the source.
    fn push_piece(&mut self, from: usize, to: usize) {
        match self.piece {
            Some((start, end)) if end == from => self.piece = Some((start, to)),
            None if self.owned.is_empty() => self.piece = Some((from, to)),
            _ => {
                let text = self.text;
                self.owned().push_str(&text[from..to]);
            }
        }
    }

    /// Adds what does not stand in the source like this.
    fn push_str(&mut self, text: &str) {
        if !text.is_empty() {
            self.owned().push_str(text);
        }
    }

    fn push(&mut self, it: char) {
        self.owned().push(it);
    }

    fn owned(&mut self) -> &mut String {
        if let Some((from, to)) = self.piece.take() {
            self.owned.push_str(&self.text[from..to]);
        }
        &mut self.owned
    }

    fn finish(self) -> Cow<'a, str> {
        match self.piece {
            Some((from, to)) => Cow::Borrowed(&self.text[from..to]),
            None if self.owned.is_empty() => Cow::Borrowed(""),
            None => Cow::Owned(self.owned),
        }
    }
}

/// Line breaks and blanks between the words of a plain or quoted scalar.
#[derive(Default)]
struct Gap {
    /// Whether there was a line break.
    has_break: bool,
    /// The first line break.
    leading_break: String,
    /// The line breaks after the first.
    trailing_breaks: String,
    /// Blanks on one line: where they stand in the source.
    blanks: Option<(usize, usize)>,
}

impl<'a> Scanner<'a> {
    pub(super) fn scan_plain_scalar(&mut self) -> Scanned {
        let start = self.mark;
        let mut end = start;
        let indent = self.indent + 1;
        let mut value = Value::new(self.text);
        let mut gap = Gap::default();
        loop {
            if self.mark.column == 0 && self.document_indicator().is_some() || self.at(0) == b'#' {
                break;
            }
            let from = self.place;
            let to = self.plain_run_end();
            if from < to {
                join(&mut value, &mut gap);
                value.push_piece(from, to);
                self.skip_to(to);
                end = self.mark;
            }
            if !self.is_blank(0) && !self.is_break(0) {
                break;
            }
            self.scan_plain_gap(&mut gap, indent, start)?;
            if self.flow_level == 0 && self.column() < indent {
                break;
            }
        }
        let data = Data::Scalar { value: value.finish(), style: Style::Plain };
        let after = std::mem::replace(&mut self.mark, end);
        self.push(data, start);
        self.mark = after;
        if gap.has_break {
            self.is_simple_key_allowed = true;
        }
        Ok(())
    }

    /// Where the run of characters ends that belong to a plain scalar without a blank.
    fn plain_run_end(&self) -> usize {
        let is_flow = 0 < self.flow_level;
        let mut ahead = 0;
        loop {
            let rest = &self.bytes[self.place + ahead..];
            let Some(found) = rest.iter().position(|byte| ENDS_PLAIN[usize::from(*byte)]) else {
                return self.bytes.len();
            };
            ahead += found;
            let is_end = match self.at(ahead) {
                b' ' | b'\t' => true,
                b':' => self.is_blankz(ahead + 1),
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => is_flow,
                _ => self.is_break(ahead),
            };
            if is_end {
                return self.place + ahead;
            }
            ahead += 1;
        }
    }

    fn scan_plain_gap(&mut self, gap: &mut Gap, indent: isize, start: Mark) -> Scanned {
        while self.is_blank(0) || self.is_break(0) {
            if self.is_break(0) {
                self.scan_gap_break(gap);
                continue;
            }
            if gap.has_break && self.column() < indent && self.at(0) == b'\t' {
                let problem = "found a tab character that violates indentation";
                return Err(self.fail(start, problem));
            }
            self.scan_gap_blank(gap);
        }
        Ok(())
    }

    fn scan_gap_blank(&mut self, gap: &mut Gap) {
        if !gap.has_break {
            let from = gap.blanks.map_or(self.place, |(from, _)| from);
            gap.blanks = Some((from, self.place + 1));
        }
        self.skip_ascii();
    }

    fn scan_gap_break(&mut self, gap: &mut Gap) {
        if gap.has_break {
            self.read_line(&mut gap.trailing_breaks);
        } else {
            gap.blanks = None;
            self.read_line(&mut gap.leading_break);
            gap.has_break = true;
        }
    }

    /// Eats a line break and adds it as it counts in a value.
    fn read_line(&mut self, breaks: &mut String) {
        match self.at(0) {
            0xe2 => breaks.push_str(&self.text[self.place..self.place + 3]),
            _ => breaks.push('\n'),
        }
        self.skip_line();
    }

    pub(super) fn scan_flow_scalar(&mut self, is_single: bool) -> Scanned {
        let start = self.mark;
        let quote = if is_single { b'\'' } else { b'"' };
        self.skip_ascii();
        let mut value = Value::new(self.text);
        loop {
            if self.mark.column == 0 && self.document_indicator().is_some() {
                return Err(self.fail(start, "found unexpected document indicator"));
            }
            if self.is_end(0) {
                return Err(self.fail(start, "found unexpected end of stream"));
            }
            let mut gap = Gap::default();
            self.scan_quoted_run(quote, &mut value, &mut gap, start)?;
            if self.at(0) == quote {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_break(0) {
                    self.scan_gap_break(&mut gap);
                } else {
                    self.scan_gap_blank(&mut gap);
                }
            }
            join(&mut value, &mut gap);
        }
        self.skip_ascii();
        let style = if is_single { Style::SingleQuoted } else { Style::DoubleQuoted };
        self.push(Data::Scalar { value: value.finish(), style }, start);
        Ok(())
    }

    /// Characters up to a blank, a line break, the quote or the end. An escaped line break ends them
    /// too, and counts as one of nothing.
    fn scan_quoted_run(
        &mut self,
        quote: u8,
        value: &mut Value<'a>,
        gap: &mut Gap,
        start: Mark,
    ) -> Scanned {
        loop {
            let from = self.place;
            let to = self.quoted_run_end(quote);
            if from < to {
                value.push_piece(from, to);
                self.skip_to(to);
            }
            if self.at(0) == quote {
                if quote != b'\'' || self.at(1) != b'\'' {
                    return Ok(());
                }
                value.push('\'');
                self.skip_n_ascii(2);
            } else if self.at(0) == b'\\' && quote == b'"' {
                if self.is_break(1) {
                    self.skip_ascii();
                    self.skip_line();
                    gap.has_break = true;
                    return Ok(());
                }
                let it = self.scan_escape(start)?;
                value.push(it);
            } else {
                return Ok(());
            }
        }
    }

    fn quoted_run_end(&self, quote: u8) -> usize {
        let mut ahead = 0;
        loop {
            let rest = &self.bytes[self.place + ahead..];
            let Some(found) = rest.iter().position(|byte| ENDS_QUOTED[usize::from(*byte)]) else {
                return self.bytes.len();
            };
            ahead += found;
            let is_end = match self.at(ahead) {
                b' ' | b'\t' => true,
                b'\\' => quote == b'"',
                byte @ (b'"' | b'\'') => byte == quote,
                _ => self.is_break(ahead),
            };
            if is_end {
                return self.place + ahead;
            }
            ahead += 1;
        }
    }

    fn scan_escape(&mut self, start: Mark) -> Scanned<char> {
        let it = match self.at(1) {
            b'0' => '\0',
            b'a' => '\x07',
            b'b' => '\x08',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\x0b',
            b'f' => '\x0c',
            b'r' => '\r',
            b'e' => '\x1b',
            b' ' => ' ',
            b'"' => '"',
            b'\'' => '\'',
            b'\\' => '\\',
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => return self.scan_escape_code(2, start),
            b'u' => return self.scan_escape_code(4, start),
            b'U' => return self.scan_escape_code(8, start),
            _ => return Err(self.fail(start, "found unknown escape character")),
        };
        self.skip_n_ascii(2);
        Ok(it)
    }

    fn scan_escape_code(&mut self, n_digits: usize, start: Mark) -> Scanned<char> {
        self.skip_n_ascii(2);
        let mut code = 0_u32;
        for ahead in 0..n_digits {
            let Some(digit) = char::from(self.at(ahead)).to_digit(16) else {
                return Err(self.fail(start, "did not find expected hexdecimal number"));
            };
            code = code << 4 | digit;
        }
        let Some(it) = char::from_u32(code) else {
            return Err(self.fail(start, "found invalid Unicode character escape code"));
        };
        self.skip_n_ascii(n_digits);
        Ok(it)
    }

    pub(super) fn scan_block_scalar(&mut self, is_literal: bool) -> Scanned {
        let start = self.mark;
        self.skip_ascii();
        let (chomping, increment) = self.scan_block_header(start)?;
        let mut end = self.mark;
        let mut indent = match increment {
            0 => 0,
            _ => self.indent.max(0) + increment,
        };
        let mut value = Value::new(self.text);
        let mut leading_break = String::new();
        let mut trailing_breaks = String::new();
        self.scan_block_breaks(&mut indent, &mut trailing_breaks, start, &mut end)?;
        let mut was_blank = false;
        while self.column() == indent && !self.is_end(0) {
            let is_blank = self.is_blank(0);
            if !is_literal && !was_blank && !is_blank && leading_break.starts_with('\n') {
                if trailing_breaks.is_empty() {
                    value.push(' ');
                }
            } else {
                value.push_str(&leading_break);
            }
            leading_break.clear();
            value.push_str(&trailing_breaks);
            trailing_breaks.clear();
            was_blank = is_blank;
            let (from, to) = (self.place, self.line_end());
            value.push_piece(from, to);
            self.skip_to(to);
            if self.is_break(0) {
                self.read_line(&mut leading_break);
            }
            self.scan_block_breaks(&mut indent, &mut trailing_breaks, start, &mut end)?;
        }
        if chomping != Chomping::Strip {
            value.push_str(&leading_break);
        }
        if chomping == Chomping::Keep {
            value.push_str(&trailing_breaks);
        }
        let after = std::mem::replace(&mut self.mark, end);
        self.push(Data::Scalar { value: value.finish(), style: Style::Block }, start);
        self.mark = after;
        Ok(())
    }

    /// What follows `|` or `>` on its line: what to do with line breaks at the end, and how much the
    /// text is indented, 0 when its first line is to tell.
    fn scan_block_header(&mut self, start: Mark) -> Scanned<(Chomping, isize)> {
        let mut chomping = self.scan_chomping();
        let mut increment = 0;
        if self.at(0).is_ascii_digit() {
            if self.at(0) == b'0' {
                return Err(self.fail(start, "found an indentation indicator equal to 0"));
            }
            increment = isize::from(self.at(0) - b'0');
            self.skip_ascii();
            if chomping.is_none() {
                chomping = self.scan_chomping();
            }
        }
        self.skip_blanks();
        if self.at(0) == b'#' {
            self.skip_to_line_end();
        }
        if !self.is_breakz(0) {
            return Err(self.fail(start, "did not find expected comment or line break"));
        }
        if self.is_break(0) {
            self.skip_line();
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn scan_chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.at(0) {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return None,
        };
        self.skip_ascii();
        Some(chomping)
    }

    /// Eats indentation and empty lines, and finds out the indentation when it is 0.
    fn scan_block_breaks(
        &mut self,
        indent: &mut isize,
        breaks: &mut String,
        start: Mark,
        end: &mut Mark,
    ) -> Scanned {
        *end = self.mark;
        let mut indent_max = 0;
        loop {
            while (*indent == 0 || self.column() < *indent) && self.at(0) == b' ' {
                self.skip_ascii();
            }
            indent_max = indent_max.max(self.column());
            if (*indent == 0 || self.column() < *indent) && self.at(0) == b'\t' {
                let problem = "found a tab character where an indentation space is expected";
                return Err(self.fail(start, problem));
            }
            if !self.is_break(0) {
                break;
            }
            self.read_line(breaks);
            *end = self.mark;
        }
        if *indent == 0 {
            *indent = indent_max.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Adds what a gap counts for in the value, and forgets it.
fn join(value: &mut Value<'_>, gap: &mut Gap) {
    if gap.has_break {
        if gap.leading_break.starts_with('\n') {
            if gap.trailing_breaks.is_empty() {
                value.push(' ');
            }
        } else {
            value.push_str(&gap.leading_break);
        }
        value.push_str(&gap.trailing_breaks);
        *gap = Gap::default();
    } else if let Some((from, to)) = gap.blanks.take() {
        value.push_piece(from, to);
    }
}

/// Bytes that may end the run of a plain scalar.
const ENDS_PLAIN: [bool; 256] = bytes(b" \t\n\r:,?[]{}\xc2\xe2");
/// Bytes that may end the run of a quoted scalar.
const ENDS_QUOTED: [bool; 256] = bytes(b" \t\n\r\\\"'\xc2\xe2");

const fn bytes(members: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut place = 0;
    while place < members.len() {
        table[members[place] as usize] = true;
        place += 1;
    }
    table
}
