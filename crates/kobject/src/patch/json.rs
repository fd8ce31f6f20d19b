//! JSON patch (RFC 6902) with the leniency of the library that the real server uses.
//!
//! Source: `gopkg.in/evanphx/json-patch.v4` 4.12. It differs from the RFC: `test` of null holds for an absent
//! field, `replace` of an absent field adds it, indexes may be negative, `copy` of an absent field copies null.

use serde_json::Value;

use super::PatchError;

/// Applies a list of operations in order; when one fails nothing is changed.
///
/// # Errors
/// [`PatchError::Malformed`] when the patch is no list of operations, [`PatchError::Operation`] when one does
/// not apply.
pub fn json_patch(target: &Value, patch: &Value) -> Result<Value, PatchError> {
    let malformed = |problem: &str| PatchError::Malformed { problem: problem.to_owned() };
    let operations = patch.as_array().ok_or_else(|| malformed("a JSON patch is a list"))?;
    let mut patched = target.clone();
    for operation in operations {
        let text = |key: &str| {
            operation[key]
                .as_str()
                .ok_or_else(|| malformed(&format!("operation, missing {key} field")))
        };
        let (path, value) = (text("path")?, &operation["value"]);
        match text("op")? {
            "add" => add(&mut patched, path, value.clone(), "add")?,
            "remove" => remove(&mut patched, path, "remove")?,
            "replace" => replace(&mut patched, path, value)?,
            "move" => shift(&mut patched, text("from")?, path)?,
            "copy" => copy(&mut patched, text("from")?, path)?,
            "test" => test(&mut patched, path, value)?,
            other => return Err(malformed(&format!("Unexpected kind: {other}"))),
        }
    }
    Ok(patched)
}

fn fails(operation: String, cause: impl Into<String>) -> PatchError {
    PatchError::Operation { operation, cause: cause.into() }
}

const MISSING: &str = "missing value";
const TEST_FAILED: &str = "test failed";

/// The map or list that holds the last step of a path, and that step.
fn container<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let mut steps = path.split('/').map(|it| it.replace("~1", "/").replace("~0", "~"));
    if !steps.next()?.is_empty() {
        return None;
    }
    let mut steps: Vec<String> = steps.collect();
    let last = steps.pop()?;
    let mut found = document;
    for step in steps {
        found = match found {
            Value::Object(map) => map.get_mut(&step)?,
            Value::Array(items) => {
                let at = index(&step, items.len()).ok()?;
                items.get_mut(at)?
            }
            _ => return None,
        };
    }
    (found.is_object() || found.is_array()).then_some((found, last))
}

/// Reads the position of an item; a negative one counts from the end.
fn index(step: &str, n_items: usize) -> Result<usize, String> {
    let at: i64 =
        step.parse().map_err(|_| format!("strconv.Atoi: parsing {step:?}: invalid syntax"))?;
    let n_items = i64::try_from(n_items).unwrap_or(i64::MAX);
    let at = if at < 0 { at + n_items } else { at };
    usize::try_from(at)
        .ok()
        .filter(|_| at < n_items)
        .ok_or_else(|| format!("Unable to access invalid index: {step}: invalid index referenced"))
}

fn add(document: &mut Value, path: &str, value: Value, operation: &str) -> Result<(), PatchError> {
    let Some((holder, key)) = container(document, path) else {
        let text = format!("{operation} operation does not apply: doc is missing path: \"{path}\"");
        return Err(fails(text, MISSING));
    };
    match holder {
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(&key, items.len() + 1).map_err(|cause| {
                fails(format!("error in {operation} for path: '{path}'"), cause)
            })?;
            items.insert(at, value);
        }
        Value::Object(map) => {
            map.insert(key, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str, operation: &str) -> Result<(), PatchError> {
    let Some((holder, key)) = container(document, path) else {
        let text = format!("{operation} operation does not apply: doc is missing path: \"{path}\"");
        return Err(fails(text, MISSING));
    };
    let wrong = |cause: String| fails(format!("error in {operation} for path: '{path}'"), cause);
    match holder {
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(wrong)?;
            items.remove(at);
        }
        Value::Object(map) => {
            let removed = map.remove(&key);
            removed.ok_or_else(|| {
                wrong(format!("Unable to remove nonexistent key: {key}: {MISSING}"))
            })?;
        }
        _ => {}
    }
    Ok(())
}

fn replace(document: &mut Value, path: &str, value: &Value) -> Result<(), PatchError> {
    if path.is_empty() {
        *document = value.clone();
        return Ok(());
    }
    let missing = |what| {
        fails(format!("replace operation does not apply: doc is missing {what}: {path}"), MISSING)
    };
    let (holder, key) = container(document, path).ok_or_else(|| missing("path"))?;
    match holder {
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(|_| missing("key"))?;
            items[at] = value.clone();
        }
        Value::Object(map) => {
            map.insert(key, value.clone());
        }
        _ => {}
    }
    Ok(())
}

/// The value at a path; null where a map has no such key.
fn value_at(document: &mut Value, path: &str, operation: &str) -> Result<Value, PatchError> {
    let Some((holder, key)) = container(document, path) else {
        let text =
            format!("{operation} operation does not apply: doc is missing from path: {path}");
        return Err(fails(text, MISSING));
    };
    match holder {
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(|cause| {
                fails(format!("error in {operation} for path: '{path}'"), cause)
            })?;
            Ok(items[at].clone())
        }
        holder => Ok(holder[key.as_str()].clone()),
    }
}

fn shift(document: &mut Value, from: &str, path: &str) -> Result<(), PatchError> {
    let value = value_at(document, from, "move")?;
    remove(document, from, "move")?;
    add(document, path, value, "move")
}

fn copy(document: &mut Value, from: &str, path: &str) -> Result<(), PatchError> {
    let value = value_at(document, from, "copy")?;
    add(document, path, value, "copy")
}

fn test(document: &mut Value, path: &str, value: &Value) -> Result<(), PatchError> {
    let failed = || fails(format!("testing value {path} failed"), TEST_FAILED);
    if path.is_empty() {
        return if document == value { Ok(()) } else { Err(failed()) };
    }
    let Some((holder, key)) = container(document, path) else {
        return Err(fails(
            format!("test operation does not apply: is missing path: {path}"),
            MISSING,
        ));
    };
    let found = match holder {
        Value::Array(items) => {
            let at = index(&key, items.len())
                .map_err(|cause| fails(format!("error in test for path: '{path}'"), cause))?;
            &items[at]
        }
        holder => &holder[key.as_str()],
    };
    if found == value { Ok(()) } else { Err(failed()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(target: &Value, patch: &Value, expect: &Value) {
        assert_eq!(&json_patch(target, patch).unwrap(), expect, "{patch}");
    }

    #[test]
    fn operations_apply_in_order() {
        let target = json!({"a": {"b/c": 1}, "l": [1, 2, 3]});
        check(
            &target,
            &json!([{"op": "add", "path": "/l/-", "value": 4}]),
            &json!({"a": {"b/c": 1}, "l": [1, 2, 3, 4]}),
        );
        check(
            &target,
            &json!([{"op": "add", "path": "/l/1", "value": 9}]),
            &json!({"a": {"b/c": 1}, "l": [1, 9, 2, 3]}),
        );
        check(
            &target,
            &json!([{"op": "remove", "path": "/l/-1"}]),
            &json!({"a": {"b/c": 1}, "l": [1, 2]}),
        );
        check(
            &target,
            &json!([{"op": "replace", "path": "/a/b~1c", "value": 2}]),
            &json!({"a": {"b/c": 2}, "l": [1, 2, 3]}),
        );
        check(
            &target,
            &json!([{"op": "move", "from": "/l", "path": "/a/m"}]),
            &json!({"a": {"b/c": 1, "m": [1, 2, 3]}}),
        );
        check(
            &target,
            &json!([{"op": "test", "path": "/l/0", "value": 1}, {"op": "copy", "from": "/l/0", "path": "/k"}]),
            &json!({"a": {"b/c": 1}, "k": 1, "l": [1, 2, 3]}),
        );
    }

    #[test]
    fn upstream_leniency_is_kept() {
        check(&json!({}), &json!([{"op": "test", "path": "/a", "value": null}]), &json!({}));
        check(&json!({}), &json!([{"op": "replace", "path": "/a", "value": 1}]), &json!({"a": 1}));
        check(
            &json!({}),
            &json!([{"op": "copy", "from": "/a", "path": "/b"}]),
            &json!({"b": null}),
        );
    }

    fn error(target: &Value, patch: &Value) -> String {
        json_patch(target, patch).unwrap_err().to_string()
    }

    #[test]
    fn failures_are_worded_like_upstream() {
        assert_eq!(
            error(&json!({}), &json!([{"op": "remove", "path": "/a"}])),
            "error in remove for path: '/a': Unable to remove nonexistent key: a: missing value"
        );
        assert_eq!(
            error(&json!({}), &json!([{"op": "add", "path": "/a/b", "value": 1}])),
            "add operation does not apply: doc is missing path: \"/a/b\": missing value"
        );
        assert_eq!(
            error(&json!({"a": 1}), &json!([{"op": "test", "path": "/a", "value": 2}])),
            "testing value /a failed: test failed"
        );
        assert_eq!(
            error(&json!({"a": []}), &json!([{"op": "remove", "path": "/a/0"}])),
            "error in remove for path: '/a/0': Unable to access invalid index: 0: invalid index referenced"
        );
        assert!(json_patch(&json!({}), &json!({})).unwrap_err().is_bad_request());
    }
}
