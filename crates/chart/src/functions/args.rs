//! Arguments as the types that a function's signature promises.

use gotmpl::{List, Map, Str, Value};

/// A `string` argument.
pub(super) fn text(value: &Value) -> &Str {
    match value {
        Value::String(text) => text,
        other => unreachable!("a string was promised, not {other:?}"),
    }
}

/// An `int`, `int64` or `uint32` argument.
pub(super) fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint64(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        other => unreachable!("a number was promised, not {other:?}"),
    }
}

/// A `map[string]interface {}` argument.
pub(super) fn map(value: &Value) -> &Map {
    match value {
        Value::Map(map) => map,
        other => unreachable!("a map was promised, not {other:?}"),
    }
}

/// A `[]interface {}` argument.
pub(super) fn list(value: &Value) -> &List {
    match value {
        Value::List(list) => list,
        other => unreachable!("a list was promised, not {other:?}"),
    }
}

/// A `bool` argument.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        other => unreachable!("a bool was promised, not {other:?}"),
    }
}
