//! Values made of what a glance sees.

use std::borrow::Cow;

use super::{Lines, Seen, Sink, line::after_list};
use crate::{
    resolve::{Scalar, resolve},
    token::Style,
    value::{Value, sorted},
};

/// The lists and tables that are open, the outermost first; the value that is read is the last of the
/// innermost.
#[derive(Default)]
pub(super) struct Build(Vec<Open>);

enum Open {
    List(Vec<Value>),
    Table(Vec<(Box<str>, Value)>),
}

impl Build {
    /// The value, when there was one.
    pub(super) fn finish(mut self) -> Option<Value> {
        while 1 < self.0.len() {
            self.close();
        }
        self.0.pop().map(Open::closed)
    }

    fn fill(&mut self, value: Value) {
        let place = match self.0.last_mut() {
            Some(Open::List(items)) => items.last_mut(),
            Some(Open::Table(entries)) => entries.last_mut().map(|(_, value)| value),
            None => None,
        };
        *place.expect("a value comes after its key or item") = value;
    }
}

impl Open {
    fn closed(self) -> Value {
        match self {
            Self::List(items) => Value::List(items),
            Self::Table(entries) => Value::Map(sorted(entries)),
        }
    }
}

impl<'t> Sink<'t> for Build {
    fn open(&mut self, is_list: bool) {
        self.0.push(if is_list { Open::List(Vec::new()) } else { Open::Table(Vec::new()) });
    }

    fn close(&mut self) {
        if let Some(open) = self.0.pop() {
            self.fill(open.closed());
        }
    }

    fn item(&mut self) {
        if let Some(Open::List(items)) = self.0.last_mut() {
            items.push(Value::Null);
        }
    }

    fn key(&mut self, key: &'t str, style: Style) -> Option<()> {
        let is_text = style != Style::Plain || matches!(resolve(key), Scalar::String(_));
        let Some(Open::Table(entries)) = self.0.last_mut().filter(|_| is_text) else {
            return None;
        };
        entries.push((key.into(), Value::Null));
        Some(())
    }

    fn value(&mut self, seen: Seen<'t>) -> Option<()> {
        let value = match seen {
            Seen::Plain(lines) if lines.more.is_empty() => resolve(lines.first).into(),
            Seen::Plain(lines) => Value::String(folded(&lines)?.into()),
            Seen::Quoted { lines, quote } if lines.more.is_empty() => quoted(lines.first, quote),
            Seen::Quoted { lines, quote } => quoted(&folded(&lines)?, quote),
            Seen::EmptyTable => Value::Map(Vec::new()),
            Seen::List(text) => list(text)?,
            Seen::Literal { marks, lines, indent } => {
                Value::String(literal(marks, lines, indent)?.into())
            }
            Seen::Folded => return None,
        };
        self.fill(value);
        Some(())
    }
}

/// The text of lines that are put together: a line break is a blank, unless empty lines follow it.
/// Nothing when a line ends with an escape, or with blanks, of which some may be escaped.
fn folded(lines: &Lines<'_>) -> Option<String> {
    let mut text = lines.first.to_owned();
    for (n_empty, line) in &lines.more {
        if text.ends_with(['\\', ' ']) {
            return None;
        }
        match n_empty {
            0 => text.push(' '),
            n_empty => text.extend(std::iter::repeat_n('\n', *n_empty)),
        }
        text.push_str(line);
    }
    Some(text)
}

/// A scalar in quotes, without them.
fn quoted(text: &str, quote: u8) -> Value {
    let text: Cow<'_, str> = match quote {
        b'\'' if text.contains('\'') => text.replace("''", "'").into(),
        b'"' if text.contains('\\') => unescaped(text).into(),
        _ => text.into(),
    };
    Value::String(text.into())
}

/// With the escapes that a glance lets pass.
fn unescaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        result.push(match character {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                other => other.unwrap_or_default(),
            },
            other => other,
        });
    }
    result
}

fn list(text: &str) -> Option<Value> {
    let mut items = Vec::new();
    after_list(text, |item| {
        items.push(match item.as_bytes() {
            [quote @ (b'"' | b'\''), ..] => quoted(&item[1..item.len() - 1], *quote),
            _ => resolve(item).into(),
        });
    })?;
    Some(Value::List(items))
}

/// The text of a block scalar; nothing when it ends with the document, without a line break.
fn literal(marks: &str, lines: &str, indent: usize) -> Option<String> {
    let mut text = String::with_capacity(lines.len());
    for line in lines.strip_suffix('\n')?.split('\n') {
        // Only blank lines are shorter.
        text.push_str(line.get(indent..).unwrap_or_default());
        text.push('\n');
    }
    if marks != "+" {
        let n_text = text.trim_end_matches('\n').len();
        text.truncate(if marks == "-" { n_text } else { n_text + 1 });
    }
    Some(text)
}
