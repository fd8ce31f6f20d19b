//! Strategic merge as upstream's tests and kubectl's patches use it.

use serde_json::{Value, json};

use crate::{
    patch::strategic_merge,
    schema::{Schema, of_kind},
};

fn pod() -> Schema {
    of_kind("v1", "Pod").unwrap()
}

fn check(target: &Value, patch: &Value, expect: &Value) {
    let schema = pod();
    let merged = strategic_merge(&schema, target, patch).unwrap();
    assert_eq!(&merged, expect, "{patch}");
}

fn spec(spec: &Value) -> Value {
    json!({ "spec": spec })
}

#[test]
fn maps_are_merged_and_null_removes() {
    check(
        &json!({"metadata": {"labels": {"a": "1", "b": "2"}}}),
        &json!({"metadata": {"labels": {"a": null, "c": "3"}, "annotations": {"x": null, "y": "z"}}}),
        &json!({"metadata": {"labels": {"b": "2", "c": "3"}, "annotations": {"y": "z"}}}),
    );
}

#[test]
fn lists_of_maps_are_merged_by_key() {
    check(
        &spec(&json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]})),
        &spec(&json!({"containers": [{"name": "b", "image": "2"}, {"name": "c", "image": "3"}]})),
        &spec(&json!({"containers": [
            {"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c", "image": "3"}]})),
    );
}

#[test]
fn lists_without_strategy_are_replaced() {
    check(
        &spec(
            &json!({"tolerations": [{"key": "a"}], "containers": [{"name": "a", "args": ["1", "2"]}]}),
        ),
        &spec(
            &json!({"tolerations": [{"key": "b"}], "containers": [{"name": "a", "args": ["3"]}]}),
        ),
        &spec(
            &json!({"tolerations": [{"key": "b"}], "containers": [{"name": "a", "args": ["3"]}]}),
        ),
    );
}

#[test]
fn delete_directive_removes_an_item() {
    check(
        &spec(&json!({"containers": [{"name": "a"}, {"name": "b"}]})),
        &spec(&json!({"containers": [{"name": "a", "$patch": "delete"}]})),
        &spec(&json!({"containers": [{"name": "b"}]})),
    );
}

#[test]
fn replace_directive_replaces_map_or_list() {
    check(
        &spec(&json!({"containers": [{"name": "a"}], "securityContext": {"runAsUser": 1}})),
        &spec(&json!({"containers": [{"$patch": "replace"}, {"name": "b"}],
            "securityContext": {"$patch": "replace", "fsGroup": 2}})),
        &spec(&json!({"containers": [{"name": "b"}], "securityContext": {"fsGroup": 2}})),
    );
}

#[test]
fn retain_keys_clears_the_other_keys() {
    check(
        &spec(&json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
        &spec(&json!({"volumes": [
            {"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]})),
        &spec(&json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]})),
    );
    let outside =
        spec(&json!({"volumes": [{"name": "v", "$retainKeys": ["name"], "hostPath": {}}]}));
    let live = spec(&json!({"volumes": [{"name": "v"}]}));
    let error = strategic_merge(&pod(), &live, &outside).unwrap_err();
    assert_eq!(error.to_string(), "invalid patch format of retainKeys");
    assert!(error.is_bad_request());
}

#[test]
fn primitive_lists_are_merged_and_deleted_from() {
    check(
        &json!({"metadata": {"finalizers": ["a", "b", "c"]}}),
        &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"], "finalizers": ["d"]}}),
        &json!({"metadata": {"finalizers": ["d", "a", "c"]}}),
    );
    check(
        &json!({"metadata": {"finalizers": ["a", "b"]}}),
        &json!({"metadata": {"$setElementOrder/finalizers": ["c", "a"], "finalizers": ["c"]}}),
        &json!({"metadata": {"finalizers": ["c", "a", "b"]}}),
    );
}

#[test]
fn set_element_order_orders_the_merged_list() {
    check(
        &spec(&json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "server"}]})),
        &spec(
            &json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}, {"name": "c"}],
            "containers": [{"name": "c", "image": "3"}]}),
        ),
        &spec(&json!({"containers": [
            {"name": "b"}, {"name": "a"}, {"name": "c", "image": "3"}, {"name": "server"}]})),
    );
    let wrong = spec(&json!({"$setElementOrder/containers": [{"name": "a"}],
        "containers": [{"name": "c"}]}));
    let error = strategic_merge(&pod(), &spec(&json!({})), &wrong).unwrap_err();
    assert!(error.to_string().starts_with("The order in patch list:"));
}

#[test]
fn new_lists_lose_their_directives() {
    check(
        &json!({}),
        &spec(&json!({"$setElementOrder/containers": [{"name": "a"}],
            "containers": [{"name": "a", "image": null}, {"name": "b", "$patch": "delete"}]})),
        &spec(&json!({"containers": [{"name": "a"}]})),
    );
}

#[test]
fn items_need_their_merge_key() {
    let live = spec(&json!({"containers": [{"name": "a"}]}));
    let patch = spec(&json!({"containers": [{"image": "a"}]}));
    assert_eq!(
        strategic_merge(&pod(), &live, &patch).unwrap_err().to_string(),
        r#"map: {"image":"a"} does not contain declared merge key: name"#
    );
}

#[test]
fn node_conditions_merge_by_type() {
    let schema = of_kind("v1", "Node").unwrap();
    let live = json!({"status": {"conditions": [
        {"type": "Ready", "status": "False"}, {"type": "DiskPressure", "status": "False"}]}});
    let patch = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    assert_eq!(
        strategic_merge(&schema, &live, &patch).unwrap(),
        json!({"status": {"conditions": [
            {"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}]}})
    );
}

#[test]
fn service_ports_merge_by_port() {
    let schema = of_kind("v1", "Service").unwrap();
    let live = json!({"spec": {"ports": [{"port": 80, "name": "http"}]}});
    let patch = json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}});
    assert_eq!(
        strategic_merge(&schema, &live, &patch).unwrap(),
        json!({"spec": {"ports": [{"port": 80, "name": "http", "targetPort": 8080}]}})
    );
}
