//! Reading fields of an object: short accessors over a JSON value.

use jiff::Timestamp;
use kobject::meta;
use serde_json::{Map, Value, json};

pub(crate) use kobject::meta::{
    annotation, controller_of, generation, label, labels, name, namespace, owner_references,
    resource_version, uid,
};

use crate::kinds::Kind;

/// The value at a dotted path of plain keys: `spec.template.spec`.
pub(crate) fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(object, |value, key| value.get(key)).filter(|it| !it.is_null())
}

pub(crate) fn str_at<'a>(object: &'a Value, path: &str) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn int_at(object: &Value, path: &str) -> Option<i64> {
    at(object, path).and_then(Value::as_i64)
}

pub(crate) fn is_true_at(object: &Value, path: &str) -> bool {
    at(object, path).and_then(Value::as_bool).unwrap_or_default()
}

/// The items of a list; an absent list is empty.
pub(crate) fn list_at<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    at(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn map_at<'a>(object: &'a Value, path: &str) -> Option<&'a Map<String, Value>> {
    at(object, path).and_then(Value::as_object)
}

pub(crate) fn time_at(object: &Value, path: &str) -> Option<Timestamp> {
    str_at(object, path).parse().ok()
}

/// A `metav1.Time`: RFC 3339 in whole seconds.
pub(crate) fn time(timestamp: Timestamp) -> Value {
    Value::String(meta::time(timestamp))
}

pub(crate) fn is_deleted(object: &Value) -> bool {
    at(object, "metadata.deletionTimestamp").is_some()
}

pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    list_at(object, "metadata.finalizers").iter().any(|it| it == finalizer)
}

pub(crate) fn created(object: &Value) -> Timestamp {
    time_at(object, "metadata.creationTimestamp").unwrap_or_default()
}

pub(crate) fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    meta::is_controlled_by(object, uid(owner))
}

/// The reference by which `owner` manages another object.
pub(crate) fn controller_reference(kind: Kind, owner: &Value) -> Value {
    json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// Sets a key of an object's map, which is made when it is missing.
pub(crate) fn set(object: &mut Value, path: &[&str], value: Value) {
    let mut target = object;
    for key in path {
        if !target.is_object() {
            *target = json!({});
        }
        target = &mut target[*key];
    }
    *target = value;
}

/// The name's first `max` bytes without cutting a character.
pub(crate) fn truncate(name: &str, max: usize) -> &str {
    let mut end = name.len().min(max);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
