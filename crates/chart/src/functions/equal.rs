//! `reflect.DeepEqual`: types count, and 1 is not 1.0.

use gotmpl::{Map, Value};

/// How deep values may lie within each other; beyond it they count as equal, as in Go's cycles.
const DEPTH_MAX: usize = 1_000;
/// How many pairs of values are looked at; the rest counts as equal.
const PAIRS_MAX: usize = 1_000_000;

/// Whether both have the same type and the same contents.
pub(crate) fn deep_equal(one: &Value, two: &Value) -> bool {
    let mut n_left = PAIRS_MAX;
    equal(one, two, 0, &mut n_left)
}

fn equal(one: &Value, two: &Value, depth: usize, n_left: &mut usize) -> bool {
    if depth > DEPTH_MAX || *n_left == 0 {
        return true;
    }
    *n_left -= 1;
    match (one, two) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(one), Value::Bool(two)) => one == two,
        (Value::Int(one), Value::Int(two)) | (Value::Int64(one), Value::Int64(two)) => one == two,
        (Value::Uint8(one), Value::Uint8(two)) => one == two,
        (Value::Uint64(one), Value::Uint64(two)) => one == two,
        (Value::Float64(one), Value::Float64(two)) => one == two,
        (Value::Complex128(a, b), Value::Complex128(c, d)) => a == c && b == d,
        (Value::String(one), Value::String(two)) => one == two,
        (Value::List(one), Value::List(two)) => {
            one.is_nil() == two.is_nil()
                && one.len() == two.len()
                && one.iter().zip(two.iter()).all(|(one, two)| equal(one, two, depth + 1, n_left))
        }
        (Value::Strings(one), Value::Strings(two)) => one == two,
        (Value::Ints(one), Value::Ints(two)) => one == two,
        (Value::Bytes(one), Value::Bytes(two)) => one == two,
        (Value::Map(one), Value::Map(two)) | (Value::Values(one), Value::Values(two)) => {
            equal_maps(one, two, depth, n_left)
        }
        (Value::StringMap(one), Value::StringMap(two)) => one == two,
        (Value::Object(one), Value::Object(two)) => {
            one.type_name() == two.type_name()
                && one.is_equal(two.as_ref()).unwrap_or_else(|| {
                    let (one, two) = (one.entries(), two.entries());
                    one.len() == two.len()
                        && one.iter().zip(&two).all(|((a, b), (c, d))| {
                            equal(a, c, depth + 1, n_left) && equal(b, d, depth + 1, n_left)
                        })
                })
        }
        _ => false,
    }
}

fn equal_maps(one: &Map, two: &Map, depth: usize, n_left: &mut usize) -> bool {
    if one.is_same(two) {
        return true;
    }
    if one.is_nil() != two.is_nil() || one.len() != two.len() {
        return false;
    }
    let pairs = one.entries().into_iter().zip(two.entries());
    pairs.into_iter().all(|((key, value), (other_key, other_value))| {
        key == other_key && equal(&value, &other_value, depth + 1, n_left)
    })
}
