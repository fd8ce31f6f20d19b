//! Field changes: tables of one difference each, and the law that what was applied needs no change.

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use serde_json::{Map, Value, json};

use super::{Previous, changes};
use crate::fields::MANAGER;

/// The changes, one a line.
fn check(desired: &Value, previous: Option<&Value>, live: &Value) -> String {
    let previous = previous.map(|manifest| Previous { manifest, was_applied: true });
    let changes = changes(desired, previous, live);
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The fields of a value as a server records them for an applier.
fn field_set(value: &Value) -> Value {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(name, value)| (format!("f:{name}"), field_set(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items)
            if !items.is_empty() && items.iter().all(|it| it["name"].is_string()) =>
        {
            let keyed =
                items.iter().map(|it| (format!("k:{{\"name\":{}}}", it["name"]), field_set(it)));
            keyed.collect::<Map<_, _>>().into()
        }
        _ => json!({}),
    }
}

/// The live object after `helm` applied a manifest; the server adds a default and a status.
fn applied(manifest: &Value) -> Value {
    let mut live = manifest.clone();
    live["spec"]["serverDefault"] = json!("x");
    live["status"] = json!({ "ready": true });
    live["metadata"]["managedFields"] = json!([{ "manager": MANAGER, "operation": "Apply", "fieldsV1": { "f:spec": field_set(&manifest["spec"]) } }]);
    live
}

#[test]
fn scalar_change_is_one_line() {
    let old = json!({ "spec": { "replicas": 2, "template": { "containers": [{ "name": "faro", "image": "a:1" }] } } });
    let new = json!({ "spec": { "replicas": 3, "template": { "containers": [{ "name": "faro", "image": "a:2" }] } } });
    assert_eq!(
        check(&new, Some(&old), &applied(&old)),
        "spec.replicas: 2 → 3\nspec.template.containers[name=faro].image: \"a:1\" → \"a:2\""
    );
    assert_eq!(check(&old, Some(&old), &applied(&old)), "");
}

#[test]
fn dropped_fields_and_items_go_and_foreign_ones_stay() {
    let old = json!({ "spec": { "paused": true, "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] } });
    let new = json!({ "spec": { "env": [{ "name": "B", "value": "2" }] } });
    let mut live = applied(&old);
    live["spec"]["env"].as_array_mut().unwrap().push(json!({ "name": "INJECTED", "value": "3" }));
    assert_eq!(
        check(&new, Some(&old), &live),
        "spec.env[name=A]: {\"name\":\"A\",\"value\":\"1\"} removed\nspec.paused: true removed"
    );
    // Somebody else set the same field: it stays when we let go of it.
    live["metadata"]["managedFields"].as_array_mut().unwrap().push(
        json!({ "manager": "kubectl", "operation": "Apply", "fieldsV1": { "f:spec": { "f:paused": {} } } }),
    );
    assert_eq!(
        check(&new, Some(&old), &live),
        "spec.env[name=A]: {\"name\":\"A\",\"value\":\"1\"} removed"
    );
}

#[test]
fn what_the_server_writes_in_its_own_notation_is_no_change() {
    let manifest = json!({ "spec": { "limits": { "cpu": "1000m" } } });
    let mut live = applied(&manifest);
    live["spec"]["limits"]["cpu"] = json!("1");
    assert_eq!(check(&manifest, Some(&manifest), &live), "");
    assert_eq!(check(&manifest, None, &live), "spec.limits.cpu: \"1\" → \"1000m\"");
}

#[test]
fn after_a_failed_revision_live_fields_speak_for_themselves() {
    let manifest = json!({ "spec": { "replicas": 3 } });
    let live = applied(&json!({ "spec": { "replicas": 2 } }));
    let previous = Previous { manifest: &manifest, was_applied: false };
    assert_eq!(changes(&manifest, Some(previous), &live)[0].to_string(), "spec.replicas: 2 → 3");
}

#[test]
fn drift_by_another_writer_is_a_change() {
    let manifest = json!({ "spec": { "replicas": 3 } });
    let live = json!({ "metadata": { "managedFields": [
        { "manager": MANAGER, "operation": "Apply", "fieldsV1": { "f:spec": { "f:other": {} } } },
        { "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
    ] }, "spec": { "replicas": 1 } });
    assert_eq!(
        check(&manifest, Some(&manifest), &live),
        "spec.replicas: 1 → 3 (set by kubectl-edit)"
    );
}

#[test]
fn without_ownership_data_the_previous_manifest_tells_what_goes() {
    let old = json!({ "data": { "a": "1", "b": "2" } });
    let new = json!({ "data": { "a": "1" } });
    let live = json!({ "data": { "a": "1", "b": "2", "c": "3" } });
    assert_eq!(check(&new, Some(&old), &live), "data.b: \"2\" removed");
    assert_eq!(check(&new, None, &live), "");
}

#[test]
fn defaults_that_a_client_side_write_owns_stay() {
    let manifest = json!({ "spec": { "replicas": 3, "paused": true } });
    let mut live = applied(&manifest);
    live["metadata"]["managedFields"][0]["operation"] = json!("Update");
    live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:serverDefault"] = json!({});
    assert_eq!(check(&manifest, Some(&manifest), &live), "");
    let fewer = json!({ "spec": { "replicas": 3 } });
    assert_eq!(check(&fewer, Some(&manifest), &live), "spec.paused: true removed");
}

#[test]
fn ports_are_told_apart_by_number_and_protocol() {
    let desired = json!({ "kind": "Service", "spec": { "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "targetPort": 5 }] } });
    let live = json!({ "spec": { "ports": [
        { "port": 53, "protocol": "UDP", "targetPort": 53 }, { "port": 53, "protocol": "TCP", "targetPort": 53 },
    ] } });
    assert_eq!(check(&desired, None, &live), "spec.ports[port=53].targetPort: 53 → 5");
}

#[test]
fn string_data_is_compared_as_data() {
    let desired = json!({ "kind": "Secret", "stringData": { "a": "x" } });
    assert_eq!(check(&desired, None, &json!({ "kind": "Secret", "data": { "a": "eA==" } })), "");
    let live = json!({ "kind": "Secret", "data": { "a": "eQ==" } });
    assert_eq!(check(&desired, None, &live), "data.a: \"eQ==\" → \"eA==\"");
}

#[test]
fn order_of_containers_counts() {
    let desired = json!({ "spec": { "initContainers": [{ "name": "a" }, { "name": "b" }] } });
    let live = json!({ "spec": { "initContainers": [{ "name": "b" }, { "name": "a" }] } });
    assert_eq!(
        check(&desired, None, &live),
        "spec.initContainers: [\"[name=b]\",\"[name=a]\"] → [\"[name=a]\",\"[name=b]\"]"
    );
}

#[test]
fn defaults_inside_plain_lists_are_no_change() {
    let desired = json!({ "spec": { "rules": [{ "host": "a" }], "args": ["x"] } });
    let live =
        json!({ "spec": { "rules": [{ "host": "a", "pathType": "Exact" }], "args": ["x"] } });
    assert_eq!(check(&desired, Some(&desired), &live), "");
    let live = json!({ "spec": { "rules": [{ "host": "a" }], "args": ["x", "y"] } });
    assert_eq!(check(&desired, None, &live), "spec.args: [\"x\",\"y\"] → [\"x\"]");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..5).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::btree_map("[a-e]", inner.clone(), 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
            proptest::collection::vec("[a-c]", 0..3).prop_map(|it| json!({ "args": it })),
            proptest::collection::btree_map("[a-e]", inner, 0..3).prop_map(|items| {
                let items =
                    items.into_iter().map(|(name, value)| json!({ "name": name, "value": value }));
                json!({ "env": items.collect::<Vec<_>>() })
            }),
        ]
    })
}

proptest! {
    #[test]
    fn applied_manifest_needs_no_change(spec in proptest::collection::btree_map("[a-e]", value(), 0..4)) {
        let manifest = json!({ "spec": spec });
        assert_eq!(check(&manifest, Some(&manifest), &applied(&manifest)), "");
        assert_eq!(check(&manifest, None, &applied(&manifest)), "");
    }

    #[test]
    fn changed_leaf_is_found(spec in proptest::collection::btree_map("[a-e]", value(), 0..4)) {
        let old = json!({ "spec": spec });
        let mut new = old.clone();
        new["spec"]["leaf"] = json!(1);
        assert_eq!(check(&new, Some(&old), &applied(&old)), "spec.leaf: 1 added");
        assert_eq!(check(&old, Some(&new), &applied(&new)), "spec.leaf: 1 removed");
    }
}
