//! Who owns which field of a live object, read from its `managedFields`.

use serde_json::{Map, Value, json};

use crate::object;

/// The field manager that Helm and zarpa write as; the two share their releases.
pub const MANAGER: &str = "helm";

/// The key under which a union of sets keeps who owns a place; no field of `fieldsV1` is named so.
const BY: &str = "by";

/// A set of fields, as `fieldsV1` writes it: `f:name`, `k:{"name":"x"}`, `v:"x"`, and `.` for the place itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fields<'a> {
    Nothing,
    Some(&'a Map<String, Value>),
    /// This place and everything below it, with the managers that own it.
    Whole(&'a str),
}

impl<'a> Fields<'a> {
    pub(crate) fn of(set: &'a Value) -> Self {
        match set.as_object() {
            None => Self::Nothing,
            Some(set) if set.keys().all(|it| it == BY) => {
                Self::Whole(set.get(BY).map_or("", object::text))
            }
            Some(set) => Self::Some(set),
        }
    }

    /// The fields below a key of a map.
    pub(crate) fn field(self, name: &str) -> Self {
        match self {
            Self::Some(set) => set.get(&format!("f:{name}")).map_or(Self::Nothing, Self::of),
            whole_or_nothing => whole_or_nothing,
        }
    }

    /// The fields below the list item that has these keys.
    pub(crate) fn item(self, item: &Value) -> Self {
        let Self::Some(set) = self else { return self };
        let matching =
            set.iter().find(|(step, _)| keys(step).is_some_and(|keys| has_keys(item, &keys)));
        matching.map_or(Self::Nothing, |(_, below)| Self::of(below))
    }

    /// Says that a list of scalars is owned item by item.
    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::Some(set) if set.keys().any(|it| it.starts_with("v:")))
    }

    pub(crate) fn has_member(self, member: &Value) -> bool {
        match self {
            Self::Nothing => false,
            Self::Some(set) => set.contains_key(&format!("v:{member}")),
            Self::Whole(_) => true,
        }
    }

    /// The names of the keys by which the server tells the items of a list apart.
    pub(crate) fn key_names(self) -> Option<Vec<String>> {
        let Self::Some(set) = self else { return None };
        let keys = set.keys().find_map(|it| keys(it))?;
        Some(keys.as_object()?.keys().cloned().collect())
    }

    /// The managers of this very place; none when only places below it are owned.
    pub(crate) fn managers(self) -> Option<&'a str> {
        match self {
            Self::Whole(managers) => Some(managers),
            Self::Nothing | Self::Some(_) => None,
        }
    }

    pub(crate) fn is_nothing(self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// The fields of the managers for which `is_wanted` holds, together, each with who owns it.
///
/// What is written through `status` is nobody's in this sense; what `kubectl scale` writes is.
pub(crate) fn owned_by(live: &Value, is_wanted: impl Fn(&str) -> bool) -> Value {
    let mut union = Value::Null;
    for entry in object::items(&live["metadata"]["managedFields"]) {
        let manager = object::text(&entry["manager"]);
        if is_wanted(manager) && entry["subresource"] != "status" {
            merge(&mut union, &entry["fieldsV1"], manager);
        }
    }
    union
}

/// Says that Helm wrote the object client-side: then `helm` owns every default that the server filled in as well.
pub(crate) fn is_client_side(live: &Value) -> bool {
    let mut entries = object::items(&live["metadata"]["managedFields"]);
    entries.any(|it| {
        it["manager"] == MANAGER
            && it["operation"] == "Update"
            && object::text(&it["subresource"]).is_empty()
    })
}

/// The JSON patch that turns what Helm wrote client-side into server-side ownership; none when there is nothing to turn.
///
/// Without it, fields that leave the manifest would stay, owned by the old entry for ever.
/// Source: client-go, `util/csaupgrade/upgrade.go`, `UpgradeManagedFieldsPatch`, as Helm 4.1.4 calls it.
pub fn client_side_upgrade(live: &Value) -> Option<Value> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let is_helm =
        |it: &Value| it["manager"] == MANAGER && object::text(&it["subresource"]).is_empty();
    let is_client_side = |it: &Value| is_helm(it) && it["operation"] == "Update";
    if !entries.iter().any(is_client_side) {
        return None;
    }
    let api_version = entries.iter().find(|it| is_helm(it)).map(|it| it["apiVersion"].clone());
    let mut apply = json!({
        "manager": MANAGER, "operation": "Apply", "apiVersion": api_version, "fieldsType": "FieldsV1", "fieldsV1": {},
    });
    let mut kept = Vec::new();
    for entry in entries {
        if is_helm(entry) {
            merge(&mut apply["fieldsV1"], &entry["fieldsV1"], "");
            apply["time"] = entry["time"].clone();
        } else {
            kept.push(entry.clone());
        }
    }
    kept.insert(0, apply);
    Some(json!([
        { "op": "replace", "path": "/metadata/managedFields", "value": kept },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] },
    ]))
}

/// Adds one set of fields to another; its leaves note their manager, unless that is nobody.
fn merge(into: &mut Value, from: &Value, manager: &str) {
    let Some(from) = from.as_object() else { return };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Some(into) = into.as_object_mut() else { return };
    if from.is_empty() && !manager.is_empty() {
        let managers = match into.get(BY).and_then(Value::as_str) {
            Some(others) => format!("{others}, {manager}"),
            None => manager.to_owned(),
        };
        into.insert(BY.to_owned(), Value::from(managers));
    }
    for (step, below) in from {
        merge(into.entry(step.clone()).or_insert(Value::Null), below, manager);
    }
}

fn keys(step: &str) -> Option<Value> {
    serde_json::from_str(step.strip_prefix("k:")?).ok()
}

fn has_keys(item: &Value, keys: &Value) -> bool {
    keys.as_object()
        .is_some_and(|keys| keys.iter().all(|(key, value)| key_value(item, key) == *value))
}

/// The value of a list key, with the one default that Kubernetes gives a key: a port's protocol is TCP.
pub(crate) fn key_value(item: &Value, key: &str) -> Value {
    match &item[key] {
        Value::Null if key == "protocol" => Value::from("TCP"),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Fields, client_side_upgrade, owned_by};

    #[test]
    fn ownership_is_read_by_field_key_and_member() {
        let set = json!({ "f:spec": {
            "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {} } },
            "f:finalizers": { "v:\"a\"": {} },
        } });
        let spec = Fields::of(&set).field("spec");
        assert!(matches!(
            spec.field("ports").item(&json!({ "port": 80 })).field("port"),
            Fields::Whole(_)
        ));
        assert!(spec.field("ports").item(&json!({ "port": 81 })).is_nothing());
        assert!(spec.field("finalizers").has_member(&json!("a")));
        assert!(!spec.field("finalizers").has_member(&json!("b")));
        assert!(spec.field("replicas").is_nothing());
    }

    #[test]
    fn status_of_a_manager_is_no_part_of_its_fields() {
        let live = json!({ "metadata": { "managedFields": [
            { "manager": "helm", "fieldsV1": { "f:spec": { "f:a": {} } } },
            { "manager": "helm", "subresource": "status", "fieldsV1": { "f:status": {} } },
            { "manager": "kubectl", "fieldsV1": { "f:spec": { "f:b": {} } } },
            { "manager": "scaler", "subresource": "scale", "fieldsV1": { "f:spec": { "f:b": {} } } },
        ] } });
        let owner = |is_helm, field| {
            let fields = owned_by(&live, |it| (it == "helm") == is_helm);
            Fields::of(&fields).field("spec").field(field).managers().map(str::to_owned)
        };
        assert_eq!(owner(true, "a").as_deref(), Some("helm"));
        assert_eq!(owner(false, "b").as_deref(), Some("kubectl, scaler"));
        assert_eq!(owner(false, "a"), None);
        assert!(Fields::of(&owned_by(&live, |it| it == "helm")).field("status").is_nothing());
    }

    #[test]
    fn client_side_entry_becomes_an_apply_entry() {
        let live = json!({ "metadata": { "resourceVersion": "7", "managedFields": [
            { "manager": "other", "operation": "Update", "apiVersion": "v1", "fieldsV1": { "f:x": {} } },
            { "manager": "helm", "operation": "Update", "apiVersion": "v1", "time": "t", "fieldsV1": { "f:data": { ".": {}, "f:a": {} } } },
        ] } });
        let patch = client_side_upgrade(&live).unwrap();
        assert_eq!(patch[0]["value"][0]["operation"], "Apply");
        assert_eq!(patch[0]["value"][0]["fieldsV1"], json!({ "f:data": { ".": {}, "f:a": {} } }));
        assert_eq!(patch[0]["value"][1]["manager"], "other");
        assert_eq!(patch[1]["value"], "7");
        let applied = json!({ "metadata": { "managedFields": [{ "manager": "helm", "operation": "Apply" }] } });
        assert_eq!(client_side_upgrade(&applied), None);
    }
}
