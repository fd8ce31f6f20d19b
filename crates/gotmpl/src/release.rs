//! Values are freed one after the other, not one within the other: they may lie too deep for the native stack.

use std::mem;

use crate::value::Value;

/// Frees values, and with them everything that nobody else holds; those that hold no others are let be.
pub(crate) fn release<'v>(values: impl IntoIterator<Item = &'v mut Value>) {
    let mut pending = Vec::new();
    set_aside(values, &mut pending);
    while let Some(value) = pending.pop() {
        match value {
            Value::List(list) => list.give_up(&mut pending),
            Value::Map(map) | Value::Values(map) => map.give_up(&mut pending),
            _ => {}
        }
    }
}

/// Takes the values that hold others out of where they are.
pub(crate) fn set_aside<'v>(
    values: impl IntoIterator<Item = &'v mut Value>,
    pending: &mut Vec<Value>,
) {
    let nested = |it: &&mut Value| matches!(it, Value::List(_) | Value::Map(_) | Value::Values(_));
    pending.extend(values.into_iter().filter(nested).map(mem::take));
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
