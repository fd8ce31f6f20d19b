//! The three ways to patch an object: JSON patch, JSON merge patch and strategic merge patch.

use serde_json::Value;
use thiserror::Error;

use crate::{meta::object_mut, schema::Schema};

mod json;
mod strategic;

pub use json::json_patch;

/// Why a patch does not apply; prints as the real server words it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatchError {
    /// The patch is no list of operations, or an operation lacks a part.
    #[error("error decoding patch: {problem}")]
    Malformed {
        /// What is wrong.
        problem: String,
    },
    /// An operation of a JSON patch does not apply to this document.
    #[error("{operation}: {cause}")]
    Operation {
        /// The operation and its path: `error in remove for path: '/a'`.
        operation: String,
        /// What is missing or wrong.
        cause: String,
    },
    /// A strategic merge patch is ill-formed.
    #[error("{problem}")]
    Strategic {
        /// What is wrong.
        problem: &'static str,
    },
    /// An item of a merged list lacks the key that tells items apart.
    #[error("map: {item} does not contain declared merge key: {merge_key}")]
    MissingMergeKey {
        /// The item.
        item: Value,
        /// The key.
        merge_key: String,
    },
    /// A `$patch` directive is none of `merge`, `replace` and `delete`.
    #[error("unknown patch type: {directive} in map: {item}")]
    UnknownDirective {
        /// The directive.
        directive: Value,
        /// The map that holds it.
        item: Value,
    },
    /// The items of a list that is merged are not all maps, or all scalars.
    #[error("list element types are not identical")]
    MixedList,
    /// The items of a patched list do not stand in the order that `$setElementOrder` says.
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    Order {
        /// The patched list.
        patch: Value,
        /// The order.
        order: Value,
    },
}

impl PatchError {
    /// Whether the real server answers 400; a JSON patch that does not apply is 422, the rest is 500.
    pub fn is_bad_request(&self) -> bool {
        matches!(self, Self::Malformed { .. } | Self::Strategic { .. })
    }
}

/// Applies a JSON merge patch (RFC 7396): maps are merged, null removes, all else replaces.
pub fn merge_patch(target: &Value, patch: &Value) -> Value {
    let mut merged = target.clone();
    merge_into(&mut merged, patch);
    merged
}

fn merge_into(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    let target = object_mut(target);
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge_into(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Applies a strategic merge patch by the merge keys and strategies of the schema.
///
/// Fields that the schema does not know are merged as JSON merge patch does.
/// Source: `k8s.io/apimachinery` 0.34, `pkg/util/strategicpatch`, as `StrategicMergeMapPatch` uses it.
///
/// # Errors
/// Every variant but [`PatchError::Operation`].
pub fn strategic_merge(
    schema: &Schema,
    target: &Value,
    patch: &Value,
) -> Result<Value, PatchError> {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else {
        return Err(PatchError::Strategic { problem: "invalid JSON document" });
    };
    strategic::merge_map(schema.root(), target.clone(), patch.clone()).map(Value::Object)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patch_follows_the_examples_of_rfc_7396() {
        for (target, patch, expect) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            assert_eq!(merge_patch(&target, &patch), expect, "{target} {patch}");
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0_i32..4).prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn merging_twice_is_merging_once(target in json_value(), patch in json_value()) {
            let once = merge_patch(&target, &patch);
            prop_assert_eq!(merge_patch(&once, &patch), once);
        }

        #[test]
        fn merging_an_object_with_itself_changes_nothing(target in json_value()) {
            prop_assert_eq!(merge_patch(&target, &target), target);
        }
    }
}
