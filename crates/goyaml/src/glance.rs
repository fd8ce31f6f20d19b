//! A first look at a document, which reads what is surely good, in a form that most manifests and values have.
//!
//! Blocks of tables and lists, scalars of one line, and block scalars: the lines of these are read many
//! times faster than a parser makes events of them. What is written otherwise, and every mistake, is left
//! to the parser.

use memchr::arch::all::memchr::{One, Three};

use crate::{
    input::first_control,
    resolve::{Scalar, resolve},
    skim::is_simple_scalar,
    token::Style,
    value::Value,
};
use line::{Entry, after_blanks, after_list, is_end, is_item, key, plain_text, to_quote};

mod build;
mod line;

/// How deep blocks may nest here.
const DEPTH_MAX: usize = 100;
/// How long a key may be here; a scanner looks for the colon of a key up to 1024 characters.
const KEY_BYTES_MAX: usize = 256;

/// The wanted entries of the table that a document is, as a document of their own; nothing when the
/// parser has to look.
pub(crate) fn glance(text: &str, is_wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    let mut glance = Glance::new(text, Nothing)?;
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

/// The table that a document is; nothing when the parser has to look.
pub(crate) fn read(text: &str) -> Option<Value> {
    let mut glance = Glance::new(text, build::Build::default())?;
    while !glance.rest.is_empty() {
        glance.line()?;
    }
    glance.sink.finish()
}

/// Line breaks other than `\n`, and byte order marks.
fn has_rare_break(bytes: &[u8]) -> bool {
    // Nearly all texts have none of them, and this needs no branch for each byte.
    if bytes.iter().fold(true, |is_plain, it| is_plain & it.is_ascii() & (*it != b'\r')) {
        return false;
    }
    One::new(b'\r').find(bytes).is_some()
        || Three::new(0xc2, 0xe2, 0xef).iter(bytes).any(|at| match bytes[at] {
            0xc2 => bytes[at + 1] == 0x85,
            0xe2 => bytes[at + 1] == 0x80 && matches!(bytes[at + 2], 0xa8 | 0xa9),
            _ => bytes[at + 1] == 0xbb && bytes[at + 2] == 0xbf,
        })
}

/// What takes what is seen; nothing from a step means that the parser has to look.
trait Sink<'t> {
    /// A list or a table begins, which is the value of the key or the item before it.
    fn open(&mut self, is_list: bool);

    /// The innermost list or table ends.
    fn close(&mut self);

    fn item(&mut self);

    fn key(&mut self, key: &'t str, style: Style) -> Option<()>;

    /// The value of the key or the item before it.
    fn value(&mut self, seen: Seen<'t>) -> Option<()>;
}

/// A value that is no block of entries.
enum Seen<'t> {
    Plain(Lines<'t>),
    Quoted {
        lines: Lines<'t>,
        quote: u8,
    },
    EmptyTable,
    /// A list of short scalars on one line, and what follows it there.
    List(&'t str),
    /// What stands behind `|`, and the lines below, of which so many blanks are no text.
    Literal {
        marks: &'t str,
        lines: &'t str,
        indent: usize,
    },
    /// A block scalar whose lines are put together.
    Folded,
}

/// The lines of a scalar that are put together.
struct Lines<'t> {
    first: &'t str,
    /// Each with the number of empty lines before it; nearly always there are none.
    more: Vec<(usize, &'t str)>,
}

impl<'t> Lines<'t> {
    fn of(line: &'t str) -> Self {
        Self { first: line, more: Vec::new() }
    }
}

/// Takes no notice.
struct Nothing;

impl<'t> Sink<'t> for Nothing {
    fn open(&mut self, _: bool) {}

    fn close(&mut self) {}

    fn item(&mut self) {}

    fn key(&mut self, _: &'t str, _: Style) -> Option<()> {
        Some(())
    }

    fn value(&mut self, _: Seen<'t>) -> Option<()> {
        Some(())
    }
}

struct Glance<'t, S> {
    sink: S,
    /// What has not been looked at.
    rest: &'t str,
    /// The blocks that are open, the outermost first.
    levels: Vec<Level>,
    /// Whether the last line ended where a block may begin.
    is_pending: bool,
    /// Whether there are tabs anywhere; hardly a document has any.
    has_tabs: bool,
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

impl<'t, S: Sink<'t>> Glance<'t, S> {
    fn new(text: &'t str, sink: S) -> Option<Self> {
        if first_control(text.as_bytes()).is_some() || has_rare_break(text.as_bytes()) {
            return None;
        }
        let has_tabs = text.contains('\t');
        let mut glance = Self { sink, rest: text, levels: Vec::new(), is_pending: false, has_tabs };
        glance.pass_start();
        Some(glance)
    }

    /// Passes over the mark that a document begins, with what stands before it.
    fn pass_start(&mut self) {
        let before = self.rest;
        while !self.rest.is_empty() {
            let line = self.take_line();
            if line == "---" {
                return;
            }
            if !line.is_empty() && !line.starts_with('#') {
                break;
            }
        }
        self.rest = before;
    }

    /// Looks at a line, with the block scalar that it may begin.
    fn line(&mut self) -> Option<Line<'t>> {
        let line = self.take_line();
        let content = after_blanks(line);
        let indent = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            return Some(Line::Other);
        }
        if self.has_tabs && content.contains('\t')
            || line.starts_with("---")
            || line.starts_with("...")
        {
            return None;
        }
        if is_item(content) {
            self.enter(indent, true)?;
            return self.item(content, indent);
        }
        let Some(entry) = key(content) else {
            // The value of the key or the item before it.
            let parent =
                self.levels.last().filter(|it| self.is_pending && it.indent < indent)?.indent;
            return self.scalar(content, parent).map(|()| Line::Other);
        };
        self.enter(indent, false)?;
        self.entry(entry, indent)
    }

    /// Closes the blocks that end before a line, and opens the one that it begins.
    fn enter(&mut self, indent: usize, is_list: bool) -> Option<()> {
        let depth = self.levels.len();
        // A list may stand as deep as the key before it; it ends with the next key.
        let is_past =
            |it: &Level| indent < it.indent || indent == it.indent && it.is_list && !is_list;
        while self.levels.last().is_some_and(is_past) {
            self.levels.pop();
            self.sink.close();
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
        self.sink.open(is_list);
        (self.levels.len() <= DEPTH_MAX).then_some(())
    }

    /// Looks at an item of the list that was entered.
    fn item(&mut self, mut content: &'t str, mut indent: usize) -> Option<Line<'t>> {
        loop {
            self.sink.item();
            let item = after_blanks(&content[1..]);
            if item.is_empty() || item.starts_with('#') {
                self.is_pending = true;
                return Some(Line::Other);
            }
            let column = indent + content.len() - item.len();
            if is_item(item) {
                self.open(column, true)?;
                (content, indent) = (item, column);
                continue;
            }
            let Some(entry) = key(item) else {
                return self.scalar(item, indent).map(|()| Line::Other);
            };
            self.open(column, false)?;
            return self.entry(entry, column);
        }
    }

    /// Looks at an entry of the table that was entered.
    fn entry(&mut self, (key, style, value): Entry<'t>, indent: usize) -> Option<Line<'t>> {
        if !is_simple_scalar(key, style, true) {
            return None;
        }
        self.sink.key(key, style)?;
        let value = after_blanks(value);
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
        let (rest, seen) = match text.as_bytes()[0] {
            quote @ (b'"' | b'\'') => return self.quoted(&text[1..], quote, indent),
            style @ (b'|' | b'>') => {
                let header = text[1..].trim_start_matches(['+', '-']);
                let marks = &text[1..text.len() - header.len()];
                (marks.len() <= 1 && is_end(header)).then_some(())?;
                return self.block_scalar(style == b'>', marks, indent);
            }
            b'{' => (after_blanks(&text[1..]).strip_prefix('}')?, Seen::EmptyTable),
            b'[' => (after_list(text, |_| {})?, Seen::List(text)),
            _ => return self.plain(text, indent),
        };
        is_end(rest).then_some(())?;
        self.sink.value(seen)
    }

    /// Passes over a scalar without quotes.
    fn plain(&mut self, text: &'t str, indent: usize) -> Option<()> {
        let bytes = text.as_bytes();
        let is_start = match bytes[0] {
            b'-' => bytes.get(1).is_some_and(|next| *next != b' '),
            it => it.is_ascii_alphanumeric() || !it.is_ascii() || b"_./$(+<=~^;\\)".contains(&it),
        };
        let value = is_start.then(|| plain_text(text))??;
        let mut is_ended = value.len() < text.len();
        let value = value.trim_end_matches(' ');
        if !is_simple_scalar(value, Style::Plain, false) {
            return None;
        }
        let mut lines = Lines::of(value);
        while !is_ended && let Some((n_empty, line)) = self.continuation(indent).ok()? {
            let value = plain_text(line)?;
            is_ended = value.len() < line.len();
            if !value.is_empty() {
                lines.more.push((n_empty, value.trim_end_matches(' ')));
            }
        }
        self.sink.value(Seen::Plain(lines))
    }

    /// Passes over a scalar in quotes, the first of which is past.
    fn quoted(&mut self, text: &'t str, quote: u8, indent: usize) -> Option<()> {
        let (first, mut rest) = to_quote(text, quote)?;
        let mut lines = Lines::of(first);
        while rest.is_none() {
            let (n_empty, text) = self.continuation(indent).ok()??;
            let line;
            (line, rest) = to_quote(text, quote)?;
            lines.more.push((n_empty, line));
        }
        is_end(rest?).then_some(())?;
        self.sink.value(Seen::Quoted { lines, quote })
    }

    /// The next line on which a scalar in a block so deep goes on, and how many empty ones are before it, if
    /// it does.
    fn continuation(&mut self, indent: usize) -> Result<Option<(usize, &'t str)>, Rare> {
        let mut n_empty = 0;
        loop {
            let before = self.rest;
            if before.is_empty() {
                return Ok(None);
            }
            let line = self.take_line();
            let content = after_blanks(line);
            if self.has_tabs && content.contains('\t') {
                return Err(Rare);
            }
            if content.is_empty() {
                n_empty += 1;
                continue;
            }
            if line.len() - content.len() <= indent {
                self.rest = before;
                return Ok(None);
            }
            return Ok(Some((n_empty, content)));
        }
    }

    /// Passes over the lines of a block scalar in a block so deep.
    fn block_scalar(&mut self, is_folded: bool, marks: &'t str, indent: usize) -> Option<()> {
        let all = self.rest;
        let mut n_blanks_max = 0;
        let mut own_indent = None;
        while !self.rest.is_empty() {
            let before = self.rest;
            let line = self.take_line();
            let content = after_blanks(line);
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
        (own_indent.is_some() || n_blanks_max == 0).then_some(())?;
        let lines = &all[..all.len() - self.rest.len()];
        self.sink.value(match own_indent {
            Some(indent) if !is_folded => Seen::Literal { marks, lines, indent },
            None if marks != "+" => Seen::Quoted { lines: Lines::of(""), quote: b'"' },
            _ => Seen::Folded,
        })
    }

    /// The next line, without its end.
    fn take_line(&mut self) -> &'t str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        line
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::compose::parse;

    /// What lines are made of.
    const PARTS: [&str; 56] = [
        "a:",
        "b: ",
        "c:",
        "\"q\":",
        "'k':",
        "- ",
        "-",
        "- - ",
        "1:",
        "true:",
        "null:",
        "<<:",
        "x/y.z-w:",
        " x",
        " 1",
        " 0x1f",
        " 1.5",
        " .inf",
        " 2001-01-01",
        " yes",
        " ~",
        " null",
        " 'it''s'",
        " \"a\\n\\\"b\"",
        " \"\\t\"",
        " \"open",
        " 'open",
        " {}",
        " []",
        " [a, 1, \"x\"]",
        " [ 'a' ,b ] # c",
        " {a: 1}",
        " |",
        " |-",
        " |+",
        " >",
        " >-",
        " |2",
        " # note",
        "more'",
        "more\"",
        " far",
        "\\",
        "#",
        " &x",
        " *x",
        " !t",
        " a: b",
        " x # y",
        " x#y",
        "\t",
        "  ",
        "---",
        "...",
        "é",
        ": ",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn what_is_read_at_a_glance_is_what_the_parser_reads(
            lines in vec((0_usize..5, vec(select(&PARTS[..]), 0..4)), 1..9),
            is_ended in any::<bool>(),
        ) {
            let lines = lines.iter().map(|(indent, parts)| " ".repeat(*indent) + &parts.concat());
            let text = lines.collect::<Vec<_>>().join("\n") + if is_ended { "\n" } else { "" };
            if let Some(value) = read(&text) {
                prop_assert_eq!(parse(text.as_bytes()), Ok(value), "{}", text);
            }
        }
    }

    #[test]
    fn values_are_read_at_a_glance() {
        let text = concat!(
            "# Comment\nimage: # where\n  tag: \"1.2\"\n  pull: Always # or\n  more:\nnum: 0x10\nlist:\n- a: 1\n  b: {}\n-\n",
            "  - ' x'\n  - y\nflow: [a, 1, 'it''s', \"b\\n\"] # c\nnone: []\ntext: |\n\n  one\n    two\n\nlast: |+\n  x\n\n",
            "strip: |-\n    # no comment\n      \n\na: 1\na: 2\nvalue:\n  far\n"
        );
        let value = read(text);
        assert!(value.is_some());
        assert_eq!(value, parse(text.as_bytes()).ok());
    }

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
