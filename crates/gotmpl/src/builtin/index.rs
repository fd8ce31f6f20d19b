//! `index`, `slice` and `len`.

use std::rc::Rc;

use crate::{
    builtin::Result,
    eval::Operand,
    signature::CallError,
    value::{Kind, List, Value},
};

fn error<T>(text: impl Into<Rc<str>>) -> Result<T> {
    Err(CallError::text(text))
}

/// The length of what has one.
pub(super) fn len(operand: &Operand) -> Result<usize> {
    let value = match operand {
        // Go's `reflect.Value.Type` of no value panics, and that is the error.
        Operand::Invalid => {
            return error("reflect: call of reflect.Value.Type on zero Value");
        }
        Operand::Plain(value) | Operand::Interface(value) => value,
    };
    match value {
        Value::Nil => error("len of nil pointer"),
        value => match length(value) {
            Some(length) => Ok(length),
            None => error(format!("len of type {}", value.type_name().trim_start_matches('*'))),
        },
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.len()),
        Value::List(list) => Some(list.len()),
        Value::Strings(texts) => Some(texts.as_ref().map_or(0, |texts| texts.len())),
        Value::Ints(numbers) => Some(numbers.len()),
        Value::Bytes(bytes) => Some(bytes.len()),
        Value::Map(map) | Value::Values(map) => Some(map.len()),
        Value::StringMap(entries) => Some(entries.len()),
        Value::Object(object) if matches!(object.kind(), Kind::Slice | Kind::Map) => {
            Some(object.entries().len())
        }
        _ => None,
    }
}

/// `index x 1 2 3`: `x[1][2][3]`.
pub(super) fn index(args: Vec<Operand>) -> Result<Operand> {
    let mut args = args.into_iter();
    let mut item = args.next().map_or(Operand::Invalid, Operand::concrete);
    if matches!(item, Operand::Invalid) {
        return error("index of untyped nil");
    }
    for place in args {
        let Some(value) = item.as_value().filter(|value| !value.is_nil()) else {
            return error("index of nil pointer");
        };
        item = element(value, place.as_value().filter(|place| !place.is_nil()))?;
    }
    Ok(item)
}

fn element(value: &Value, place: Option<&Value>) -> Result<Operand> {
    if value.kind() == Kind::Map {
        return entry(value, place);
    }
    let Some(length) = length(value) else {
        let name = value.type_name().trim_start_matches('*');
        return error(format!("can't index item of type {name}"));
    };
    let place = position(place, length)?;
    if place == length {
        let of = if matches!(value, Value::String(_)) { "string" } else { "slice" };
        return error(format!("reflect: {of} index out of range"));
    }
    Ok(match value {
        Value::String(text) => Operand::Plain(Value::Uint8(text.as_bytes()[place])),
        Value::Bytes(bytes) => Operand::Plain(Value::Uint8(bytes[place])),
        Value::Ints(numbers) => Operand::Plain(Value::Int(numbers[place])),
        Value::List(list) => Operand::Interface(list[place].clone()),
        Value::Strings(Some(texts)) => Operand::Plain(Value::String(texts[place].clone())),
        Value::Object(object) => {
            let mut entries = object.entries();
            Operand::Plain(entries.swap_remove(place).1)
        }
        _ => return error("reflect: slice index out of range"),
    })
}

fn entry(value: &Value, key: Option<&Value>) -> Result<Operand> {
    let key = match key {
        Some(Value::String(key)) => key,
        Some(other) => {
            return error(format!("value has type {}; should be string", other.type_name()));
        }
        None => return error("value is nil; should be of type string"),
    };
    Ok(match value {
        Value::Map(map) | Value::Values(map) => {
            Operand::Interface(map.get(&key.to_text()).unwrap_or_default())
        }
        Value::StringMap(entries) => {
            let place = entries.binary_search_by(|(candidate, _)| candidate.cmp(key));
            let text = place.map_or_else(|_| "".into(), |place| entries[place].1.clone());
            Operand::Plain(Value::String(text))
        }
        Value::Object(object) => match object.field(&key.to_text()) {
            Some(value) => Operand::Plain(value),
            None => Operand::Interface(Value::Nil),
        },
        _ => Operand::Interface(Value::Nil),
    })
}

/// An index as a number up to the capacity.
fn position(place: Option<&Value>, capacity: usize) -> Result<usize> {
    let number = match place {
        Some(Value::Int(number) | Value::Int64(number)) => *number,
        Some(Value::Uint8(number)) => (*number).into(),
        Some(Value::Uint64(number)) => *number as i64,
        Some(other) => {
            return error(format!("cannot index slice/array with type {}", other.type_name()));
        }
        None => return error("cannot index slice/array with nil"),
    };
    match usize::try_from(number) {
        Ok(place) if place <= capacity => Ok(place),
        _ => error(format!("index out of range: {number}")),
    }
}

/// `slice x 1 2`: `x[1:2]`; a list's capacity is its length.
pub(super) fn slice(item: &Operand, places: &[Operand]) -> Result<Operand> {
    let Some(value) = item.as_value().filter(|value| !value.is_nil()) else {
        return error("slice of untyped nil");
    };
    if places.len() > 3 {
        return error(format!("too many slice indexes: {}", places.len()));
    }
    if places.len() == 3 && matches!(value, Value::String(_)) {
        return error("cannot 3-index slice a string");
    }
    let length = match value.kind() {
        Kind::String | Kind::Slice => length(value).unwrap_or_default(),
        _ => return error(format!("can't slice item of type {}", value.type_name())),
    };
    let mut bounds = [0, length, length];
    for (bound, place) in bounds.iter_mut().zip(places) {
        *bound = position(place.as_value().filter(|place| !place.is_nil()), length)?;
    }
    let [from, to, capacity] = bounds;
    if from > to {
        return error(format!("invalid slice index: {from} > {to}"));
    }
    if places.len() == 3 && to > capacity {
        return error(format!("invalid slice index: {to} > {capacity}"));
    }
    Ok(Operand::Plain(match value {
        Value::String(text) => Value::String(text.slice(from, to)),
        Value::Bytes(bytes) => Value::Bytes(bytes[from..to].into()),
        Value::Ints(numbers) => Value::Ints(numbers[from..to].into()),
        Value::List(list) => Value::List(list[from..to].iter().cloned().collect::<List>()),
        Value::Strings(texts) => Value::Strings(texts.as_ref().map(|texts| texts[from..to].into())),
        _ => return error(format!("can't slice item of type {}", value.type_name())),
    }))
}
