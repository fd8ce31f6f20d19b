//! Container logs in the CRI format, line by line: which are shown, and how.

use std::collections::VecDeque;

use jiff::Timestamp;

/// What a reader of logs asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) since: Option<Timestamp>,
    pub(crate) tail_lines: Option<usize>,
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) has_timestamps: bool,
}

/// One line of a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line<'a> {
    time: &'a str,
    /// The text goes on in the next line of the file.
    is_partial: bool,
    text: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads `TIME STREAM TAG TEXT`, without the line's end; `None` for what is no such line.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.splitn(4, |it| *it == b' ');
        let time = std::str::from_utf8(parts.next()?).ok()?;
        let _stream = parts.next()?;
        let tag = parts.next()?;
        let text = parts.next().unwrap_or_default();
        Some(Self { time, is_partial: tag.starts_with(b"P"), text })
    }
}

/// Turns the bytes of log files, in order and in any pieces, into what is shown.
#[derive(Debug)]
pub(crate) struct Filter {
    selection: Selection,
    /// An unfinished line of the file.
    rest: Vec<u8>,
    /// The lines that `tail_lines` may still show; `None` once they were given out.
    held: Option<VecDeque<Vec<u8>>>,
    is_inside_line: bool,
    n_shown_bytes: u64,
}

impl Filter {
    pub(crate) fn new(selection: Selection) -> Self {
        let held = selection.tail_lines.is_some().then(VecDeque::new);
        Self { selection, rest: Vec::new(), held, is_inside_line: false, n_shown_bytes: 0 }
    }

    /// Takes bytes in; returns what can be shown now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let mut shown = Vec::new();
        let mut rest = std::mem::take(&mut self.rest);
        let mut start = 0;
        while let Some(length) = rest[start..].iter().position(|it| *it == b'\n') {
            self.line(&rest[start..start + length], &mut shown);
            start += length + 1;
        }
        rest.drain(..start);
        self.rest = rest;
        self.limited(shown)
    }

    /// Gives out what `tail_lines` has held back: all that was written so far has been read.
    pub(crate) fn release(&mut self) -> Vec<u8> {
        let shown = self.held.take().into_iter().flatten().flatten().collect();
        self.limited(shown)
    }

    /// Whether `limit_bytes` has been reached.
    pub(crate) fn is_full(&self) -> bool {
        self.selection.limit_bytes.is_some_and(|it| self.n_shown_bytes >= it)
    }

    fn line(&mut self, line: &[u8], shown: &mut Vec<u8>) {
        let Some(line) = Line::parse(line) else { return };
        if let Some(since) = self.selection.since
            && line.time.parse::<Timestamp>().is_ok_and(|it| it < since)
        {
            return;
        }
        let mut text = Vec::with_capacity(line.text.len() + 40);
        if self.selection.has_timestamps && !self.is_inside_line {
            text.extend_from_slice(line.time.as_bytes());
            text.push(b' ');
        }
        text.extend_from_slice(line.text);
        if !line.is_partial {
            text.push(b'\n');
        }
        self.is_inside_line = line.is_partial;
        match (&mut self.held, self.selection.tail_lines) {
            (Some(held), Some(n_lines)) => {
                held.push_back(text);
                while held.len() > n_lines {
                    held.pop_front();
                }
            }
            _ => shown.extend(text),
        }
    }

    fn limited(&mut self, mut shown: Vec<u8>) -> Vec<u8> {
        if let Some(limit) = self.selection.limit_bytes {
            let left = usize::try_from(limit - self.n_shown_bytes.min(limit)).unwrap_or(usize::MAX);
            shown.truncate(left);
        }
        self.n_shown_bytes += shown.len() as u64;
        shown
    }
}

/// The text of the last lines of a log, at most so many lines and bytes: what a container said
/// before it failed.
pub(crate) fn last_words(log: &[u8], n_lines: usize, n_bytes: usize) -> String {
    let selection = Selection { tail_lines: Some(n_lines), ..Selection::default() };
    let mut filter = Filter::new(selection);
    filter.push(log);
    let text = filter.release();
    let start = text.len().saturating_sub(n_bytes);
    String::from_utf8_lossy(&text[start..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = b"2026-01-01T00:00:01.000000001Z stdout F one\n\
        2026-01-01T00:00:02.000000002Z stderr P tw\n\
        2026-01-01T00:00:02.000000003Z stderr F o\n\
        2026-01-01T00:00:03.000000004Z stdout F three three\n";

    fn check(selection: &Selection, want: &str) {
        for n_bytes in [1, 7, LOG.len()] {
            let mut filter = Filter::new(selection.clone());
            let mut shown: Vec<u8> = LOG.chunks(n_bytes).flat_map(|it| filter.push(it)).collect();
            shown.extend(filter.release());
            assert_eq!(String::from_utf8(shown).unwrap(), want);
        }
    }

    #[test]
    fn lines_are_shown_whole_in_any_pieces() {
        check(&Selection::default(), "one\ntwo\nthree three\n");
    }

    #[test]
    fn tails_limits_and_times_select() {
        let tail = Selection { tail_lines: Some(1), ..Selection::default() };
        check(&tail, "three three\n");
        check(&Selection { tail_lines: Some(0), ..Selection::default() }, "");
        check(&Selection { limit_bytes: Some(6), ..Selection::default() }, "one\ntw");
        let since = "2026-01-01T00:00:02.5Z".parse().ok();
        check(&Selection { since, ..Selection::default() }, "three three\n");
        let stamped = Selection { has_timestamps: true, ..Selection::default() };
        check(
            &stamped,
            "2026-01-01T00:00:01.000000001Z one\n2026-01-01T00:00:02.000000002Z two\n\
             2026-01-01T00:00:03.000000004Z three three\n",
        );
    }

    #[test]
    fn last_words_are_cut_at_the_front() {
        assert_eq!(last_words(LOG, 80, 2048), "one\ntwo\nthree three\n");
        assert_eq!(last_words(LOG, 80, 6), "three\n");
    }
}
