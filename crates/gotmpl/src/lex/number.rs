//! Numbers as Go's lexer takes them: by their letters, whether or not they are any.

use super::{Item, Kind, Lexer, is_alphanumeric};
use crate::strconv::quote;

impl Lexer<'_> {
    pub(super) fn number(&mut self) -> Item {
        let mut is_good = self.scan_number();
        let mut kind = Kind::Number;
        if is_good && matches!(self.rest().first(), Some(b'+' | b'-')) {
            kind = Kind::Complex;
            is_good = self.scan_number() && self.input[self.pos - 1] == b'i';
        }
        if is_good {
            return self.item(kind);
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
        // What is no number is shown with the letter that makes it none.
        match self.peek().filter(|it| is_alphanumeric(*it)) {
            Some(letter) => {
                self.pos += letter.len_utf8();
                false
            }
            None => true,
        }
    }
}
