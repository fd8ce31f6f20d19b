//! `Printf`'s format text: flags, widths, argument numbers and verbs.

use crate::{
    fmt::{
        Unprintable,
        printer::{Flags, Printer},
    },
    strconv::decode_char,
    value::Value,
};

/// The largest width or precision; beyond it Go ignores the number, or reports it when it is given
/// as an operand.
const SIZE_MAX: i64 = 1_000_000;

/// Reads one format text.
struct Format<'a> {
    text: &'a [u8],
    pos: usize,
    values: &'a [Value],
    next: usize,
    is_reordered: bool,
    is_number_good: bool,
}

pub(super) fn printf(out: &mut Vec<u8>, text: &[u8], values: &[Value]) -> Result<(), Unprintable> {
    let mut format =
        Format { text, pos: 0, values, next: 0, is_reordered: false, is_number_good: true };
    let mut printer = Printer::new(out);
    while format.pos < text.len() {
        let rest = &text[format.pos..];
        let n_plain = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
        printer.out.extend_from_slice(&rest[..n_plain]);
        format.pos += n_plain;
        if format.pos < text.len() {
            format.pos += 1;
            format.verb(&mut printer);
            printer.finish()?;
        }
    }
    if !format.is_reordered && format.next < values.len() {
        extra(&mut printer, &values[format.next..]);
    }
    printer.finish()
}

fn extra(printer: &mut Printer<'_>, values: &[Value]) {
    printer.flags = Flags::default();
    printer.push("%!(EXTRA ");
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            printer.push(", ");
        }
        if value.is_nil() {
            printer.push("<nil>");
        } else {
            printer.push(value.type_name());
            printer.push("=");
            printer.argument(value, 'v');
        }
    }
    printer.push(")");
}

impl Format<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn verb(&mut self, printer: &mut Printer<'_>) {
        self.is_number_good = true;
        printer.flags = Flags::default();
        self.flags(&mut printer.flags);
        let mut after_index = self.argument_number();
        if self.peek() == Some(b'*') {
            self.pos += 1;
            self.width_operand(printer);
            after_index = false;
        } else {
            printer.flags.width = self.number(self.text.len());
            if after_index && printer.flags.width.is_some() {
                self.is_number_good = false;
            }
        }
        if self.pos + 1 < self.text.len() && self.peek() == Some(b'.') {
            after_index = self.precision(printer, after_index);
        }
        if !after_index {
            self.argument_number();
        }
        let Some(first) = self.peek() else {
            printer.push("%!(NOVERB)");
            return;
        };
        let (verb, width) = match first {
            0..0x80 => (char::from(first), 1),
            _ => {
                let (verb, width) = decode_char(&self.text[self.pos..]);
                (verb.unwrap_or('\u{fffd}'), width)
            }
        };
        self.pos += width;
        self.operand(printer, verb);
    }

    fn flags(&mut self, flags: &mut Flags) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.pos += 1;
        }
    }

    fn operand(&mut self, printer: &mut Printer<'_>, verb: char) {
        if verb == '%' {
            return printer.push("%");
        }
        let shown = verb.to_string();
        if !self.is_number_good {
            return printer.push(&format!("%!{shown}(BADINDEX)"));
        }
        let Some(value) = self.values.get(self.next) else {
            return printer.push(&format!("%!{shown}(MISSING)"));
        };
        if matches!(verb, 'v' | 'w') {
            let flags = &mut printer.flags;
            flags.sharp_v = std::mem::take(&mut flags.sharp);
            flags.plus_v = std::mem::take(&mut flags.plus);
        }
        printer.argument(value, verb);
        self.next += 1;
    }

    fn width_operand(&mut self, printer: &mut Printer<'_>) {
        match self.int_operand() {
            None => printer.push("%!(BADWIDTH)"),
            Some(width) => {
                if width < 0 {
                    printer.flags.minus = true;
                    printer.flags.zero = false;
                }
                printer.flags.width = Some(width.unsigned_abs() as usize);
            }
        }
    }

    fn precision(&mut self, printer: &mut Printer<'_>, after_index: bool) -> bool {
        self.pos += 1;
        if after_index {
            self.is_number_good = false;
        }
        let after_index = self.argument_number();
        if self.peek() != Some(b'*') {
            printer.flags.precision = Some(self.number(self.text.len()).unwrap_or(0));
            return after_index;
        }
        self.pos += 1;
        let precision = self.int_operand().and_then(|number| usize::try_from(number).ok());
        printer.flags.precision = precision;
        if precision.is_none() {
            printer.push("%!(BADPREC)");
        }
        false
    }

    /// An operand that says a width or precision.
    fn int_operand(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        let number = match value {
            Value::Int(number) | Value::Int64(number) => *number,
            Value::Uint8(number) => (*number).into(),
            Value::Uint64(number) => i64::try_from(*number).ok()?,
            _ => return None,
        };
        (-SIZE_MAX..=SIZE_MAX).contains(&number).then_some(number)
    }

    /// A decimal number up to `end`, if one stands here.
    fn number(&mut self, end: usize) -> Option<usize> {
        let mut number = None;
        while self.pos < end
            && let Some(byte @ b'0'..=b'9') = self.peek()
        {
            let before = number.unwrap_or(0);
            if before > SIZE_MAX as usize {
                self.pos = end;
                return None;
            }
            number = Some(before * 10 + usize::from(byte - b'0'));
            self.pos += 1;
        }
        number
    }

    /// `[n]`, which chooses the next operand; says whether one stands here.
    fn argument_number(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.is_reordered = true;
        let rest = &self.text[self.pos..];
        let close = rest.iter().position(|byte| *byte == b']');
        let Some(close) = close.filter(|_| rest.len() >= 3) else {
            self.pos += 1;
            self.is_number_good = false;
            return false;
        };
        let end = self.pos + close;
        self.pos += 1;
        let number = self.number(end).filter(|_| self.pos == end);
        self.pos = end + 1;
        match number {
            Some(number) if number >= 1 && number <= self.values.len() => {
                self.next = number - 1;
                true
            }
            number => {
                self.is_number_good = false;
                number.is_some()
            }
        }
    }
}
