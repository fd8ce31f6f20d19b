//! The language of `--set` (Helm 4.1.4, `pkg/strvals`).

use goyaml::Value;

use crate::values::{Table, from_json, insert, remove};

mod literal;

pub(crate) use literal::parse_literal_into;

const INDEX_MAX: usize = 65_536;
const NESTING_MAX: usize = 30;

/// Makes a value of the text after `=`.
pub(crate) type Reader<'r> = &'r dyn Fn(&str) -> Result<Value, String>;

/// Why a text is not in the language, in Helm's words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StrvalsError {
    #[error("key {0:?} has no value")]
    NoValue(String),
    #[error("key {0:?} has no value (cannot end with ,)")]
    EndsWithComma(String),
    #[error("key map {0:?} has no value")]
    EmptyMap(String),
    #[error(
        "value name nested level is greater than maximum supported nested level of {NESTING_MAX}"
    )]
    TooNested,
    #[error("error parsing index: {0}")]
    Index(Box<Self>),
    #[error("strconv.Atoi: parsing {0:?}: {1}")]
    Number(String, &'static str),
    #[error("negative {0} index not allowed")]
    NegativeIndex(i64),
    #[error("index of {0} is greater than maximum supported index of {INDEX_MAX}")]
    IndexTooLarge(i64),
    #[error("unexpected data at end of array index: [{}]", quote_runes(.0))]
    AfterIndex(String),
    #[error("list must terminate with '}}'")]
    OpenList,
    #[error("unable to parse key: interface conversion: interface {{}} is {found}, not {expected}")]
    Type { found: &'static str, expected: &'static str },
    #[error("{0}")]
    Read(String),
    #[error("invalid JSON")]
    Json,
    /// The text has ended; where that is no error, nobody sees this.
    #[error("EOF")]
    End,
}

type Parsed<T = ()> = Result<T, StrvalsError>;

/// Sets what a text says: `a.b=1,c[0]={x,y}`.
pub(crate) fn parse_into(text: &str, reader: Reader<'_>, table: &mut Table) -> Parsed {
    Parser { chars: text.chars().collect(), place: 0, reader: Some(reader) }.parse(table)
}

/// Sets what a text says whose values are JSON: `a={"b": 1},c=[1,2]`.
pub(crate) fn parse_json_into(text: &str, table: &mut Table) -> Parsed {
    Parser { chars: text.chars().collect(), place: 0, reader: None }.parse(table)
}

/// The value of a text for `--set`: a boolean, null, an integer without a leading zero, or the text.
pub(crate) fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if text == "0" {
        return Value::Int(0);
    }
    match text.parse() {
        Ok(number) if !text.starts_with('0') => Value::Int(number),
        _ => Value::String(text.into()),
    }
}

struct Parser<'r> {
    chars: Vec<char>,
    place: usize,
    /// Nothing for JSON.
    reader: Option<Reader<'r>>,
}

/// Text up to a stop, and the stop; nothing at the end of the text.
struct Until {
    text: String,
    stop: Option<char>,
}

impl Parser<'_> {
    fn parse(&mut self, table: &mut Table) -> Parsed {
        loop {
            match self.key(table, 0) {
                Ok(()) => {}
                Err(StrvalsError::End) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn key(&mut self, table: &mut Table, nesting: usize) -> Parsed {
        let Until { text: key, stop } = self.until(&['=', '[', ',', '.']);
        match stop {
            None if key.is_empty() => Err(StrvalsError::End),
            None => Err(StrvalsError::NoValue(key)),
            Some('[') => self.list(table, &key, nesting),
            Some('=') => self.value_of(table, &key),
            Some(',') => {
                set(table, &key, Value::String("".into()));
                Err(StrvalsError::EndsWithComma(key))
            }
            Some(_) => self.map(table, key, nesting + 1),
        }
    }

    fn list(&mut self, table: &mut Table, key: &str, nesting: usize) -> Parsed {
        let index = self.index()?;
        let mut list = match remove(table, key) {
            None => Vec::new(),
            Some(Value::List(items)) => items,
            Some(value) => return Err(wrong_type(&value, "[]interface {}")),
        };
        let result = self.list_item(&mut list, index, nesting);
        set(table, key, Value::List(list));
        result
    }

    fn map(&mut self, table: &mut Table, key: String, nesting: usize) -> Parsed {
        if NESTING_MAX < nesting {
            return Err(StrvalsError::TooNested);
        }
        let (mut inner, existed) = match remove(table, &key) {
            None => (Table::new(), false),
            Some(Value::Map(entries)) => (entries, true),
            Some(value) => return Err(wrong_type(&value, "map[string]interface {}")),
        };
        let result = self.key(&mut inner, nesting);
        let is_empty = inner.is_empty();
        if !is_empty || existed {
            set(table, &key, Value::Map(inner));
        }
        match result {
            Ok(()) if is_empty => Err(StrvalsError::EmptyMap(key)),
            result => result,
        }
    }

    fn value_of(&mut self, table: &mut Table, key: &str) -> Parsed {
        let Some(reader) = self.reader else {
            let json = self.json()?;
            set(table, key, json);
            self.is_empty_value();
            return Ok(());
        };
        match self.value(reader) {
            Ok(value) => set(table, key, value),
            Err(StrvalsError::End) => {
                set(table, key, Value::String("".into()));
                return Err(StrvalsError::End);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn list_item(&mut self, list: &mut Vec<Value>, index: i64, nesting: usize) -> Parsed {
        let position = usize::try_from(index).map_err(|_| StrvalsError::NegativeIndex(index))?;
        let Until { text, stop } = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            return Err(StrvalsError::AfterIndex(text));
        }
        match stop {
            None => Err(StrvalsError::End),
            Some('=') => {
                let value = match self.reader {
                    None => {
                        let json = self.json()?;
                        self.is_empty_value();
                        json
                    }
                    Some(reader) => match self.value(reader) {
                        Err(StrvalsError::End) => Value::String("".into()),
                        result => result?,
                    },
                };
                set_index(list, index, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get_mut(position).map(std::mem::take) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::List(items)) => items,
                    Some(value) => return Err(wrong_type(&value, "[]interface {}")),
                };
                self.list_item(&mut inner, next, nesting)?;
                set_index(list, index, Value::List(inner))
            }
            Some(_) => {
                let existing = list.get_mut(position);
                let existed = existing.is_some();
                let mut inner = match existing.map(std::mem::take) {
                    Some(Value::Map(entries)) => entries,
                    _ => Table::new(),
                };
                let result = self.key(&mut inner, nesting);
                if existed || result.is_ok() {
                    set_index(list, index, Value::Map(inner))?;
                }
                result
            }
        }
    }

    fn index(&mut self) -> Parsed<i64> {
        let Until { text, stop } = self.until(&[']']);
        if stop.is_none() {
            // Helm takes this, wrapped as it is, for the end of the text.
            return Err(StrvalsError::End);
        }
        parse_index(&text)
    }

    /// A list in braces, or text up to a comma; `End` when there is nothing at all.
    fn value(&mut self, reader: Reader<'_>) -> Parsed<Value> {
        let read = |text: &str| reader(text).map_err(StrvalsError::Read);
        match self.chars.get(self.place) {
            None => return Err(StrvalsError::End),
            Some('{') => self.place += 1,
            Some(_) => return read(&self.until(&[',']).text),
        }
        let mut items = Vec::new();
        loop {
            let Until { text, stop } = self.until(&[',', '}']);
            match stop {
                None => return Err(StrvalsError::OpenList),
                Some('}') => {
                    if self.chars.get(self.place) == Some(&',') {
                        self.place += 1;
                    }
                    items.push(read(&text)?);
                    return Ok(Value::List(items));
                }
                Some(_) => items.push(read(&text)?),
            }
        }
    }

    /// The JSON that comes next; nothing is null.
    fn json(&mut self) -> Parsed<Value> {
        if self.is_empty_value() {
            return Ok(Value::Null);
        }
        let rest: String = self.chars[self.place..].iter().collect();
        let mut stream = serde_json::Deserializer::from_str(&rest).into_iter();
        let json: serde_json::Value = match stream.next() {
            Some(Ok(json)) => json,
            _ => return Err(StrvalsError::Json),
        };
        self.place += rest[..stream.byte_offset()].chars().count();
        Ok(from_json(&json))
    }

    /// Eats blanks and a comma, and says whether a value ends here.
    fn is_empty_value(&mut self) -> bool {
        while let Some(it) = self.chars.get(self.place) {
            if *it != ',' && !it.is_whitespace() {
                return false;
            }
            self.place += 1;
            if self.chars[self.place - 1] == ',' {
                return true;
            }
        }
        true
    }

    /// Text up to a stop, which is eaten; `\` takes the next character as it is.
    fn until(&mut self, stops: &[char]) -> Until {
        let mut text = String::new();
        while let Some(it) = self.chars.get(self.place).copied() {
            self.place += 1;
            if stops.contains(&it) {
                return Until { text, stop: Some(it) };
            }
            if it != '\\' {
                text.push(it);
            } else if let Some(next) = self.chars.get(self.place) {
                text.push(*next);
                self.place += 1;
            }
        }
        Until { text, stop: None }
    }
}

/// Sets a key, unless it is empty.
fn set(table: &mut Table, key: &str, value: Value) {
    if !key.is_empty() {
        insert(table, key, value);
    }
}

fn set_index(list: &mut Vec<Value>, index: i64, value: Value) -> Parsed {
    let position = usize::try_from(index).map_err(|_| StrvalsError::NegativeIndex(index))?;
    if INDEX_MAX < position {
        return Err(StrvalsError::IndexTooLarge(index));
    }
    if list.len() <= position {
        list.resize(position + 1, Value::Null);
    }
    list[position] = value;
    Ok(())
}

/// Go's `Atoi`.
fn parse_index(text: &str) -> Parsed<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let problem = if is_number { "value out of range" } else { "invalid syntax" };
    match text.parse() {
        Ok(index) if is_number => Ok(index),
        _ => {
            let error = StrvalsError::Number(text.to_owned(), problem);
            Err(StrvalsError::Index(Box::new(error)))
        }
    }
}

/// Characters as Go prints them one by one with `%q`.
fn quote_runes(text: &str) -> String {
    let quote = |it: char| match it {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        it => {
            let quoted = gotmpl::strconv::quote(it.to_string().as_bytes());
            format!("'{}'", quoted.get(1..quoted.len() - 1).unwrap_or_default())
        }
    };
    text.chars().map(quote).collect::<Vec<_>>().join(" ")
}

fn wrong_type(value: &Value, expected: &'static str) -> StrvalsError {
    let found = match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
    };
    StrvalsError::Type { found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> Result<String, String> {
        let mut table = Table::new();
        for text in texts {
            parse_into(text, &|text| Ok(typed(text)), &mut table)
                .map_err(|error| error.to_string())?;
        }
        Ok(goyaml::print_v2(&Value::Map(table)))
    }

    #[test]
    fn texts_set_values() {
        for (text, expected) in [
            (
                "a=1,b=TRUE,c=null,d=01,e=1.5,f=",
                "a: 1\nb: true\nc: null\nd: \"01\"\ne: \"1.5\"\nf: \"\"\n",
            ),
            ("a={}", "a:\n- \"\"\n"),
            ("a={1,x},b=2", "a:\n- 1\n- x\nb: 2\n"),
            ("a[1].b=2", "a:\n- null\n- b: 2\n"),
            ("a[0][1]=x", "a:\n- - null\n  - x\n"),
            ("a\\.b=c\\,d", "a.b: c,d\n"),
            ("a=12345678901234567890", "a: \"12345678901234567890\"\n"),
            ("a=1e3", "a: \"1e3\"\n"),
            ("a[0].b=", "a: []\n"),
        ] {
            assert_eq!(set(&[text]).unwrap(), expected, "{text}");
        }
        assert_eq!(set(&["a.b=1", "a.c=2"]).unwrap(), "a:\n  b: 1\n  c: 2\n");
    }

    #[test]
    fn mistakes_are_worded_as_in_helm() {
        for (texts, expected) in [
            (&["a"][..], "key \"a\" has no value"),
            (&["a,b=1"], "key \"a\" has no value (cannot end with ,)"),
            (&["a={1"], "list must terminate with '}'"),
            (&["a[x]=1"], "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"),
            (&["a[-1]=1"], "negative -1 index not allowed"),
            (&["a[65537]=1"], "index of 65537 is greater than maximum supported index of 65536"),
            (
                &["a=1", "a.b=2"],
                "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}",
            ),
        ] {
            assert_eq!(set(texts).unwrap_err(), expected);
        }
    }
}
