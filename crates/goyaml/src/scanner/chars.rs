//! Looking at characters, and going on.

use memchr::arch::all::memchr::Two;

use super::{Scanner, width};

impl Scanner<'_> {
    /// The byte so many bytes ahead; 0 past the end, which no text holds.
    pub(super) fn at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.place + ahead).copied().unwrap_or(0)
    }

    pub(super) fn is_end(&self, ahead: usize) -> bool {
        self.bytes.len() <= self.place + ahead
    }

    pub(super) fn is_break(&self, ahead: usize) -> bool {
        match self.at(ahead) {
            b'\n' | b'\r' => true,
            0xc2 => self.at(ahead + 1) == 0x85,
            0xe2 => self.at(ahead + 1) == 0x80 && matches!(self.at(ahead + 2), 0xa8 | 0xa9),
            _ => false,
        }
    }

    pub(super) fn is_breakz(&self, ahead: usize) -> bool {
        self.is_break(ahead) || self.is_end(ahead)
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.at(ahead), b' ' | b'\t')
    }

    pub(super) fn is_blankz(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_breakz(ahead)
    }

    pub(super) fn skip(&mut self) {
        self.place += width(self.at(0));
        self.mark.index += 1;
        self.mark.column += 1;
    }

    pub(super) fn skip_ascii(&mut self) {
        self.skip_n_ascii(1);
    }

    pub(super) fn skip_n_ascii(&mut self, n_bytes: usize) {
        self.place += n_bytes;
        self.mark.index += n_bytes;
        self.mark.column += n_bytes;
    }

    /// Eats the spaces that come next, and tabs where they are fine.
    pub(super) fn skip_spaces(&mut self, are_tabs_fine: bool) {
        let is_blank = |byte: &&u8| **byte == b' ' || are_tabs_fine && **byte == b'\t';
        self.skip_n_ascii(self.bytes[self.place..].iter().take_while(is_blank).count());
    }

    /// Goes on to a place on the same line.
    pub(super) fn skip_to(&mut self, place: usize) {
        let run = &self.bytes[self.place..place];
        let n_chars = if run.is_ascii() {
            run.len()
        } else {
            run.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
        };
        self.place = place;
        self.mark.index += n_chars;
        self.mark.column += n_chars;
    }

    pub(super) fn skip_line(&mut self) {
        if self.at(0) == b'\r' && self.at(1) == b'\n' {
            self.place += 2;
            self.mark.index += 2;
        } else {
            self.place += width(self.at(0));
            self.mark.index += 1;
        }
        self.mark.column = 0;
        self.mark.line += 1;
    }

    /// Where the line ends that the next byte is on.
    pub(super) fn line_end(&self) -> usize {
        let rest = &self.bytes[self.place..];
        let line = &rest[..Two::new(b'\n', b'\r').find(rest).unwrap_or(rest.len())];
        if line.is_ascii() {
            return self.place + line.len();
        }
        // Unicode's own breaks end a line, too.
        let is_break =
            |ahead: &usize| MAY_BREAK[usize::from(line[*ahead])] && self.is_break(*ahead);
        self.place + (0..line.len()).find(is_break).unwrap_or(line.len())
    }

    pub(super) fn skip_to_line_end(&mut self) {
        self.skip_to(self.line_end());
    }
}

/// Bytes that may start a line break of more than one byte.
const MAY_BREAK: [bool; 256] = {
    let mut table = [false; 256];
    table[0xc2] = true;
    table[0xe2] = true;
    table
};
