//! Conversions that many functions share: sprig's `strval`, and numbers as spf13/cast reads them.

use gotmpl::{
    Kind, Str, Value,
    fmt::sprint,
    strconv::{parse_float, parse_int},
};

use super::Result;

/// sprig's `strval`: text as it is, anything else as `%v` shows it.
pub(super) fn strval(value: &Value) -> Result<Str> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => Str::from_bytes(bytes.to_vec()),
        other => sprint(std::slice::from_ref(other))?,
    })
}

/// `cast.ToInt64`: 0 for what is no number.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint8(number) => (*number).into(),
        Value::Uint64(number) => number.cast_signed(),
        Value::Float64(number) => float_to_int(*number),
        Value::Bool(truth) => (*truth).into(),
        Value::String(text) => {
            text.as_utf8().and_then(|text| parse_int(without_zero_decimals(text))).unwrap_or(0)
        }
        _ => 0,
    }
}

/// A float as Go converts it on amd64: what does not fit becomes the smallest number.
pub(super) fn float_to_int(number: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}

/// `5.00` as `5`.
fn without_zero_decimals(text: &str) -> &str {
    let trimmed = text.trim_end_matches('0');
    match trimmed.strip_suffix('.') {
        Some(whole) if trimmed.len() < text.len() => whole,
        _ => text,
    }
}

/// `cast.ToFloat64`: 0 for what is no number.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Uint8(number) => (*number).into(),
        Value::Uint64(number) => *number as f64,
        Value::Float64(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => text.as_utf8().and_then(parse_float).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// The items of any slice as values; nothing when it is none.
pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
    Some(match value {
        Value::List(list) => list.to_vec(),
        Value::Strings(texts) => {
            texts.iter().flat_map(|texts| texts.iter()).cloned().map(Value::String).collect()
        }
        Value::Ints(numbers) => numbers.iter().copied().map(Value::Int).collect(),
        Value::Bytes(bytes) => bytes.iter().copied().map(Value::Uint8).collect(),
        Value::Object(object) if object.kind() == Kind::Slice => {
            object.entries().into_iter().map(|(_, value)| value).collect()
        }
        _ => return None,
    })
}

/// sprig's `strslice`: every item as text, without the nils.
pub(super) fn strings(value: &Value) -> Result<Vec<Str>> {
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::Strings(texts) => Ok(texts.as_deref().unwrap_or_default().to_vec()),
        Value::List(list) => list.iter().filter(|item| !item.is_nil()).map(strval).collect(),
        other => match items(other) {
            Some(items) => items.iter().filter(|item| !item.is_nil()).map(strval).collect(),
            None => Ok(vec![strval(other)?]),
        },
    }
}
