//! Scalars: the choice of a style, and each style's text.

use super::{Context, Dialect, INDENT, Printer};
use crate::{
    scalar_style::{Shape, is_break, is_printable},
    scanner::width,
};

/// Text is broken at the first single blank after this column.
const WIDTH: usize = 80;

#[derive(Clone, Copy, Eq, PartialEq)]
enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

impl Printer {
    pub(super) fn scalar(&mut self, text: &str, shape: Shape, is_plain_text: bool) {
        let style = self.choose(text, shape, is_plain_text);
        self.indents.push(self.indent);
        self.indent = Some(self.indent.map_or(INDENT, |indent| indent + INDENT));
        match style {
            Style::Plain => self.write_plain(text),
            Style::SingleQuoted => self.write_single_quoted(text),
            Style::DoubleQuoted => self.write_double_quoted(text),
            Style::Literal => self.write_literal(text),
        }
        self.pop_indent();
    }

    fn choose(&self, text: &str, shape: Shape, is_plain_text: bool) -> Style {
        let is_simple_key = self.context == Context::SimpleKey;
        let wanted = if text.contains('\n') {
            Style::Literal
        } else if is_plain_text {
            Style::Plain
        } else {
            Style::DoubleQuoted
        };
        match wanted {
            Style::Literal if is_simple_key || !shape.is_block_allowed => Style::DoubleQuoted,
            Style::Plain if is_simple_key && shape.is_multiline => Style::DoubleQuoted,
            Style::Plain if shape.is_plain_allowed && !(text.is_empty() && is_simple_key) => {
                Style::Plain
            }
            Style::Plain if shape.is_single_quoted_allowed => Style::SingleQuoted,
            Style::Plain => Style::DoubleQuoted,
            style => style,
        }
    }

    /// Whether a blank may become a line break here.
    fn may_fold(&self) -> bool {
        self.dialect == Dialect::V2 && self.context != Context::SimpleKey && WIDTH < self.column
    }

    fn write_plain(&mut self, text: &str) {
        if !self.is_whitespace {
            self.put(' ');
        }
        self.write_folded(text, false);
        self.is_whitespace = false;
        self.is_indention = false;
    }

    fn write_single_quoted(&mut self, text: &str) {
        self.write_indicator("'", true, false, false);
        self.write_folded(text, true);
        self.write_indicator("'", false, false, false);
        self.is_whitespace = false;
        self.is_indention = false;
    }

    /// Text whose single blanks become line breaks past the width, and whose line breaks count double.
    fn write_folded(&mut self, text: &str, is_quoted: bool) {
        let bytes = text.as_bytes();
        if text.is_ascii() && self.column + text.len() <= WIDTH && !bytes.contains(&b'\'') {
            let has_breaks = bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
            if !has_breaks {
                self.put_str(text);
                return;
            }
        }
        let (mut was_space, mut was_break) = (false, false);
        let mut place = 0;
        while place < bytes.len() {
            let n_bytes = width(bytes[place]);
            let it = &text[place..place + n_bytes];
            if it == " " {
                let is_inner = !is_quoted || 0 < place && place + 1 < bytes.len();
                let is_single = bytes.get(place + 1) != Some(&b' ');
                if !was_space && is_inner && is_single && self.may_fold() {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                was_space = true;
            } else if is_break(&bytes[place..]) {
                if !was_break && it == "\n" {
                    self.put_break();
                }
                self.write_break(it);
                self.is_indention = true;
                was_break = true;
            } else {
                if was_break {
                    self.write_indent();
                }
                if is_quoted && it == "'" {
                    self.put('\'');
                }
                self.put_str(it);
                self.is_indention = false;
                (was_space, was_break) = (false, false);
            }
            place += n_bytes;
        }
    }

    fn write_double_quoted(&mut self, text: &str) {
        self.write_indicator("\"", true, false, false);
        let bytes = text.as_bytes();
        // Go asks for a byte order mark here, not where it stands, and so escapes all that follows one.
        let starts_with_mark = text.starts_with('\u{feff}');
        let mut was_space = false;
        let mut place = 0;
        while place < bytes.len() {
            let n_bytes = width(bytes[place]);
            let it = &text[place..place + n_bytes];
            let needs_escape = starts_with_mark
                || matches!(it, "\"" | "\\")
                || !is_printable(&bytes[place..])
                || is_break(&bytes[place..]);
            if needs_escape {
                self.write_escape(it.chars().next().expect("a character has one"));
                was_space = false;
            } else if it == " " {
                let is_inner = 0 < place && place + 1 < bytes.len();
                if !was_space && is_inner && self.may_fold() {
                    self.write_indent();
                    if bytes.get(place + 1) == Some(&b' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                was_space = true;
            } else {
                self.put_str(it);
                was_space = false;
            }
            place += n_bytes;
        }
        self.write_indicator("\"", false, false, false);
        self.is_whitespace = false;
        self.is_indention = false;
    }

    fn write_escape(&mut self, it: char) {
        let code = u32::from(it);
        let letter = match it {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0b' => 'v',
            '\x0c' => 'f',
            '\r' => 'r',
            '\x1b' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let text = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                self.put_str(&text);
                return;
            }
        };
        self.put('\\');
        self.put(letter);
    }

    fn write_literal(&mut self, text: &str) {
        self.write_indicator("|", true, false, false);
        self.write_literal_hints(text);
        self.put_break();
        self.is_indention = true;
        self.is_whitespace = true;
        let bytes = text.as_bytes();
        let mut was_break = true;
        let mut from = 0;
        while from < bytes.len() {
            if is_break(&bytes[from..]) {
                let n_bytes = width(bytes[from]);
                self.write_break(&text[from..from + n_bytes]);
                self.is_indention = true;
                was_break = true;
                from += n_bytes;
                continue;
            }
            if was_break {
                self.write_indent();
            }
            let to = line_end(bytes, from);
            self.put_str(&text[from..to]);
            self.is_indention = false;
            was_break = false;
            from = to;
        }
    }

    /// What stands after `|`: the indentation when the text starts with a blank, and what to do with
    /// the line breaks at its end.
    fn write_literal_hints(&mut self, text: &str) {
        if text.starts_with(' ') || is_break(text.as_bytes()) {
            self.write_indicator("2", false, false, false);
        }
        let mut last =
            text.char_indices().rev().map(|(place, _)| is_break(&text.as_bytes()[place..]));
        match (last.next(), last.next()) {
            (Some(true), Some(false)) => {}
            (Some(true), _) => self.write_indicator("+", false, false, false),
            _ => self.write_indicator("-", false, false, false),
        }
    }

    fn write_break(&mut self, it: &str) {
        self.out.push_str(it);
        self.column = 0;
    }
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    let mut place = from;
    while place < bytes.len() && !(bytes[place] != b' ' && is_break(&bytes[place..])) {
        place += 1;
        while place < bytes.len() && bytes[place] & 0xc0 == 0x80 {
            place += 1;
        }
    }
    place
}
