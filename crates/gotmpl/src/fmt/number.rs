//! Numbers under a verb, and padding.

use crate::{fmt::printer::Printer, strconv::is_print};

/// An integer of any Go type.
#[derive(Clone, Copy)]
pub(super) struct Number {
    magnitude: u64,
    is_negative: bool,
    pub(super) is_signed: bool,
}

impl Number {
    pub(super) fn signed(number: i64) -> Self {
        Self { magnitude: number.unsigned_abs(), is_negative: number < 0, is_signed: true }
    }

    pub(super) fn unsigned(number: u64) -> Self {
        Self { magnitude: number, is_negative: false, is_signed: false }
    }

    /// The character of that code, or U+FFFD.
    pub(super) fn character(self) -> char {
        if self.is_negative {
            return '\u{fffd}';
        }
        u32::try_from(self.magnitude).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
    }
}

impl Printer<'_> {
    /// Appends text, padded to the width.
    pub(super) fn pad(&mut self, text: &[u8]) {
        let Some(width) = self.flags.width else {
            self.out.extend_from_slice(text);
            return;
        };
        let n_chars: usize =
            text.utf8_chunks().map(|it| it.valid().chars().count() + it.invalid().len()).sum();
        let n_missing = width.saturating_sub(n_chars);
        if self.flags.minus {
            self.out.extend_from_slice(text);
            self.padding(n_missing);
        } else {
            self.padding(n_missing);
            self.out.extend_from_slice(text);
        }
    }

    fn padding(&mut self, n_missing: usize) {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + n_missing, byte);
    }

    /// Pads with blanks whatever the flags say.
    fn pad_blank(&mut self, text: &[u8]) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(text);
        self.flags.zero = zero;
    }

    pub(super) fn number(&mut self, number: Number, base: u32, verb: char) {
        let flags = self.flags;
        let mut digits = match base {
            2 => format!("{:b}", number.magnitude),
            8 => format!("{:o}", number.magnitude),
            16 if verb == 'X' => format!("{:X}", number.magnitude),
            16 => format!("{:x}", number.magnitude),
            _ => number.magnitude.to_string(),
        };
        let has_sign = number.is_negative || flags.plus || flags.space;
        let n_digits = match (flags.precision, flags.width) {
            (Some(0), width) if number.magnitude == 0 => {
                self.out.resize(self.out.len() + width.unwrap_or(0), b' ');
                return;
            }
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => {
                width - usize::from(has_sign && width > 0)
            }
            _ => 0,
        };
        if digits.len() < n_digits {
            digits.insert_str(0, &"0".repeat(n_digits - digits.len()));
        }
        if flags.sharp {
            match base {
                2 => digits.insert_str(0, "0b"),
                8 if !digits.starts_with('0') => digits.insert(0, '0'),
                16 => digits.insert_str(0, if verb == 'X' { "0X" } else { "0x" }),
                _ => {}
            }
        }
        if verb == 'O' {
            digits.insert_str(0, "0o");
        }
        if number.is_negative {
            digits.insert(0, '-');
        } else if flags.plus {
            digits.insert(0, '+');
        } else if flags.space {
            digits.insert(0, ' ');
        }
        self.pad_blank(digits.as_bytes());
    }

    /// `U+0078`, with `#` also the character.
    pub(super) fn unicode(&mut self, number: Number) {
        let code =
            if number.is_negative { number.magnitude.wrapping_neg() } else { number.magnitude };
        let n_digits = self.flags.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{code:0n_digits$X}");
        let character = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(character) = character.filter(|it| self.flags.sharp && is_print(*it)) {
            text.extend([" '", character.encode_utf8(&mut [0; 4]), "'"]);
        }
        self.pad_blank(text.as_bytes());
    }

    /// Appends a float that was printed plainly, under the flags.
    pub(super) fn float_text(&mut self, mut text: String, verb: char, precision: Option<usize>) {
        let flags = self.flags;
        if !text.starts_with(['+', '-']) {
            text.insert(0, '+');
        }
        if flags.space && text.starts_with('+') && !flags.plus {
            text.replace_range(0..1, " ");
        }
        if text[1..].starts_with(['I', 'N']) {
            if text[1..].starts_with('N') && !flags.space && !flags.plus {
                text.remove(0);
            }
            return self.pad_blank(text.as_bytes());
        }
        if flags.sharp && verb != 'b' {
            text = with_point(&text, verb, precision);
        }
        if !flags.plus && text.starts_with('+') {
            return self.pad(&text.as_bytes()[1..]);
        }
        match flags.width {
            Some(width) if flags.zero && !flags.minus && width > text.len() => {
                self.out.push(text.as_bytes()[0]);
                self.padding(width - text.len());
                self.out.extend_from_slice(&text.as_bytes()[1..]);
            }
            _ => self.pad(text.as_bytes()),
        }
    }
}

/// A float with its decimal point and trailing zeros, as the `#` flag wants it.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let mut missing = match verb {
        'v' | 'g' | 'G' | 'x' => precision.map_or(6, |precision| precision as i64),
        _ => 0,
    };
    let is_hex = matches!(verb, 'x' | 'X');
    let tail = text
        .char_indices()
        .skip(1)
        .find(|(_, it)| matches!(it, 'p' | 'P') || (!is_hex && matches!(it, 'e' | 'E')))
        .map_or(text.len(), |(place, _)| place);
    let (head, tail) = text.split_at(tail);
    let has_point = head.contains('.');
    let mut saw_nonzero = false;
    for it in head.chars().skip(1).filter(|it| *it != '.') {
        saw_nonzero |= it != '0';
        missing -= i64::from(saw_nonzero);
    }
    let mut out = head.to_owned();
    if !has_point {
        if out.len() == 2 && out.ends_with('0') {
            missing -= 1;
        }
        out.push('.');
    }
    out.push_str(&"0".repeat(missing.max(0) as usize));
    out + tail
}
