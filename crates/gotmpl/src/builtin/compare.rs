//! `eq`, `lt` and their kin.

use crate::{
    builtin::Result,
    eval::Operand,
    signature::CallError,
    value::{List, Value},
};

/// A value's basic kind, with the value.
enum Basic<'v> {
    Bool(bool),
    Complex(f64, f64),
    Int(i64),
    Float(f64),
    String(&'v [u8]),
    Uint(u64),
    Other,
}

fn basic(value: Option<&Value>) -> Basic<'_> {
    match value {
        Some(Value::Bool(truth)) => Basic::Bool(*truth),
        Some(Value::Int(number) | Value::Int64(number)) => Basic::Int(*number),
        Some(Value::Uint8(number)) => Basic::Uint((*number).into()),
        Some(Value::Uint64(number)) => Basic::Uint(*number),
        Some(Value::Float64(number)) => Basic::Float(*number),
        Some(Value::Complex128(real, imaginary)) => Basic::Complex(*real, *imaginary),
        Some(Value::String(text)) => Basic::String(text.as_bytes()),
        _ => Basic::Other,
    }
}

fn concrete(operand: &Operand) -> Option<&Value> {
    operand.as_value().filter(|value| !value.is_nil())
}

/// Whether the first equals one of the others.
pub(super) fn eq(first: &Operand, others: &[Operand]) -> Result<bool> {
    let first = concrete(first);
    if others.is_empty() {
        return Err(CallError::text("missing argument for comparison"));
    }
    for other in others {
        let other = concrete(other);
        let is_equal = match (basic(first), basic(other)) {
            (Basic::Bool(one), Basic::Bool(two)) => one == two,
            (Basic::Complex(one, i), Basic::Complex(two, j)) => one == two && i == j,
            (Basic::Int(one), Basic::Int(two)) => one == two,
            (Basic::Float(one), Basic::Float(two)) => one == two,
            (Basic::String(one), Basic::String(two)) => one == two,
            (Basic::Uint(one), Basic::Uint(two)) => one == two,
            (Basic::Int(int), Basic::Uint(uint)) | (Basic::Uint(uint), Basic::Int(int)) => {
                u64::try_from(int).is_ok_and(|int| int == uint)
            }
            (Basic::Other, Basic::Other) => eq_other(first, other)?,
            _ => match (first, other) {
                (Some(one), Some(two)) => return Err(incompatible(one, two)),
                _ => false,
            },
        };
        if is_equal {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Compares what are no basic kinds: nils, and what Go's `==` takes.
fn eq_other(one: Option<&Value>, two: Option<&Value>) -> Result<bool> {
    if let (Some(one), Some(two)) = (one, two)
        && one.kind() != two.kind()
    {
        return Err(CallError::text(format!(
            "non-comparable types {}: {}, {}: {}",
            shown(one),
            one.type_name(),
            two.type_name(),
            crate::fmt::shown(two)
        )));
    }
    if is_nil(one) || is_nil(two) {
        return Ok(is_nil(one) == is_nil(two));
    }
    let (Some(one), Some(two)) = (one, two) else { return Ok(false) };
    let is_equal = match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let is_same_type = one.type_name() == two.type_name();
            if is_same_type { one.is_equal(two.as_ref()) } else { Some(false) }
        }
        _ => None,
    };
    is_equal.ok_or_else(|| {
        CallError::text(format!("non-comparable type {}: {}", shown(two), two.type_name()))
    })
}

/// `%s` of a `reflect.Value` shows the value inside.
fn shown(value: &Value) -> String {
    match crate::fmt::sprintf(&"%s".into(), std::slice::from_ref(value)) {
        Ok(text) => text.to_string(),
        Err(reason) => format!("({reason})"),
    }
}

fn is_nil(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Nil) => true,
        Some(Value::List(list)) => List::is_nil(list),
        Some(Value::Strings(texts)) => texts.is_none(),
        Some(Value::Map(map) | Value::Values(map)) => map.is_nil(),
        _ => false,
    }
}

fn incompatible(one: &Value, two: &Value) -> CallError {
    let (one, two) = (one.type_name(), two.type_name());
    CallError::text(format!("incompatible types for comparison: {one} and {two}"))
}

pub(super) fn lt(one: &Operand, two: &Operand) -> Result<bool> {
    let bad = || CallError::text("invalid type for comparison");
    let (one, two) = (concrete(one), concrete(two));
    match (basic(one), basic(two)) {
        (Basic::Other, _) | (_, Basic::Other) => Err(bad()),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => Err(bad()),
        (Basic::Float(one), Basic::Float(two)) => Ok(one < two),
        (Basic::Int(one), Basic::Int(two)) => Ok(one < two),
        (Basic::String(one), Basic::String(two)) => Ok(one < two),
        (Basic::Uint(one), Basic::Uint(two)) => Ok(one < two),
        (Basic::Int(one), Basic::Uint(two)) => Ok(u64::try_from(one).map_or(true, |one| one < two)),
        (Basic::Uint(one), Basic::Int(two)) => Ok(u64::try_from(two).is_ok_and(|two| one < two)),
        _ => match (one, two) {
            (Some(one), Some(two)) => Err(incompatible(one, two)),
            _ => Err(bad()),
        },
    }
}

pub(super) fn le(one: &Operand, two: &Operand) -> Result<bool> {
    Ok(lt(one, two)? || eq(one, std::slice::from_ref(two))?)
}
