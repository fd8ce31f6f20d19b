//! Small readers and writers of what every object has: type, metadata, owners.
//!
//! Readers never fail: what is absent or of another type reads as empty.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// `apiVersion`, or the empty string.
pub fn api_version(object: &Value) -> &str {
    text(object, "apiVersion")
}

/// `kind`, or the empty string.
pub fn kind(object: &Value) -> &str {
    text(object, "kind")
}

/// `metadata.name`, or the empty string.
pub fn name(object: &Value) -> &str {
    text(&object["metadata"], "name")
}

/// `metadata.namespace`, or the empty string.
pub fn namespace(object: &Value) -> &str {
    text(&object["metadata"], "namespace")
}

/// `metadata.uid`, or the empty string.
pub fn uid(object: &Value) -> &str {
    text(&object["metadata"], "uid")
}

/// `metadata.generateName`, or the empty string.
pub fn generate_name(object: &Value) -> &str {
    text(&object["metadata"], "generateName")
}

/// `metadata.resourceVersion`, or the empty string.
pub fn resource_version(object: &Value) -> &str {
    text(&object["metadata"], "resourceVersion")
}

/// `metadata.generation`, or 0.
pub fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or(0)
}

/// The value of a label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    labels(object)?.get(key)?.as_str()
}

/// `metadata.labels`.
pub fn labels(object: &Value) -> Option<&Map<String, Value>> {
    object["metadata"]["labels"].as_object()
}

/// The value of an annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    annotations(object)?.get(key)?.as_str()
}

/// `metadata.annotations`.
pub fn annotations(object: &Value) -> Option<&Map<String, Value>> {
    object["metadata"]["annotations"].as_object()
}

/// `metadata.finalizers`; empty when there are none.
pub fn finalizers(object: &Value) -> Vec<&str> {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `metadata.ownerReferences`; empty when there are none.
pub fn owner_references(object: &Value) -> &[Value] {
    object["metadata"]["ownerReferences"].as_array().map_or(&[], Vec::as_slice)
}

/// The owner reference with `controller: true`.
pub fn controller_of(object: &Value) -> Option<&Value> {
    owner_references(object).iter().find(|it| it["controller"] == true)
}

/// Whether the object with this uid controls the object.
pub fn is_controlled_by(object: &Value, owner_uid: &str) -> bool {
    controller_of(object).is_some_and(|it| it["uid"] == owner_uid)
}

/// `metadata.creationTimestamp`.
pub fn creation_timestamp(object: &Value) -> Option<Timestamp> {
    timestamp(&object["metadata"]["creationTimestamp"])
}

/// `metadata.deletionTimestamp`; present from the moment that deletion was asked for.
pub fn deletion_timestamp(object: &Value) -> Option<Timestamp> {
    timestamp(&object["metadata"]["deletionTimestamp"])
}

/// Reads an RFC 3339 time; `None` when the value is no string or no time.
pub fn timestamp(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Writes a metav1.Time: RFC 3339 in UTC, whole seconds.
pub fn time(at: Timestamp) -> String {
    format!("{}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Writes a metav1.MicroTime: RFC 3339 in UTC, six digits of a second.
pub fn micro_time(at: Timestamp) -> String {
    format!("{}", at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

/// The object's `metadata`, made when it is absent or no object; an object that is no map becomes one.
pub fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    object_mut(object_mut(object).entry("metadata").or_insert(Value::Null))
}

/// The condition of this type in `status.conditions`.
pub fn condition<'a>(object: &'a Value, condition_type: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|it| it["type"] == condition_type)
}

/// Whether the condition of this type is there with status `True`.
pub fn is_condition_true(object: &Value, condition_type: &str) -> bool {
    condition(object, condition_type).is_some_and(|it| it["status"] == "True")
}

/// The value as a map, after making it an empty one when it is something else.
pub(crate) fn object_mut(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made a map above")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_parts_read_as_empty() {
        let object = json!({});
        assert_eq!((name(&object), namespace(&object), generation(&object)), ("", "", 0));
        assert!(labels(&object).is_none() && owner_references(&object).is_empty());
        assert_eq!(creation_timestamp(&object), None);
    }

    #[test]
    fn controller_is_the_owner_that_says_so() {
        let object = json!({"metadata": {"ownerReferences": [
            {"uid": "a"}, {"uid": "b", "controller": true, "name": "web"}]}});
        assert_eq!(controller_of(&object).unwrap()["name"], "web");
        assert!(is_controlled_by(&object, "b") && !is_controlled_by(&object, "a"));
    }

    #[test]
    fn times_are_written_as_metav1_does() {
        let at: Timestamp = "2026-11-20T10:11:12.123456789Z".parse().unwrap();
        assert_eq!(time(at), "2026-11-20T10:11:12Z");
        assert_eq!(micro_time(at), "2026-11-20T10:11:12.123456Z");
    }

    #[test]
    fn metadata_is_made_when_absent() {
        let mut object = json!({"kind": "Pod"});
        metadata_mut(&mut object).insert("name".into(), "a".into());
        assert_eq!(object, json!({"kind": "Pod", "metadata": {"name": "a"}}));
    }
}
