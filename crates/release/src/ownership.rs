//! The label and annotations by which Helm knows the objects of a release.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::object;

pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub const HELM: &str = "Helm";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// A release, by name and namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Owner {
    pub name: String,
    pub namespace: String,
}

/// Adds the label and annotations that say to which release an object belongs; hooks get none.
pub fn mark(object: &mut Value, owner: &Owner) {
    set(object, "labels", MANAGED_BY, HELM);
    set(object, "annotations", RELEASE_NAME, &owner.name);
    set(object, "annotations", RELEASE_NAMESPACE, &owner.namespace);
}

/// What keeps a live object from being taken into a release; empty when it belongs there.
///
/// Source: Helm 4.1.4, `pkg/action/validate.go`, `checkOwnership`, with its sentences.
pub fn problems(live: &Value, owner: &Owner) -> Vec<String> {
    let metadata = [
        ("label", MANAGED_BY, object::label(live, MANAGED_BY), HELM),
        ("annotation", RELEASE_NAME, object::annotation(live, RELEASE_NAME), owner.name.as_str()),
        (
            "annotation",
            RELEASE_NAMESPACE,
            object::annotation(live, RELEASE_NAMESPACE),
            owner.namespace.as_str(),
        ),
    ];
    metadata
        .into_iter()
        .filter_map(|(what, key, found, want)| problem(what, key, found, want))
        .collect()
}

/// Says that a live object stays when a release drops it: its annotation is exactly `keep`.
pub fn is_kept_live(live: &Value) -> bool {
    object::annotation(live, RESOURCE_POLICY) == Some("keep")
}

/// Says that an object of a stored manifest stays when its release is uninstalled.
///
/// Any policy counts, also one that Helm does not know: such an object is never deleted.
/// Source: Helm 4.1.4, `pkg/action/resource_policy.go`.
pub fn is_kept_stored(manifest: &Value) -> bool {
    object::annotation(manifest, RESOURCE_POLICY).is_some()
}

fn problem(what: &str, key: &str, found: Option<&str>, want: &str) -> Option<String> {
    match found {
        Some(found) if found == want => None,
        Some(found) => Some(format!(
            "{what} validation error: key \"{key}\" must equal \"{want}\": current value is \"{found}\""
        )),
        None => Some(format!(
            "{what} validation error: missing key \"{key}\": must be set to \"{want}\""
        )),
    }
}

fn set(object: &mut Value, map: &str, key: &str, value: &str) {
    let Some(object) = object.as_object_mut() else { return };
    let Some(metadata) = entry(object, "metadata") else { return };
    if let Some(entries) = entry(metadata, map) {
        entries.insert(key.to_owned(), Value::from(value));
    }
}

/// The map below a key; what is null or absent becomes one.
fn entry<'m>(map: &'m mut Map<String, Value>, key: &str) -> Option<&'m mut Map<String, Value>> {
    let value = map.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Owner, is_kept_live, is_kept_stored, mark, problems};

    #[test]
    fn marked_objects_belong_to_their_release_alone() {
        let owner = Owner { name: "faro".to_owned(), namespace: "dev".to_owned() };
        let mut object = json!({ "metadata": { "name": "x", "annotations": null } });
        assert_eq!(problems(&object, &owner).len(), 3);
        mark(&mut object, &owner);
        assert!(problems(&object, &owner).is_empty());
        let other = Owner { name: "other".to_owned(), namespace: "dev".to_owned() };
        assert_eq!(
            problems(&object, &other),
            [
                "annotation validation error: key \"meta.helm.sh/release-name\" must equal \"other\": current value is \"faro\""
            ]
        );
    }

    #[test]
    fn policy_keep_is_exact_on_live_objects_and_any_in_manifests() {
        let with = |policy: &str| json!({ "metadata": { "annotations": { "helm.sh/resource-policy": policy } } });
        assert!(is_kept_live(&with("keep")));
        assert!(!is_kept_live(&with("KEEP")));
        assert!(is_kept_stored(&with("KEEP")));
        assert!(is_kept_stored(&with("delete")));
        assert!(!is_kept_stored(&json!({})));
    }
}
