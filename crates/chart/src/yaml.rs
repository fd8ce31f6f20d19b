//! Between what templates see and YAML.

use std::rc::Rc;

use gotmpl::{Kind, List, Map, Value};
use goyaml::{Dialect, Printer, sort_naturally};

use crate::functions::{self, TEXT_BYTES_MAX};

/// Prints a value as sigs.k8s.io/yaml's `Marshal`: by way of JSON; ends in a line break.
///
/// # Errors
/// Go's words for what JSON cannot hold, or YAML does not take of it.
pub(crate) fn to_yaml(value: &Value) -> Result<String, String> {
    let mut printer = Printer::new(Dialect::V2);
    match write(&mut printer, value) {
        Ok(()) => Ok(printer.finish()),
        Err(Detour) => {
            let json = functions::to_json(value)
                .map_err(|error| format!("error marshaling into JSON: {error}"))?;
            goyaml::through_json(&json).map_err(|error| error.to_string())
        }
    }
}

/// Prints a value as go.yaml.in/yaml v3 with an indentation of two; ends in a line break.
pub(crate) fn to_yaml_pretty(value: &Value) -> Result<String, String> {
    let mut printer = Printer::new(Dialect::V3);
    write_pretty(&mut printer, value)?;
    Ok(printer.finish())
}

/// Reads the first document of a text into an `interface {}`: every number is a `float64`.
///
/// # Errors
/// The text of the Go error.
pub(crate) fn from_yaml(text: &[u8]) -> Result<Value, String> {
    match goyaml::read(text) {
        Ok(value) => Ok(to_template_value(&value)),
        Err(error) => Err(format!("error converting YAML to JSON: {error}")),
    }
}

/// A value as templates see it after a decoder of JSON has put it into an `interface {}`.
pub(crate) fn to_template_value(value: &goyaml::Value) -> Value {
    match value {
        goyaml::Value::Null => Value::Nil,
        goyaml::Value::Bool(truth) => Value::Bool(*truth),
        goyaml::Value::Int(_) | goyaml::Value::Uint(_) | goyaml::Value::Float(_) => {
            Value::Float64(value.as_f64().unwrap_or_default())
        }
        goyaml::Value::String(text) => Value::from(&**text),
        goyaml::Value::List(items) => {
            Value::List(items.iter().map(to_template_value).collect::<List>())
        }
        goyaml::Value::Map(entries) => {
            let convert = |(key, value): &(Box<str>, goyaml::Value)| {
                (Rc::from(&**key), to_template_value(value))
            };
            Value::Map(Map::from_sorted(entries.iter().map(convert).collect()))
        }
    }
}

/// The value holds something that only the way through JSON gets right, or lies deeper than the
/// native stack should be used for: JSON has the words for that, too.
struct Detour;

/// How deep values may lie within each other; JSON stops there as well.
const DEPTH_MAX: usize = 1_000;

fn write(printer: &mut Printer, value: &Value) -> Result<(), Detour> {
    if printer.depth() > DEPTH_MAX || printer.len() > TEXT_BYTES_MAX {
        return Err(Detour);
    }
    match value {
        Value::Nil => printer.plain("null"),
        Value::Bool(truth) => printer.plain(if *truth { "true" } else { "false" }),
        Value::Int(number) | Value::Int64(number) => printer.plain(&number.to_string()),
        Value::Uint8(number) => printer.plain(&number.to_string()),
        Value::Uint64(number) => printer.plain(&number.to_string()),
        Value::Float64(number) => write_float(printer, *number)?,
        Value::String(text) => write_text(printer, text.as_utf8().ok_or(Detour)?)?,
        Value::List(list) if list.is_nil() => printer.plain("null"),
        Value::List(list) => write_list(printer, list.iter(), write)?,
        Value::Strings(Some(texts)) => write_list(printer, texts.iter(), |printer, text| {
            write_text(printer, text.as_utf8().ok_or(Detour)?)
        })?,
        Value::Ints(numbers) => write_list(printer, numbers.iter(), |printer, number| {
            printer.plain(&number.to_string());
            Ok(())
        })?,
        Value::Map(map) | Value::Values(map) if !map.is_nil() => write_map(printer, map)?,
        _ => return Err(Detour),
    }
    Ok(())
}

fn write_list<T>(
    printer: &mut Printer,
    items: impl ExactSizeIterator<Item = T>,
    write_item: impl Fn(&mut Printer, T) -> Result<(), Detour>,
) -> Result<(), Detour> {
    let is_empty = items.len() == 0;
    printer.begin_list(is_empty);
    for item in items {
        printer.item();
        write_item(printer, item)?;
    }
    if !is_empty {
        printer.end_list();
    }
    Ok(())
}

fn write_map(printer: &mut Printer, map: &Map) -> Result<(), Detour> {
    printer.begin_map(map.is_empty());
    if map.is_empty() {
        return Ok(());
    }
    let keys = map.keys();
    let mut order: Vec<&str> = keys.iter().map(|key| &**key).collect();
    sort_naturally(Dialect::V2, &mut order, |key| key);
    let is_sorted = order.iter().zip(&keys).all(|(one, two)| **one == **two);
    if is_sorted {
        map.visit(|key, value| write_entry(printer, key, value))?;
    } else {
        for key in order {
            write_entry(printer, key, &map.get(key).unwrap_or_default())?;
        }
    }
    printer.end_map();
    Ok(())
}

fn write_entry(printer: &mut Printer, key: &str, value: &Value) -> Result<(), Detour> {
    if goyaml::needs_detour(key, true) {
        return Err(Detour);
    }
    printer.key(key);
    write(printer, value)
}

fn write_text(printer: &mut Printer, text: &str) -> Result<(), Detour> {
    if goyaml::needs_detour(text, false) {
        return Err(Detour);
    }
    printer.string(text);
    Ok(())
}

/// A number as JSON writes it, YAML reads it, and YAML writes it again: integers lose their exponent.
fn write_float(printer: &mut Printer, number: f64) -> Result<(), Detour> {
    if !number.is_finite() {
        return Err(Detour);
    }
    // From there on, what JSON writes fits neither of Go's integer types, and stays a float.
    const INTEGER_MAX: f64 = 18_446_744_073_709_551_615.0;
    const INTEGER_MIN: f64 = -9_223_372_036_854_775_808.0;
    if number == 0.0 {
        printer.plain("0");
    } else if number.fract() == 0.0 && INTEGER_MIN < number && number < INTEGER_MAX {
        printer.plain(&goyaml::format_json(number));
    } else {
        printer.plain(&goyaml::format_g(number));
    }
    Ok(())
}

fn write_pretty(printer: &mut Printer, value: &Value) -> Result<(), String> {
    if printer.depth() > DEPTH_MAX {
        return Err(format!("values lie more than {DEPTH_MAX} deep within each other"));
    }
    if printer.len() > TEXT_BYTES_MAX {
        return Err(format!("text is longer than {TEXT_BYTES_MAX} bytes"));
    }
    match value {
        Value::Nil => printer.plain("null"),
        Value::Bool(truth) => printer.plain(if *truth { "true" } else { "false" }),
        Value::Int(number) | Value::Int64(number) => printer.plain(&number.to_string()),
        Value::Uint8(number) => printer.plain(&number.to_string()),
        Value::Uint64(number) => printer.plain(&number.to_string()),
        Value::Float64(number) => printer.plain(&match number {
            _ if number.is_nan() => ".nan".to_owned(),
            _ if number.is_infinite() => if *number < 0.0 { "-.inf" } else { ".inf" }.to_owned(),
            _ => goyaml::format_g(*number),
        }),
        Value::String(text) => match text.as_utf8() {
            Some(text) => printer.string(text),
            None => return Err("text that is not UTF-8 is not supported here".to_owned()),
        },
        Value::List(list) => write_pretty_list(printer, list.iter().cloned())?,
        Value::Strings(texts) => {
            let texts = texts.iter().flat_map(|texts| texts.iter().cloned().map(Value::String));
            write_pretty_list(printer, texts)?;
        }
        Value::Ints(numbers) => {
            write_pretty_list(printer, numbers.iter().copied().map(Value::Int))?;
        }
        Value::Bytes(bytes) => {
            write_pretty_list(printer, bytes.iter().copied().map(Value::Uint8))?;
        }
        Value::Map(map) | Value::Values(map) => write_pretty_map(printer, map.entries())?,
        Value::StringMap(entries) => {
            let convert = |(key, value): &(gotmpl::Str, gotmpl::Str)| {
                (key.to_shared(), Value::String(value.clone()))
            };
            write_pretty_map(printer, entries.iter().map(convert).collect())?;
        }
        Value::Complex128(..) => return Err("cannot marshal type: complex128".to_owned()),
        Value::Object(object) if object.as_any().is::<functions::Version>() => {
            printer.string(&object.to_text().unwrap_or_default());
        }
        Value::Object(object) if object.as_any().is::<functions::Time>() => {
            let time = object.as_any().downcast_ref::<functions::Time>();
            printer.plain(&time.map(functions::Time::to_rfc3339).unwrap_or_default());
        }
        Value::Object(object) if object.kind() == Kind::Slice => {
            write_pretty_list(printer, object.entries().into_iter().map(|(_, value)| value))?;
        }
        Value::Object(object) => {
            return Err(format!("toYamlPretty of {} is not supported here", object.type_name()));
        }
    }
    Ok(())
}

fn write_pretty_list(
    printer: &mut Printer,
    items: impl Iterator<Item = Value>,
) -> Result<(), String> {
    let mut items = items.peekable();
    let is_empty = items.peek().is_none();
    printer.begin_list(is_empty);
    for item in items {
        printer.item();
        write_pretty(printer, &item)?;
    }
    if !is_empty {
        printer.end_list();
    }
    Ok(())
}

fn write_pretty_map(
    printer: &mut Printer,
    mut entries: Vec<(Rc<str>, Value)>,
) -> Result<(), String> {
    printer.begin_map(entries.is_empty());
    if entries.is_empty() {
        return Ok(());
    }
    sort_naturally(Dialect::V3, &mut entries, |(key, _)| key);
    for (key, value) in entries {
        printer.key(&key);
        write_pretty(printer, &value)?;
    }
    printer.end_map();
    Ok(())
}
