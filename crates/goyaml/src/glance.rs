//! A first look at a document: whether it is surely good, in a form that most manifests have.
//!
//! Blocks of tables and lists, scalars of one line, and block scalars: the lines of these are judged many
//! times faster than a parser makes events of them. What is written otherwise, and every mistake, is left
//! to the parser.

use crate::{
    input::first_control,
    resolve::{Scalar, resolve},
    skim::is_simple_scalar,
    token::Style,
};

/// How deep blocks may nest here.
const DEPTH_MAX: usize = 100;
/// How long a key may be here; a scanner looks for the colon of a key up to 1024 characters.
const KEY_BYTES_MAX: usize = 256;

/// The wanted entries of the table that a document is, as a document of their own; nothing when the
/// parser has to look.
pub(crate) fn glance(text: &str, is_wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    if first_control(text.as_bytes()).is_some() || has_rare_break(text.as_bytes()) {
        return None;
    }
    let mut glance =
        Glance { rest: text.strip_prefix("---\n").unwrap_or(text), ..Glance::default() };
    let mut wanted = String::new();
    let mut is_taken = false;
    while !glance.rest.is_empty() {
        let before = glance.rest;
        if let Line::Key(key) = glance.line()? {
            let is_text = matches!(resolve(key), Scalar::String(_));
            is_taken = is_wanted(is_text.then_some(key)?);
        }
        if is_taken {
            wanted.push_str(&before[..before.len() - glance.rest.len()]);
        }
    }
    (!wanted.is_empty()).then_some(wanted)
}

/// Line breaks other than `\n`, and byte order marks.
fn has_rare_break(bytes: &[u8]) -> bool {
    let mut rare = memchr::memchr3_iter(0xc2, 0xe2, 0xef, bytes);
    memchr::memchr(b'\r', bytes).is_some()
        || rare.any(|at| match bytes[at] {
            0xc2 => bytes[at + 1] == 0x85,
            0xe2 => bytes[at + 1] == 0x80 && matches!(bytes[at + 2], 0xa8 | 0xa9),
            _ => bytes[at + 1] == 0xbb && bytes[at + 2] == 0xbf,
        })
}

#[derive(Default)]
struct Glance<'t> {
    /// What has not been looked at.
    rest: &'t str,
    /// The blocks that are open, the outermost first.
    levels: Vec<Level>,
    /// Whether the last line ended where a block may begin.
    is_pending: bool,
}

/// Something that is left to the parser.
struct Rare;

/// What a line is.
enum Line<'t> {
    /// An entry of the outermost table.
    Key(&'t str),
    Other,
}

#[derive(Clone, Copy, Eq, PartialEq)]
struct Level {
    indent: usize,
    is_list: bool,
}

impl<'t> Glance<'t> {
    /// Looks at a line, with the block scalar that it may begin.
    fn line(&mut self) -> Option<Line<'t>> {
        let line = self.take_line();
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            return Some(Line::Other);
        }
        if content.contains('\t') || line.starts_with("---") || line.starts_with("...") {
            return None;
        }
        let is_list = is_item(content);
        if !is_list && key(content).is_none() {
            // The value of the key or the item before it.
            let parent =
                self.levels.last().filter(|it| self.is_pending && it.indent < indent)?.indent;
            return self.scalar(content, parent).map(|()| Line::Other);
        }
        self.enter(indent, is_list)?;
        self.entry(content, indent)
    }

    /// Closes the blocks that end before a line, and opens the one that it begins.
    fn enter(&mut self, indent: usize, is_list: bool) -> Option<()> {
        let depth = self.levels.len();
        // A list may stand as deep as the key before it; it ends with the next key.
        let is_past =
            |it: &Level| indent < it.indent || indent == it.indent && it.is_list && !is_list;
        while self.levels.last().is_some_and(is_past) {
            self.levels.pop();
        }
        let may_open = self.is_pending && depth == self.levels.len();
        match self.levels.last() {
            Some(top) if *top == (Level { indent, is_list }) => Some(()),
            Some(top) if may_open && (top.indent < indent || is_list) => self.open(indent, is_list),
            None if depth == 0 && indent == 0 && !is_list => self.open(indent, is_list),
            _ => None,
        }
    }

    fn open(&mut self, indent: usize, is_list: bool) -> Option<()> {
        self.levels.push(Level { indent, is_list });
        (self.levels.len() <= DEPTH_MAX).then_some(())
    }

    /// Looks at an entry of the block that was entered.
    fn entry(&mut self, mut content: &'t str, mut indent: usize) -> Option<Line<'t>> {
        while is_item(content) {
            let item = content[1..].trim_start_matches(' ');
            if item.is_empty() {
                self.is_pending = true;
                return Some(Line::Other);
            }
            let column = indent + content.len() - item.len();
            if is_item(item) {
                self.open(column, true)?;
            } else if key(item).is_some() {
                self.open(column, false)?;
            } else {
                return self.scalar(item, indent).map(|()| Line::Other);
            }
            (content, indent) = (item, column);
        }
        let (key, style, value) = key(content)?;
        if !is_simple_scalar(key, style, true) {
            return None;
        }
        let value = value.trim_start_matches(' ');
        self.is_pending = value.is_empty() || value.starts_with('#');
        if !self.is_pending {
            self.scalar(value, indent)?;
        }
        match style {
            _ if 1 < self.levels.len() => Some(Line::Other),
            Style::Plain => Some(Line::Key(key)),
            _ => None,
        }
    }

    /// Looks at a scalar in a block so deep, and at the lines on which it goes on.
    fn scalar(&mut self, text: &'t str, indent: usize) -> Option<()> {
        self.is_pending = false;
        let rest = match text.as_bytes()[0] {
            quote @ (b'"' | b'\'') => return self.quoted(&text[1..], quote, indent),
            b'|' | b'>' => {
                let header = text[1..].trim_start_matches(['+', '-']);
                let n_marks = text.len() - 1 - header.len();
                (n_marks <= 1 && is_end(header)).then_some(())?;
                return self.block_scalar(indent);
            }
            b'{' => text.strip_prefix("{}")?,
            b'[' => after_list(text)?,
            _ => return self.plain(text, indent),
        };
        is_end(rest).then_some(())
    }

    /// Passes over a scalar without quotes.
    fn plain(&mut self, text: &'t str, indent: usize) -> Option<()> {
        let bytes = text.as_bytes();
        let is_start = match bytes[0] {
            b'-' => bytes.get(1).is_some_and(|next| *next != b' '),
            it => it.is_ascii_alphanumeric() || !it.is_ascii() || b"_./$(+<=~^;\\)".contains(&it),
        };
        let value = is_start.then(|| plain_text(text))??;
        if !is_simple_scalar(value.trim_end_matches(' '), Style::Plain, false) {
            return None;
        }
        let mut is_ended = value.len() < text.len();
        while !is_ended && let Some(line) = self.continuation(indent).ok()? {
            is_ended = plain_text(line)?.len() < line.len();
        }
        Some(())
    }

    /// Passes over a scalar in quotes, the first of which is past.
    fn quoted(&mut self, mut text: &'t str, quote: u8, indent: usize) -> Option<()> {
        loop {
            if let Some(rest) = after_quote(text, quote).ok()? {
                return is_end(rest).then_some(());
            }
            text = self.continuation(indent).ok()??;
        }
    }

    /// The next line on which a scalar in a block so deep goes on, after any empty ones, if it does.
    fn continuation(&mut self, indent: usize) -> Result<Option<&'t str>, Rare> {
        loop {
            let before = self.rest;
            if before.is_empty() {
                return Ok(None);
            }
            let line = self.take_line();
            let content = line.trim_start_matches(' ');
            if content.contains('\t') {
                return Err(Rare);
            }
            if content.is_empty() {
                continue;
            }
            if line.len() - content.len() <= indent {
                self.rest = before;
                return Ok(None);
            }
            return Ok(Some(content));
        }
    }

    /// Passes over the lines of a block scalar in a block so deep.
    fn block_scalar(&mut self, indent: usize) -> Option<()> {
        let mut n_blanks_max = 0;
        let mut own_indent = None;
        while !self.rest.is_empty() {
            let before = self.rest;
            let line = self.take_line();
            let content = line.trim_start_matches(' ');
            let n_blanks = line.len() - content.len();
            let least = own_indent.unwrap_or(usize::MAX);
            if n_blanks < least && content.starts_with('\t') {
                return None;
            }
            if content.is_empty() {
                n_blanks_max = n_blanks_max.max(if own_indent.is_none() { n_blanks } else { 0 });
            } else if own_indent.is_none() && indent < n_blanks {
                // Blank lines before the first one must not be deeper than it.
                (n_blanks_max <= n_blanks).then_some(())?;
                own_indent = Some(n_blanks);
            } else if n_blanks < least {
                self.rest = before;
                break;
            }
        }
        (own_indent.is_some() || n_blanks_max == 0).then_some(())
    }

    /// The next line, without its end.
    fn take_line(&mut self) -> &'t str {
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, ""),
        };
        self.rest = rest;
        line
    }
}

/// Whether a list's entry begins here.
fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// Whether nothing but a comment follows.
fn is_end(text: &str) -> bool {
    let rest = text.trim_start_matches(' ');
    rest.is_empty() || rest.len() < text.len() && rest.starts_with('#')
}

/// A key, how it is written, and what is behind its colon.
fn key(content: &str) -> Option<(&str, Style, &str)> {
    let (key, style, rest) = match content.as_bytes()[0] {
        quote @ (b'"' | b'\'') => {
            let end = content[1..].find(char::from(quote))?;
            let key = &content[1..=end];
            let is_plain = quote == b'\'' || !key.contains('\\');
            (key, Style::DoubleQuoted, &content[is_plain.then_some(end + 2)?..])
        }
        _ => {
            let is_in_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
            let (key, rest) = content.split_at(content.bytes().take_while(is_in_key).count());
            let is_start = |it: char| it.is_ascii_alphanumeric() || it == '_';
            (key.starts_with(is_start).then_some(key)?, Style::Plain, rest)
        }
    };
    let value = rest.strip_prefix(':').filter(|it| it.is_empty() || it.starts_with(' '))?;
    (key.len() <= KEY_BYTES_MAX).then_some((key, style, value))
}

/// A line of a scalar without quotes up to a comment; nothing when a colon makes it something else.
fn plain_text(line: &str) -> Option<&str> {
    let bytes = line.as_bytes();
    let end = memchr::memchr2_iter(b'#', b':', bytes).find(|at| match bytes[*at] {
        b'#' => *at == 0 || bytes[at - 1] == b' ',
        _ => bytes.get(at + 1).is_none_or(|next| *next == b' '),
    });
    match end {
        None => Some(line),
        Some(end) if bytes[end] == b'#' => Some(&line[..end]),
        Some(_) => None,
    }
}

/// What is behind the quote that ends a scalar, if it is on this line.
fn after_quote(line: &str, quote: u8) -> Result<Option<&str>, Rare> {
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match (byte, bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) if quote == b'\'' => 2,
            (b'\\', Some(b'"' | b'\\' | b' ' | b'n' | b't' | b'r')) if quote == b'"' => 2,
            (b'\\', Some(_)) if quote == b'"' => return Err(Rare),
            (it, _) if *it == quote => return Ok(Some(&line[at + 1..])),
            _ => 1,
        };
    }
    Ok(None)
}

/// What is behind a list of short scalars on one line.
fn after_list(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('[')?.trim_start_matches(' ');
    if let Some(rest) = rest.strip_prefix(']') {
        return Some(rest);
    }
    loop {
        rest = match rest.as_bytes().first()? {
            quote @ (b'"' | b'\'') => after_quote(&rest[1..], *quote).ok()??,
            _ => {
                let is_in = |it: char| it.is_ascii_alphanumeric() || "_./".contains(it);
                let after = rest.trim_start_matches(is_in);
                let is_start = rest.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
                (is_start && after.len() < rest.len()).then_some(after)?
            }
        };
        rest = rest.trim_start_matches(' ');
        if let Some(after) = rest.strip_prefix(']') {
            return Some(after);
        }
        rest = rest.strip_prefix(',')?.trim_start_matches(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_seen() {
        let text = concat!(
            "---\n# Source: x\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 'a'\n  labels: # none\n",
            "    helm.sh/chart: \"b c\"\nitems:\n- a: 1\n  b: {}\n-\n  - - x\n    - y\nspec:\n  text:\n    one,\n\n    - two # or\n",
            "  text2: 'one\n    isn''t\n    two'\n  flow: [\"a\", b] # c\ndata:\n  run: |-\n",
            "\n    if: [\n     \tx\n  none:\n  more: >\n    é’\n"
        );
        let wanted = glance(text, &|key| matches!(key, "kind" | "metadata"));
        let expect = "kind: ConfigMap\nmetadata:\n  name: 'a'\n  labels: # none\n    helm.sh/chart: \"b c\"\n";
        assert_eq!(wanted.as_deref(), Some(expect));
    }

    #[test]
    fn what_is_rare_or_wrong_is_left_to_the_parser() {
        for text in [
            "a: 1\n b: 2\n",
            "a: b: c\n",
            "a: x\n  y: z\n",
            "a: \"x\\x20\"\n",
            "a: \"x\n\"\n",
            "\"a\": 1\n",
            "a: &x 1\n",
            "a: [1: 2]\n",
            "a:\n  - x\n  b: 1\n",
            "a: |\n    \n  x\n",
            "a: |2\n  x\n",
            "a: 1\n---\nb: 1\n",
            "a: \u{2028}\n",
            "a: 1\n# b\rc: 2\n",
            "null: 1\na: 1\n",
            "a:\tb\n",
        ] {
            assert_eq!(glance(text, &|_| true), None, "{text}");
        }
    }
}
