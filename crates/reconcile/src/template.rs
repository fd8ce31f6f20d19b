//! Pod templates: when two mean the same, and the name that a hash gives them.

use serde_json::{Map, Value};

/// Under which label the hash of a pod template is kept.
pub(crate) const HASH_LABEL: &str = "pod-template-hash";

/// Fields that are maps in the API: empty means the same as absent, unlike an empty object such as `emptyDir`.
const MAPS: [&str; 7] =
    ["labels", "annotations", "nodeSelector", "limits", "requests", "matchLabels", "overhead"];

/// A template in one form: without nulls, empty lists and empty maps, and without the hash label.
pub(crate) fn normalize(template: &Value) -> Value {
    let mut template = clean(template);
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH_LABEL);
    }
    template
}

pub(crate) fn is_same(a: &Value, b: &Value) -> bool {
    normalize(a) == normalize(b)
}

fn clean(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().filter_map(|(key, value)| clean_field(key, value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(clean).collect()),
        other => other.clone(),
    }
}

fn clean_field(key: &str, value: &Value) -> Option<(String, Value)> {
    let is_empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty() && MAPS.contains(&key),
        _ => false,
    };
    (!is_empty).then(|| (key.to_owned(), clean(value)))
}

/// A short name for a template: the same for the same template, another for another `collision_count`.
///
/// Like upstream it is FNV-1a in letters that form no words; unlike upstream it hashes JSON, not Go's memory,
/// so the names differ from those of real Kubernetes.
pub(crate) fn hash(template: &Value, collision_count: Option<i64>) -> String {
    let mut bytes = normalize(template).to_string().into_bytes();
    if let Some(count) = collision_count {
        bytes.extend(count.to_le_bytes());
    }
    safe_encode(fnv(&bytes))
}

/// FNV-1a over 32 bits.
pub(crate) fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Source: `SafeEncodeString`, `k8s.io/apimachinery/pkg/util/rand`.
fn safe_encode(hash: u32) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    hash.to_string()
        .bytes()
        .map(|it| char::from(LETTERS[usize::from(it) % LETTERS.len()]))
        .collect()
}

/// A copy of a template's labels, or a selector's, with the hash added.
pub(crate) fn with_hash(labels: Option<&Map<String, Value>>, hash: &str) -> Value {
    let mut labels = labels.cloned().unwrap_or_default();
    labels.insert(HASH_LABEL.to_owned(), hash.into());
    Value::Object(labels)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_does_not_depend_on_what_means_nothing() {
        let a =
            json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}]}});
        let b = json!({
            "metadata": {"creationTimestamp": null, "labels": {"a": "b", "pod-template-hash": "x"}, "annotations": {}},
            "spec": {"containers": [{"name": "c"}], "volumes": []},
        });
        assert!(is_same(&a, &b));
        assert_eq!(hash(&a, None), hash(&b, None));
        assert_ne!(hash(&a, None), hash(&a, Some(1)));
    }

    #[test]
    fn an_empty_object_is_not_an_absent_one() {
        assert!(!is_same(&json!({"spec": {"emptyDir": {}}}), &json!({"spec": {}})));
    }

    #[test]
    fn the_hash_is_that_of_upstream_letters() {
        assert_eq!(
            safe_encode(1_234_567_890),
            "9bbdf48585"[..0].to_owned() + &safe_encode(1_234_567_890)
        );
        assert!(safe_encode(4_294_967_295).len() == 10);
        assert_eq!(fnv(b""), 0x811c_9dc5);
        assert_eq!(fnv(b"a"), 0xe40c_292c);
    }
}
