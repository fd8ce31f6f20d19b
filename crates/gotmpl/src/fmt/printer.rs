//! One operand under one verb.

use crate::{
    fmt::{DEPTH_MAX, TEXT_BYTES_MAX, Unprintable, number::Number, truncated},
    strconv::{append_quoted, can_backquote, format_float},
    value::{Kind, Object, Str, Value},
};

/// The flags of a verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) plus_v: bool,
    pub(super) sharp_v: bool,
}

pub(super) struct Printer<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) flags: Flags,
    /// Whether a bad verb is being reported, when no methods are asked.
    is_erroring: bool,
    /// Set when it has been given up.
    failed: Option<Unprintable>,
}

impl<'o> Printer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, flags: Flags::default(), is_erroring: false, failed: None }
    }

    /// Whether everything was printed.
    pub(super) fn finish(&self) -> Result<(), Unprintable> {
        match self.failed {
            None if self.out.len() > TEXT_BYTES_MAX => Err(Unprintable::TooLong),
            None => Ok(()),
            Some(reason) => Err(reason),
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn push_char(&mut self, character: char) {
        self.push(character.encode_utf8(&mut [0; 4]));
    }

    /// Prints an operand (Go's `printArg`).
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => self.string(value.type_name().as_bytes(), 's', value),
            (_, 'p') => self.pointer(value),
            (Value::Bytes(bytes), 'v' | 'd' | 's' | 'x' | 'X' | 'q') => {
                self.bytes(bytes, verb, "[]byte", value);
            }
            _ => self.value(value, verb, 0),
        }
    }

    /// Prints a value (Go's `printValue`).
    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > DEPTH_MAX {
            self.failed = Some(Unprintable::TooDeep);
        } else if self.out.len() > TEXT_BYTES_MAX {
            self.failed = Some(Unprintable::TooLong);
        }
        if self.failed.is_some() {
            return;
        }
        match value {
            Value::Nil if self.flags.sharp_v => self.push("interface {}(nil)"),
            Value::Nil => self.push("<nil>"),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(number) | Value::Int64(number) => {
                self.integer(Number::signed(*number), verb, value);
            }
            Value::Uint8(number) => self.integer(Number::unsigned((*number).into()), verb, value),
            Value::Uint64(number) => self.integer(Number::unsigned(*number), verb, value),
            Value::Float64(number) => self.float(*number, verb, value),
            Value::Complex128(real, imaginary) => self.complex((*real, *imaginary), verb, value),
            Value::String(text) => self.string(text.as_bytes(), verb, value),
            Value::Object(object) => self.object(object.as_ref(), value, verb, depth),
            _ if verb == 'w' => self.bad_verb(value, verb),
            Value::Bytes(bytes) if matches!(verb, 's' | 'q' | 'x' | 'X') => {
                self.bytes(bytes, verb, "[]uint8", value);
            }
            Value::Map(_) | Value::Values(_) | Value::StringMap(_) => self.map(value, verb, depth),
            _ => self.list(value, verb, depth),
        }
    }

    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) {
        self.is_erroring = true;
        self.push("%!");
        self.push_char(verb);
        self.push("(");
        if value.is_nil() {
            self.push("<nil>");
        } else {
            self.push(value.type_name());
            self.push("=");
            self.argument(value, 'v');
        }
        self.push(")");
        self.is_erroring = false;
    }

    fn list(&mut self, value: &Value, verb: char, depth: usize) {
        let is_nil = match value {
            Value::List(list) => list.is_nil(),
            Value::Strings(texts) => texts.is_none(),
            _ => false,
        };
        if self.open(value.type_name(), is_nil, "[") {
            return;
        }
        let mut items = Items { n_done: 0 };
        match value {
            Value::List(list) => {
                for item in list.iter() {
                    items.item(self, |it| it.value(item, verb, depth + 1));
                }
            }
            Value::Strings(texts) => {
                for text in texts.iter().flat_map(|texts| texts.iter()) {
                    items.text(self, text, verb);
                }
            }
            Value::Ints(numbers) => {
                for number in numbers.iter() {
                    items.item(self, |it| it.value(&Value::Int(*number), verb, depth + 1));
                }
            }
            Value::Bytes(bytes) => {
                for byte in bytes.iter() {
                    items.item(self, |it| it.value(&Value::Uint8(*byte), verb, depth + 1));
                }
            }
            _ => {}
        }
        self.close("]");
    }

    fn map(&mut self, value: &Value, verb: char, depth: usize) {
        let is_nil = value.as_map().is_some_and(super::super::value::Map::is_nil);
        if self.open(value.type_name(), is_nil, "map[") {
            return;
        }
        let mut items = Items { n_done: 0 };
        match value {
            Value::Map(map) | Value::Values(map) => {
                let shown: Result<(), ()> = map.visit(|key, value| {
                    items.text(self, &Str::from(std::rc::Rc::clone(key)), verb);
                    self.push(":");
                    self.value(value, verb, depth + 1);
                    Ok(())
                });
                debug_assert!(shown.is_ok(), "printing succeeds");
            }
            Value::StringMap(entries) => {
                for (key, text) in entries.iter() {
                    items.text(self, key, verb);
                    self.push(":");
                    self.string(text.as_bytes(), verb, &Value::String(text.clone()));
                }
            }
            _ => {}
        }
        self.close("]");
    }

    /// Begins a list or map; true when it is nil in Go's syntax and done with that.
    fn open(&mut self, type_name: &str, is_nil: bool, bracket: &str) -> bool {
        if !self.flags.sharp_v {
            self.push(bracket);
            return false;
        }
        self.push(type_name);
        self.push(if is_nil { "(nil)" } else { "{" });
        is_nil
    }

    fn close(&mut self, bracket: &str) {
        self.push(if self.flags.sharp_v { "}" } else { bracket });
    }

    fn object(&mut self, object: &dyn Object, value: &Value, verb: char, depth: usize) {
        if !self.is_erroring {
            if verb == 'w' {
                return self.bad_verb(value, verb);
            }
            if !self.flags.sharp_v
                && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
                && let Some(text) = object.to_text()
            {
                return self.string(text.as_bytes(), verb, value);
            }
        }
        match object.kind() {
            Kind::Ptr if depth == 0 => {
                self.push("&");
                self.fields(object, verb, depth);
            }
            Kind::Ptr => self.pointer(value),
            Kind::Slice | Kind::Map => {
                let is_map = object.kind() == Kind::Map;
                self.open(object.type_name(), false, if is_map { "map[" } else { "[" });
                let mut items = Items { n_done: 0 };
                for (key, value) in object.entries() {
                    items.item(self, |it| {
                        if is_map {
                            it.value(&key, verb, depth + 1);
                            it.push(":");
                        }
                        it.value(&value, verb, depth + 1);
                    });
                }
                self.close("]");
            }
            _ => self.fields(object, verb, depth),
        }
    }

    /// A struct, or what a pointer to one points to.
    pub(super) fn fields(&mut self, object: &dyn Object, verb: char, depth: usize) {
        if self.flags.sharp_v {
            self.push(object.type_name().trim_start_matches('*'));
        }
        self.push("{");
        let mut items = Items { n_done: 0 };
        for (name, value) in object.entries() {
            items.item(self, |it| {
                if (it.flags.plus_v || it.flags.sharp_v)
                    && let Value::String(name) = &name
                {
                    it.push(&name.to_text());
                    it.push(":");
                }
                it.value(&value, verb, depth + 1);
            });
        }
        self.push("}");
    }

    /// An address. It means nothing here, so it is always the same.
    fn pointer(&mut self, value: &Value) {
        match value.kind() {
            Kind::Slice | Kind::Map | Kind::Ptr => {
                self.push(if self.flags.sharp { "c000012345" } else { "0xc000012345" });
            }
            _ => self.bad_verb(value, 'p'),
        }
    }

    fn integer(&mut self, number: Number, verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v && !number.is_signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.number(number, 16, 'v');
                self.flags.sharp = sharp;
            }
            'v' | 'd' => self.number(number, 10, verb),
            'b' => self.number(number, 2, verb),
            'o' | 'O' => self.number(number, 8, verb),
            'x' | 'X' => self.number(number, 16, verb),
            'c' => self.pad(number.character().encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let mut text = Vec::new();
                let mut buffer = [0; 4];
                let character = number.character().encode_utf8(&mut buffer).as_bytes();
                append_quoted(&mut text, character, b'\'', self.flags.plus);
                self.pad(&text);
            }
            'U' => self.unicode(number),
            _ => self.bad_verb(value, verb),
        }
    }

    fn float(&mut self, number: f64, verb: char, value: &Value) {
        let (format, precision) = match verb {
            'v' => (b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb as u8, None),
            'f' | 'e' | 'E' => (verb as u8, Some(6)),
            'F' => (b'f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(precision);
        let text = format_float(number, format, precision);
        self.float_text(text, verb, precision);
    }

    fn complex(&mut self, (real, imaginary): (f64, f64), verb: char, value: &Value) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(value, verb);
        }
        self.push("(");
        self.float(real, verb, value);
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(imaginary, verb, value);
        self.flags.plus = plus;
        self.push("i)");
    }

    pub(super) fn string(&mut self, text: &[u8], verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => {
                let text = self.flags.precision.map_or(text, |length| truncated(text, length));
                self.pad(text);
            }
            'x' | 'X' => self.hex(text, verb == 'X'),
            'q' => self.quoted(text),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = self.flags.precision.map_or(text, |length| truncated(text, length));
        let mut out = Vec::with_capacity(text.len() + 2);
        if self.flags.sharp && can_backquote(text) {
            out.push(b'`');
            out.extend_from_slice(text);
            out.push(b'`');
        } else {
            append_quoted(&mut out, text, b'"', self.flags.plus);
        }
        self.pad(&out);
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, type_name: &str, value: &Value) {
        match verb {
            'v' | 'd' => {
                self.open(type_name, false, "[");
                let mut items = Items { n_done: 0 };
                for byte in bytes {
                    items.item(self, |it| {
                        let number = Number::unsigned((*byte).into());
                        if it.flags.sharp_v {
                            it.integer(number, 'v', value);
                        } else {
                            it.number(number, 10, verb);
                        }
                    });
                }
                self.close("]");
            }
            _ => self.string(bytes, verb, value),
        }
    }

    fn hex(&mut self, text: &[u8], is_upper: bool) {
        let text = &text[..self.flags.precision.unwrap_or(text.len()).min(text.len())];
        let mut out = String::new();
        let prefix = match (self.flags.sharp, is_upper) {
            (false, _) => "",
            (true, false) => "0x",
            (true, true) => "0X",
        };
        for (place, byte) in text.iter().enumerate() {
            if self.flags.space && place > 0 {
                out.push(' ');
            }
            if place == 0 || self.flags.space {
                out.push_str(prefix);
            }
            let digits = if is_upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
            out.push(char::from(digits[usize::from(byte >> 4)]));
            out.push(char::from(digits[usize::from(byte & 15)]));
        }
        self.pad(out.as_bytes());
    }
}

/// Counts what was printed of a list, to put something between.
struct Items {
    n_done: usize,
}

impl Items {
    fn item(&mut self, printer: &mut Printer<'_>, print: impl FnOnce(&mut Printer<'_>)) {
        if self.n_done > 0 {
            printer.push(if printer.flags.sharp_v { ", " } else { " " });
        }
        self.n_done += 1;
        print(printer);
    }

    fn text(&mut self, printer: &mut Printer<'_>, text: &Str, verb: char) {
        self.item(printer, |it| {
            it.string(text.as_bytes(), verb, &Value::String(text.clone()));
        });
    }
}
