//! TOML as BurntSushi/toml 1.6 writes it, and read by the toml crate.

use std::rc::Rc;

use gotmpl::{
    Kind, List, Map,
    Type::{Any, String as Text},
    Value,
    strconv::format_float,
};

use super::{
    Env, Function, Result,
    args::text,
    convert::items,
    date::{Time, read_rfc3339},
    fail, fixed,
    json::error_map,
    semver::Version,
};

/// How deep values may lie within each other.
const DEPTH_MAX: usize = 1_000;

pub(super) const FUNCTIONS: &[Function] =
    &[fixed("toToml", &[Any], to_toml), fixed("fromToml", &[Text], from_toml)];

fn to_toml(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    if args[0].is_nil() {
        return fail("reflect: call of reflect.Value.Type on zero Value");
    }
    let mut writer = Writer { out: String::new() };
    // An error is given as the text.
    Ok(match writer.value(&[], &args[0]) {
        Ok(()) => writer.out.into(),
        Err(error) => error.into(),
    })
}

type Written = std::result::Result<(), String>;

/// What a value is in TOML.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Shape {
    Nothing,
    Plain,
    Table,
    Array,
    TableArray,
}

struct Writer {
    out: String,
}

impl Writer {
    /// Writes a value under its key, or as the whole document.
    fn value(&mut self, key: &[Rc<str>], value: &Value) -> Written {
        if key.len() > DEPTH_MAX {
            return Err(format!("toml: tables lie more than {DEPTH_MAX} deep"));
        }
        match shape(value, 0)? {
            Shape::Nothing => Ok(()),
            Shape::Table => self.table(key, value),
            Shape::TableArray => self.tables(key, value),
            Shape::Plain | Shape::Array => {
                let Some(last) = key.last() else { return self.element(value) };
                self.indent(key);
                self.out.push_str(&quoted_key(last));
                self.out.push_str(" = ");
                self.element(value)?;
                self.out.push('\n');
                Ok(())
            }
        }
    }

    fn indent(&mut self, key: &[Rc<str>]) {
        self.out.extend(std::iter::repeat_n("  ", key.len() - 1));
    }

    /// A line break, but not at the very start.
    fn new_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn header(&mut self, key: &[Rc<str>], brackets: (&str, &str)) {
        self.indent(key);
        let parts: Vec<String> = key.iter().map(|part| quoted_key(part)).collect();
        self.out.extend([brackets.0, &parts.join("."), brackets.1, "\n"]);
    }

    fn table(&mut self, key: &[Rc<str>], value: &Value) -> Written {
        if key.len() == 1 {
            self.new_line();
        }
        if !key.is_empty() {
            self.header(key, ("[", "]"));
        }
        self.entries(key, value)
    }

    fn tables(&mut self, key: &[Rc<str>], value: &Value) -> Written {
        if key.is_empty() {
            return Err("toml: top-level values must be Go maps or structs".to_owned());
        }
        for table in items(value).unwrap_or_default() {
            self.new_line();
            self.header(key, ("[[", "]]"));
            self.entries(key, &table)?;
        }
        Ok(())
    }

    /// Plain values first, then tables.
    fn entries(&mut self, key: &[Rc<str>], value: &Value) -> Written {
        for (name, value) in in_order(value)? {
            let mut key = key.to_vec();
            key.push(name);
            self.value(&key, &value)?;
        }
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Written {
        match value {
            Value::Bool(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Value::Int(number) | Value::Int64(number) => self.out.push_str(&number.to_string()),
            Value::Uint8(number) => self.out.push_str(&number.to_string()),
            Value::Uint64(number) => self.out.push_str(&number.to_string()),
            Value::Float64(number) => self.float(*number),
            Value::String(text) => self.out.push_str(&quoted(&text.to_text())),
            Value::Map(_) | Value::Values(_) | Value::StringMap(_) => self.inline(value)?,
            Value::Object(object) => {
                if let Some(time) = value.downcast::<Time>() {
                    self.out.push_str(&time.to_rfc3339());
                } else if let Some(version) = value.downcast::<Version>() {
                    self.out.push_str(&quoted(&version.to_string()));
                } else if object.kind() == Kind::Slice {
                    self.array(value)?;
                } else {
                    self.inline(value)?;
                }
            }
            Value::Complex128(..) => return Err("unsupported type: complex128".to_owned()),
            _ => self.array(value)?,
        }
        Ok(())
    }

    fn float(&mut self, number: f64) {
        if !number.is_finite() {
            let sign = if number.is_sign_negative() { "-" } else { "" };
            self.out.extend([sign, if number.is_nan() { "nan" } else { "inf" }]);
            return;
        }
        let text = format_float(number, b'g', None);
        let is_whole = !text.contains(['.', 'e']);
        self.out.extend([text.as_str(), if is_whole { ".0" } else { "" }]);
    }

    fn array(&mut self, value: &Value) -> Written {
        self.out.push('[');
        for (place, item) in items(value).unwrap_or_default().iter().enumerate() {
            if place > 0 {
                self.out.push_str(", ");
            }
            self.element(item)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn inline(&mut self, value: &Value) -> Written {
        self.out.push('{');
        let entries = in_order(value)?;
        for (place, (name, value)) in entries.iter().enumerate() {
            self.out.extend([&quoted_key(name), " = "]);
            self.element(value)?;
            if place + 1 < entries.len() {
                self.out.push_str(", ");
            }
        }
        self.out.push('}');
        Ok(())
    }
}

fn shape(value: &Value, depth: usize) -> std::result::Result<Shape, String> {
    if depth > DEPTH_MAX {
        return Err(format!("toml: values lie more than {DEPTH_MAX} deep"));
    }
    let items = match value {
        Value::Nil => return Ok(Shape::Nothing),
        Value::Map(map) | Value::Values(map) if map.is_nil() => return Ok(Shape::Nothing),
        Value::List(list) if list.is_nil() => return Ok(Shape::Nothing),
        Value::Strings(None) => return Ok(Shape::Nothing),
        Value::Map(_) | Value::Values(_) | Value::StringMap(_) => return Ok(Shape::Table),
        Value::Complex128(..) => return Err("unsupported type: complex128".to_owned()),
        Value::Object(object) if object.kind() != Kind::Slice => {
            let is_plain = value.downcast::<Time>().is_some() || object.to_text().is_some();
            return Ok(if is_plain { Shape::Plain } else { Shape::Table });
        }
        other => match items(other) {
            Some(items) => items,
            None => return Ok(Shape::Plain),
        },
    };
    let mut is_tables = !items.is_empty();
    for item in &items {
        match shape(item, depth + 1)? {
            Shape::Nothing => return Err("toml: cannot encode array with nil element".to_owned()),
            Shape::Table => {}
            _ => is_tables = false,
        }
    }
    Ok(if is_tables { Shape::TableArray } else { Shape::Array })
}

type Entries = Vec<(Rc<str>, Value)>;

/// The entries of a table without nils: plain ones by key, then tables by key.
fn in_order(value: &Value) -> std::result::Result<Entries, String> {
    let entries: Entries = match value {
        Value::Map(map) | Value::Values(map) => map.entries(),
        Value::StringMap(entries) => entries
            .iter()
            .map(|(key, text)| (key.to_shared(), Value::String(text.clone())))
            .collect(),
        Value::Object(object) => object
            .entries()
            .into_iter()
            .filter_map(|(key, value)| Some((key.as_str()?.into(), value)))
            .collect(),
        _ => Vec::new(),
    };
    let (mut plain, mut tables) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        match shape(&value, 0)? {
            Shape::Nothing => {}
            Shape::Table | Shape::TableArray => tables.push((key, value)),
            Shape::Plain | Shape::Array => plain.push((key, value)),
        }
    }
    plain.extend(tables);
    Ok(plain)
}

fn quoted_key(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..' ' | '\u{7f}' => out.extend(["\\u", &format!("{:04x}", u32::from(it))]),
            _ => out.push(it),
        }
    }
    out.push('"');
    out
}

fn from_toml(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Map(match text(&args[0]).to_text().parse::<toml::Table>() {
        Ok(table) => read_table(table),
        Err(error) => error_map(format!("toml: {}", error.message())),
    }))
}

fn read_table(table: toml::Table) -> Map {
    table.into_iter().map(|(key, value)| (key, read(value))).collect()
}

fn read(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => Value::Int64(number),
        toml::Value::Float(number) => Value::Float64(number),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(time) => read_rfc3339(&time.to_string()),
        toml::Value::Array(items) => Value::List(items.into_iter().map(read).collect::<List>()),
        toml::Value::Table(table) => Value::Map(read_table(table)),
    }
}
