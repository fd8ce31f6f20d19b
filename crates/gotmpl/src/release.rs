//! Values are freed one after the other, not one within the other: they may lie too deep for the native stack.

use crate::value::Value;

/// Empties a list of values, and with it everything that nobody else holds.
pub(crate) fn release(values: &mut Vec<Value>) {
    if !values.iter().any(is_nested) {
        return;
    }
    let mut pending = std::mem::take(values);
    pending.retain(is_nested);
    while let Some(value) = pending.pop() {
        let inner = match value {
            Value::List(list) => list.into_own_values(),
            Value::Map(map) | Value::Values(map) => map.into_own_values(),
            _ => None,
        };
        pending.extend(inner.into_iter().flatten().filter(is_nested));
    }
}

/// Whether other values may be in it.
pub(crate) fn is_nested(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_) | Value::Values(_))
}

#[cfg(test)]
mod tests {
    use crate::value::{List, Map, Value};

    #[test]
    fn deep_values_are_freed() {
        let mut value = Value::Int(1);
        for place in 0..300_000 {
            value = match place % 3 {
                0 => Value::List(List::from(vec![value])),
                1 => Value::Map(Map::from_iter([("x", value)])),
                _ => {
                    let map = Map::from_iter([("x", value)]);
                    Value::Map(map.deep_copy())
                }
            };
        }
        drop(value);
    }
}
