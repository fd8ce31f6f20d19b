//! The printer of Go's yaml packages, one call for each step.
//!
//! Source: libyaml's emitter in its Go translations (`emitterc.go` of go.yaml.in/yaml v2 2.4.3 and v3
//! 3.0.4) without what Go's marshaller never asks of it: flow style, anchors, tags, directives.

use crate::{
    resolve::{Scalar, resolve},
    scalar_style::{Shape, analyze},
};

mod scalar;

/// Which of Go's two packages to print like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// go.yaml.in/yaml v2: long text is folded at 80 columns, lists stand below their key's column.
    V2,
    /// go.yaml.in/yaml v3 with `SetIndent(2)`: nothing is folded, lists are indented.
    V3,
}

const INDENT: usize = 2;
const KEY_BYTES_MAX: usize = 128;

/// Prints a document, step by step: `begin_map`, then `key` and a node in turn, then `end_map`;
/// `begin_list`, then `item` and a node in turn, then `end_list`.
///
/// Keys are printed in the order they come; see [`sort_naturally`](crate::sort_naturally).
#[derive(Debug)]
pub struct Printer {
    dialect: Dialect,
    out: String,
    column: usize,
    /// The column of the innermost block; nothing outside of all.
    indent: Option<usize>,
    indents: Vec<Option<usize>>,
    /// Whether the last character was a blank, or may be taken for one.
    is_whitespace: bool,
    /// Whether the line so far is indentation only, `-` and `?` included.
    is_indention: bool,
    /// What the next node is to its parent.
    context: Context,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Context {
    Root,
    Item,
    /// The value of a key.
    Value,
    /// A key that fits before a `:`.
    SimpleKey,
    /// A key after `?`.
    ComplexKey,
}

impl Printer {
    /// A printer at the start of a document.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            out: String::new(),
            column: 0,
            indent: None,
            indents: Vec::new(),
            is_whitespace: true,
            is_indention: true,
            context: Context::Root,
        }
    }

    /// How many collections are open.
    pub fn depth(&self) -> usize {
        self.indents.len()
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The document, which ends in a line break.
    pub fn finish(mut self) -> String {
        self.indent = None;
        self.write_indent();
        self.out
    }

    /// Begins a table; an empty one is written at once, and has no `end_map`.
    pub fn begin_map(&mut self, is_empty: bool) {
        if is_empty {
            self.write_indicator("{", true, true, false);
            self.write_indicator("}", false, false, false);
        } else {
            self.increase_indent(false);
        }
    }

    /// Ends a table that was not empty.
    pub fn end_map(&mut self) {
        self.pop_indent();
    }

    /// Writes a key; its value comes next.
    pub fn key(&mut self, key: &str) {
        self.write_indent();
        let (shape, is_plain_text) = self.shape(key);
        if !shape.is_multiline && key.len() <= KEY_BYTES_MAX {
            self.context = Context::SimpleKey;
            self.scalar(key, shape, is_plain_text);
            self.write_indicator(":", false, false, false);
        } else {
            self.write_indicator("?", true, false, true);
            self.context = Context::ComplexKey;
            self.scalar(key, shape, is_plain_text);
            self.write_indent();
            self.write_indicator(":", true, false, true);
        }
        self.context = Context::Value;
    }

    /// Begins a list; an empty one is written at once, and has no `end_list`.
    pub fn begin_list(&mut self, is_empty: bool) {
        if is_empty {
            self.write_indicator("[", true, true, false);
            self.write_indicator("]", false, false, false);
        } else {
            let is_below_key = matches!(self.context, Context::Value) && !self.is_indention;
            self.increase_indent(is_below_key && self.dialect == Dialect::V2);
        }
    }

    /// Ends a list that was not empty.
    pub fn end_list(&mut self) {
        self.pop_indent();
    }

    /// Begins an item of a list; the item comes next.
    pub fn item(&mut self) {
        self.write_indent();
        self.write_indicator("-", true, false, true);
        self.context = Context::Item;
    }

    /// Writes text, in quotes where it would be read as something else.
    pub fn string(&mut self, text: &str) {
        let (shape, is_plain_text) = self.shape(text);
        self.scalar(text, shape, is_plain_text);
    }

    /// Writes what is no text, in the words of YAML: `null`, `true`, `1.5`.
    pub fn plain(&mut self, word: &str) {
        if !self.is_whitespace {
            self.put(' ');
        }
        self.put_str(word);
        self.is_whitespace = false;
        self.is_indention = false;
    }

    fn shape(&self, text: &str) -> (Shape, bool) {
        (analyze(text, self.dialect), is_text(text))
    }

    fn increase_indent(&mut self, is_indentless: bool) {
        self.indents.push(self.indent);
        self.indent = match self.indent {
            None => Some(0),
            Some(indent) if is_indentless => Some(indent),
            Some(indent) => Some(indent + INDENT),
        };
    }

    fn pop_indent(&mut self) {
        self.indent = self.indents.pop().expect("one was pushed at the beginning");
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        let is_past = indent < self.column || self.column == indent && !self.is_whitespace;
        if !self.is_indention || is_past {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.is_whitespace = true;
        self.is_indention = true;
    }

    fn write_indicator(
        &mut self,
        indicator: &str,
        needs_whitespace: bool,
        is_whitespace: bool,
        is_indention: bool,
    ) {
        if needs_whitespace && !self.is_whitespace {
            self.put(' ');
        }
        self.put_str(indicator);
        self.is_whitespace = is_whitespace;
        self.is_indention = self.is_indention && is_indention;
    }

    fn put(&mut self, it: char) {
        self.out.push(it);
        self.column += 1;
    }

    /// Writes text without line breaks.
    fn put_str(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += if text.is_ascii() { text.len() } else { text.chars().count() };
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }
}

/// Whether a plain text is read as just that text, and no other YAML 1.1 reader takes it for a number
/// in base 60. Both packages agree on this: v3 no longer reads `yes`, but quotes it all the same.
fn is_text(text: &str) -> bool {
    matches!(resolve(text), Scalar::String(_)) && !is_base_60(text.as_bytes())
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`
fn is_base_60(text: &[u8]) -> bool {
    let mut rest = match text {
        [b'-' | b'+', rest @ ..] => rest,
        _ => text,
    };
    if !rest.first().is_some_and(u8::is_ascii_digit) || !rest.contains(&b':') {
        return false;
    }
    rest = skip_digits_and_underscores(rest);
    let mut n_parts = 0;
    while let [b':', tail @ ..] = rest {
        rest = match tail {
            [b'0'..=b'5', digit, tail @ ..] if digit.is_ascii_digit() => tail,
            [digit, tail @ ..] if digit.is_ascii_digit() => tail,
            _ => return false,
        };
        n_parts += 1;
    }
    if let [b'.', tail @ ..] = rest {
        rest = skip_digits_and_underscores(tail);
    }
    0 < n_parts && rest.is_empty()
}

fn skip_digits_and_underscores(text: &[u8]) -> &[u8] {
    let n_bytes = text.iter().take_while(|it| it.is_ascii_digit() || **it == b'_').count();
    &text[n_bytes..]
}
