//! JSON as Go's encoding/json reads it into an `interface {}`, with its error texts.

use std::rc::Rc;

use gotmpl::{Map, Value, strconv};

/// Go's own limit for values within values.
const DEPTH_MAX: usize = 10_000;
/// The limit here, which fits a small native stack.
const NATIVE_DEPTH_MAX: usize = 1_000;

type Decoded<T> = Result<T, String>;

/// Decodes one value with nothing but blanks around it; every number is a `float64`.
pub(super) fn decode(text: &[u8]) -> Decoded<Value> {
    let mut decoder = Decoder { text, pos: 0, depth: 0 };
    let value = decoder.value("looking for beginning of value")?;
    decoder.blanks();
    match decoder.peek() {
        None => Ok(value),
        Some(_) => Err(decoder.invalid("after top-level value")),
    }
}

struct Decoder<'t> {
    text: &'t [u8],
    pos: usize,
    depth: usize,
}

impl Decoder<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.pos += 1;
        }
    }

    fn end() -> String {
        "unexpected end of JSON input".to_owned()
    }

    /// The complaint about the byte that stands here.
    fn invalid(&self, context: &str) -> String {
        let Some(byte) = self.peek() else { return Self::end() };
        Self::complaint(byte, context)
    }

    /// The same within a word, number or escape, where Go takes the end for a blank.
    fn invalid_within(&self, context: &str) -> String {
        Self::complaint(self.peek().unwrap_or(b' '), context)
    }

    fn complaint(byte: u8, context: &str) -> String {
        let shown = match byte {
            b'\'' => "'\\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            _ => {
                let quoted = strconv::quote(char::from(byte).to_string().as_bytes());
                format!("'{}'", &quoted[1..quoted.len() - 1])
            }
        };
        format!("invalid character {shown} {context}")
    }

    fn value(&mut self, context: &str) -> Decoded<Value> {
        self.blanks();
        match self.peek() {
            None => Err(Self::end()),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::from),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.invalid(context)),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Decoded<Value>) -> Decoded<Value> {
        self.depth += 1;
        if self.depth > DEPTH_MAX.min(NATIVE_DEPTH_MAX) {
            return Err("exceeded max depth".to_owned());
        }
        self.pos += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Decoded<Value> {
        let mut entries: Vec<(Rc<str>, Value)> = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.pos += 1;
            return Ok(Value::Map(Map::new()));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.invalid("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.invalid("after object key"));
            }
            self.pos += 1;
            entries.push((key.into(), self.value("looking for beginning of value")?));
            self.blanks();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b'}') => {
                    self.pos += 1;
                    return Ok(Value::Map(entries.into_iter().collect()));
                }
                _ => return Err(self.invalid("after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Decoded<Value> {
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.pos += 1;
            return Ok(Value::from(items));
        }
        loop {
            items.push(self.value("looking for beginning of value")?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b']') => {
                    self.pos += 1;
                    return Ok(Value::from(items));
                }
                _ => return Err(self.invalid("after array element")),
            }
        }
    }

    fn word(&mut self, word: &'static [u8], value: Value) -> Decoded<Value> {
        for (place, expected) in word.iter().enumerate() {
            if self.peek() != Some(*expected) {
                let name = String::from_utf8_lossy(word);
                let wanted = char::from(word[place]);
                return Err(
                    self.invalid_within(&format!("in literal {name} (expecting '{wanted}')"))
                );
            }
            self.pos += 1;
        }
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        self.pos - start
    }

    fn number(&mut self) -> Decoded<Value> {
        let start = self.pos;
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        if self.peek() == Some(b'0') {
            self.pos += 1;
        } else if self.digits() == 0 {
            return Err(self.invalid_within("in numeric literal"));
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            if self.digits() == 0 {
                return Err(self.invalid_within("after decimal point in numeric literal"));
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            if self.digits() == 0 {
                return Err(self.invalid_within("in exponent of numeric literal"));
            }
        }
        let text = String::from_utf8_lossy(&self.text[start..self.pos]);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float64(number)),
            _ => Err(format!("json: cannot unmarshal number {text} into Go value of type float64")),
        }
    }

    fn string(&mut self) -> Decoded<String> {
        self.pos += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                None => return Err(Self::end()),
                Some(b'"') => {
                    self.pos += 1;
                    let text = gotmpl::Str::from_bytes(out);
                    return Ok(text.to_text().into_owned());
                }
                Some(b'\\') => {
                    self.pos += 1;
                    self.escape(&mut out)?;
                }
                Some(0..0x20) => return Err(self.invalid("in string literal")),
                Some(byte) => {
                    out.push(byte);
                    self.pos += 1;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Decoded<()> {
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.pos += 1;
                let character = self.unicode()?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.invalid_within("in string escape code")),
        };
        out.push(plain);
        self.pos += 1;
        Ok(())
    }

    /// The character of `\uXXXX`, or of a pair of them.
    fn unicode(&mut self) -> Decoded<char> {
        let first = self.four()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let after = self.pos;
        if (0xd800..0xdc00).contains(&first) && self.text[after..].starts_with(b"\\u") {
            self.pos += 2;
            let second = self.four()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10 | (second - 0xdc00));
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.pos = after;
        }
        Ok('\u{fffd}')
    }

    fn four(&mut self) -> Decoded<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.invalid_within("in \\u hexadecimal character escape"));
            };
            code = code << 4 | digit;
            self.pos += 1;
        }
        Ok(code)
    }
}
