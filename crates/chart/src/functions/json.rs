//! JSON as Go's encoding/json writes it, and the functions that write and read it.

use gotmpl::{
    Kind, List, Map, Object, Str,
    Type::{Any, String as Text},
    Value,
};

use super::{
    Env, Function, Result, TEXT_BYTES_MAX,
    args::text,
    date::Time,
    encoding::{BASE64, encode},
    fail, fixed,
    semver::Version,
};
use crate::capabilities::BuildInfo;

mod decode;

/// How deep values may lie within each other; beyond it Go would have found a cycle.
const DEPTH_MAX: usize = 1_000;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toJson", &[Any], |_, args| Ok(written(&args[0], Escape::Html))),
    fixed("mustToJson", &[Any], |_, args| must(&args[0], Escape::Html, false)),
    fixed("toPrettyJson", &[Any], |_, args| {
        Ok(must(&args[0], Escape::Html, true).unwrap_or_else(|_| "".into()))
    }),
    fixed("mustToPrettyJson", &[Any], |_, args| must(&args[0], Escape::Html, true)),
    fixed("toRawJson", &[Any], |_, args| must(&args[0], Escape::Raw, false)),
    fixed("mustToRawJson", &[Any], |_, args| must(&args[0], Escape::Raw, false)),
    fixed("fromJson", &[Text], from_json),
    fixed("mustFromJson", &[Text], |_, args| match decode::decode(text(&args[0]).as_bytes()) {
        Ok(value) => Ok(value),
        Err(error) => fail(error),
    }),
    fixed("fromJsonArray", &[Text], from_json_array),
];

/// Whether `<`, `>` and `&` are escaped.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Escape {
    Html,
    Raw,
}

/// `json.Marshal`.
pub(crate) fn to_json(value: &Value) -> std::result::Result<String, String> {
    let mut writer = Writer { out: String::new(), escape: Escape::Html, indent: None, depth: 0 };
    writer.value(value)?;
    Ok(writer.out)
}

fn written(value: &Value, escape: Escape) -> Value {
    must(value, escape, false).unwrap_or_else(|_| "".into())
}

fn must(value: &Value, escape: Escape, is_pretty: bool) -> Result<Value> {
    let indent = is_pretty.then_some(0);
    let mut writer = Writer { out: String::new(), escape, indent, depth: 0 };
    match writer.value(value) {
        Ok(()) => Ok(writer.out.into()),
        Err(error) => fail(error),
    }
}

fn from_json(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Map(match decode::decode(text(&args[0]).as_bytes()) {
        Ok(Value::Map(map)) => map,
        Ok(Value::Nil) => Map::default(),
        Ok(other) => error_map(mismatch(&other, "map[string]interface {}")),
        Err(error) => error_map(error),
    }))
}

fn from_json_array(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(Value::List(match decode::decode(text(&args[0]).as_bytes()) {
        Ok(Value::List(list)) => list,
        Ok(Value::Nil) => List::default(),
        Ok(other) => List::from(vec![mismatch(&other, "[]interface {}").into()]),
        Err(error) => List::from(vec![error.into()]),
    }))
}

pub(super) fn error_map(error: String) -> Map {
    Map::from_iter([("Error", Value::from(error))])
}

/// What Go's decoder says when it finds something else than it should fill.
pub(super) fn mismatch(found: &Value, wanted: &str) -> String {
    let found = match found {
        Value::Bool(_) => "bool",
        Value::Float64(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "array",
        _ => "object",
    };
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}

struct Writer {
    out: String,
    escape: Escape,
    /// The level of indentation, when there is any.
    indent: Option<usize>,
    depth: usize,
}

type Written = std::result::Result<(), String>;

impl Writer {
    fn value(&mut self, value: &Value) -> Written {
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Value::Int(number) | Value::Int64(number) => self.out.push_str(&number.to_string()),
            Value::Uint8(number) => self.out.push_str(&number.to_string()),
            Value::Uint64(number) => self.out.push_str(&number.to_string()),
            Value::Float64(number) if number.is_finite() => {
                self.out.push_str(&goyaml::format_json(*number));
            }
            Value::Float64(number) => {
                let shown = gotmpl::strconv::format_float(*number, b'g', None);
                return Err(format!("json: unsupported value: {shown}"));
            }
            Value::Complex128(..) => return Err("json: unsupported type: complex128".to_owned()),
            Value::String(text) => self.go_text(text),
            Value::List(list) if list.is_nil() => self.out.push_str("null"),
            Value::List(list) => self.list(list.iter(), Self::value)?,
            Value::Strings(None) => self.out.push_str("null"),
            Value::Strings(Some(texts)) => self.list(texts.iter(), |it, text| {
                it.go_text(text);
                Ok(())
            })?,
            Value::Ints(numbers) => self.list(numbers.iter(), |it, number| {
                it.out.push_str(&number.to_string());
                Ok(())
            })?,
            Value::Bytes(bytes) => self.text(&encode(bytes, &BASE64)),
            Value::Map(map) | Value::Values(map) => self.map(map, value.type_name())?,
            // An empty one is nil wherever templates meet it: the annotations of a chart without any.
            Value::StringMap(entries) if entries.is_empty() => self.out.push_str("null"),
            Value::StringMap(entries) => {
                let mut table = self.begin('{', entries.is_empty());
                for (key, text) in entries.iter() {
                    self.key(&key.to_text(), &mut table);
                    self.go_text(text);
                }
                self.end('}', &table);
            }
            Value::Object(object) => self.object(object.as_ref())?,
        }
        Ok(())
    }

    fn map(&mut self, map: &Map, type_name: &str) -> Written {
        if map.is_nil() {
            self.out.push_str("null");
            return Ok(());
        }
        self.enter(type_name)?;
        let mut table = self.begin('{', map.is_empty());
        map.visit(|key, value| {
            self.key(key, &mut table);
            self.value(value)
        })?;
        self.end('}', &table);
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, object: &dyn Object) -> Written {
        if let Some(time) = object.as_any().downcast_ref::<Time>() {
            self.text(&time.to_rfc3339());
            return Ok(());
        }
        if let Some(version) = object.as_any().downcast_ref::<Version>() {
            self.text(&version.to_string());
            return Ok(());
        }
        if let Some(info) = object.as_any().downcast_ref::<BuildInfo>() {
            return self.map(&info.to_json_map(), "version.BuildInfo");
        }
        let entries = object.entries();
        if object.kind() == Kind::Slice {
            return self.list(entries.iter(), |it, (_, value)| it.value(value));
        }
        let mut table = self.begin('{', entries.is_empty());
        for (key, value) in &entries {
            self.key(&key.as_str().unwrap_or_default(), &mut table);
            self.value(value)?;
        }
        self.end('}', &table);
        Ok(())
    }

    fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Written,
    ) -> Written {
        self.enter("[]interface {}")?;
        let mut list = self.begin('[', items.len() == 0);
        for item in items {
            self.next(&mut list);
            write(self, item)?;
        }
        self.end(']', &list);
        self.depth -= 1;
        Ok(())
    }

    /// Goes a level deeper, unless that does not end.
    fn enter(&mut self, type_name: &str) -> Written {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("json: unsupported value: encountered a cycle via {type_name}"));
        }
        if self.out.len() > TEXT_BYTES_MAX {
            return Err(format!("json: text is longer than {TEXT_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    fn begin(&mut self, bracket: char, is_empty: bool) -> Level {
        self.out.push(bracket);
        if let Some(indent) = &mut self.indent {
            *indent += usize::from(!is_empty);
        }
        Level { is_empty, is_first: true }
    }

    fn next(&mut self, level: &mut Level) {
        if !std::mem::take(&mut level.is_first) {
            self.out.push(',');
        }
        self.new_line();
    }

    fn key(&mut self, key: &str, level: &mut Level) {
        self.next(level);
        self.text(key);
        self.out.push_str(if self.indent.is_some() { ": " } else { ":" });
    }

    fn end(&mut self, bracket: char, level: &Level) {
        if !level.is_empty {
            if let Some(indent) = &mut self.indent {
                *indent -= 1;
            }
            self.new_line();
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", indent));
        }
    }

    /// Text in quotes; bytes that are not UTF-8 become escapes.
    fn go_text(&mut self, text: &Str) {
        if let Some(text) = text.as_utf8() {
            return self.text(text);
        }
        self.out.push('"');
        for chunk in text.utf8_chunks() {
            self.escaped(chunk.valid());
            self.out.extend(chunk.invalid().iter().map(|_| "\\ufffd"));
        }
        self.out.push('"');
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        self.escaped(text);
        self.out.push('"');
    }

    fn escaped(&mut self, text: &str) {
        let mut start = 0;
        for (place, byte) in text.bytes().enumerate() {
            let escaped = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0x08 => "\\b",
                0x0c => "\\f",
                b'<' if self.escape == Escape::Html => "\\u003c",
                b'>' if self.escape == Escape::Html => "\\u003e",
                b'&' if self.escape == Escape::Html => "\\u0026",
                0..0x20 => {
                    self.out.push_str(&text[start..place]);
                    self.out.push_str("\\u00");
                    self.out.push(if byte < 0x10 { '0' } else { '1' });
                    self.out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
                    start = place + 1;
                    continue;
                }
                0xe2 if text[place..].starts_with('\u{2028}') => "\\u2028",
                0xe2 if text[place..].starts_with('\u{2029}') => "\\u2029",
                _ => continue,
            };
            self.out.push_str(&text[start..place]);
            self.out.push_str(escaped);
            start = place + if byte == 0xe2 { 3 } else { 1 };
        }
        self.out.push_str(&text[start..]);
    }
}

struct Level {
    is_empty: bool,
    is_first: bool,
}
