//! Whether an applied object fits its schema, in the words of the real server.

use serde_json::Value;

use super::{
    ApplyError,
    set::{is_associative, item_step, print},
};
use crate::{
    catalog::split_api_version,
    meta,
    schema::{ANY, Schema, Shape, Type},
};

/// Checks an applied object: fields, types, and keys of associative lists.
pub(super) fn check_typed(schema: &Schema, applied: &Value) -> Result<(), ApplyError> {
    let mut problems = Vec::new();
    walk(schema.root(), applied, "", &mut problems);
    let problems = match &problems[..] {
        [] => return Ok(()),
        [only] => only.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    let (group, version) = split_api_version(meta::api_version(applied));
    let object = format!(
        "{}/{}; {group}/{version}, Kind={}",
        meta::namespace(applied),
        meta::name(applied),
        meta::kind(applied)
    );
    Err(ApplyError::Typed { object, problems })
}

fn walk(at: &Type, value: &Value, path: &str, problems: &mut Vec<String>) {
    let mut wrong = |problem: String| {
        let separator = if path.is_empty() { "" } else { ": " };
        problems.push(format!("{path}{separator}{problem}"));
    };
    match (at.shape(), value) {
        (_, Value::Null) | (Shape::Any | Shape::AnyAtomic, _) => {}
        (Shape::Object | Shape::Map, Value::Object(map)) => {
            for (key, value) in map {
                let path = format!("{path}.{key}");
                match at.at_key(key) {
                    Some(field) => walk(field, value, &path, problems),
                    None => problems.push(format!("{path}: field not declared in schema")),
                }
            }
        }
        (Shape::Object | Shape::Map, other) => {
            wrong(format!("expected map, got {}", go_value(other)));
        }
        (Shape::List, Value::Array(items)) => walk_items(at, items, path, problems),
        (Shape::List, other) => wrong(format!("expected list, got {}", go_value(other))),
        (Shape::String(_), Value::String(_))
        | (Shape::Boolean, Value::Bool(_))
        | (Shape::Integer(_) | Shape::Number, Value::Number(_))
        | (Shape::IntOrString | Shape::Quantity, Value::String(_) | Value::Number(_)) => {}
        (Shape::String(_), other) => wrong(format!("expected string, got {}", go_value(other))),
        (Shape::Boolean, other) => wrong(format!("expected boolean, got {}", go_value(other))),
        (Shape::Integer(_) | Shape::Number, other) => {
            wrong(format!("expected numeric (int or float), got {}", go_type(other)));
        }
        (Shape::IntOrString | Shape::Quantity, other) => {
            wrong(format!("expected any scalar, got {}", go_value(other)));
        }
    }
}

fn walk_items(at: &Type, items: &[Value], path: &str, problems: &mut Vec<String>) {
    let below = at.element().unwrap_or(&ANY);
    let mut seen: Vec<String> = Vec::new();
    for (item_idx, item) in items.iter().enumerate() {
        if !is_associative(at) {
            walk(below, item, &format!("{path}[{item_idx}]"), problems);
            continue;
        }
        match item_step(at, item) {
            Err(problem) => problems.push(format!("{path}: element {item_idx}: {problem}")),
            Ok(step) if seen.contains(&step) => {
                problems.push(format!("{path}: duplicate entries for key {}", print(&step)));
            }
            Ok(step) => {
                walk(below, item, &format!("{path}{}", print(&step)), problems);
                seen.push(step);
            }
        }
    }
}

/// A value as Go's `%#v` prints it.
fn go_value(value: &Value) -> String {
    let inner = match value {
        Value::String(text) => format!("{text:?}"),
        Value::Object(_) | Value::Array(_) => format!("{}{}", go_type(value), "{...}"),
        other => other.to_string(),
    };
    format!("&value.valueUnstructured{{Value:{inner}}}")
}

/// The Go type of a decoded value, as `%T` prints it.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
