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

/// Who owns what before an object is applied: Helm's client-side writes as server-side ones, and `spec.replicas` as
/// nobody's when an autoscaler takes it over. `None` when nothing of that is to be changed.
///
/// Without the first, fields that leave the manifest would stay, owned by the old entry for ever; without the second,
/// replicas that leave it would fall back to one.
/// Source: client-go, `util/csaupgrade/upgrade.go`, `UpgradeManagedFieldsPatch`, as Helm 4.1.4 calls it; Kubernetes'
/// documentation of server-side apply, "Transferring ownership".
pub(crate) fn before_apply(live: &Value, leaves_replicas: bool) -> Option<Vec<Value>> {
    let mut entries = live["metadata"]["managedFields"].as_array()?.clone();
    let is_upgraded = upgrade_client_side(&mut entries);
    let mut is_left = false;
    if leaves_replicas {
        for entry in entries.iter_mut().filter(|it| is_helms(it)) {
            let spec = entry["fieldsV1"].get_mut("f:spec").and_then(Value::as_object_mut);
            is_left |= spec.is_some_and(|it| it.remove("f:replicas").is_some());
        }
    }
    (is_upgraded || is_left).then_some(entries)
}

/// The JSON patch that writes these entries, unless somebody changes the object meanwhile.
pub(crate) fn patch(live: &Value, entries: &[Value]) -> Value {
    json!([
        { "op": "replace", "path": "/metadata/managedFields", "value": entries },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] },
    ])
}

fn is_helms(entry: &Value) -> bool {
    entry["manager"] == MANAGER && object::text(&entry["subresource"]).is_empty()
}

/// Joins Helm's entries to one of server-side apply; false when none was written client-side.
fn upgrade_client_side(entries: &mut Vec<Value>) -> bool {
    if !entries.iter().any(|it| is_helms(it) && it["operation"] == "Update") {
        return false;
    }
    let (helms, mut others): (Vec<Value>, Vec<Value>) = entries.drain(..).partition(is_helms);
    let mut apply = json!({
        "manager": MANAGER, "operation": "Apply", "apiVersion": helms[0]["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": {},
    });
    for entry in helms {
        merge(&mut apply["fieldsV1"], &entry["fieldsV1"], "");
        apply["time"] = entry["time"].clone();
    }
    entries.push(apply);
    entries.append(&mut others);
    true
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

    use super::{Fields, before_apply, owned_by, patch};

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
        let entries = before_apply(&live, false).unwrap();
        assert_eq!(entries[0]["operation"], "Apply");
        assert_eq!(entries[0]["fieldsV1"], json!({ "f:data": { ".": {}, "f:a": {} } }));
        assert_eq!(entries[1]["manager"], "other");
        let patch = patch(&live, &entries);
        assert_eq!((&patch[0]["value"], &patch[1]["value"]), (&json!(entries), &json!("7")));
        let applied = json!({ "metadata": { "managedFields": [{ "manager": "helm", "operation": "Apply" }] } });
        assert_eq!(before_apply(&applied, true), None);
    }
}
