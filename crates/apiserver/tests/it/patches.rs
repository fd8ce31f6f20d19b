//! The forms of a patch.

use serde_json::json;

use super::{Cluster, DEPLOYMENTS, MAPS, config_map, deployment};

const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON: &str = "application/json-patch+json";

#[tokio::test]
async fn a_strategic_merge_knows_lists_by_their_keys() {
    let it = Cluster::start().await;
    it.create(DEPLOYMENTS, deployment("web")).await;
    let path = format!("{DEPLOYMENTS}/web");
    let patch = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "web", "image": "web:2" }, { "name": "side", "image": "side:1" },
    ] } } } });
    let object = it.call("PATCH", &path, STRATEGIC, &patch).await.expect(200);
    let containers = &object["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers.as_array().unwrap().len(), 2);
    assert_eq!(object["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_json_patch_goes_by_paths() {
    let it = Cluster::start().await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    let path = format!("{MAPS}/a");
    let patch = json!([{ "op": "replace", "path": "/data/a", "value": "2" }]);
    assert_eq!(it.call("PATCH", &path, JSON, &patch).await.expect(200)["data"]["a"], "2");
    let patch = json!([{ "op": "test", "path": "/data/a", "value": "7" }]);
    assert!(it.call("PATCH", &path, JSON, &patch).await.code >= 400);
}

#[tokio::test]
async fn a_patch_may_depend_on_the_version_that_was_seen() {
    let it = Cluster::start().await;
    let made = it.create(MAPS, config_map("a", &json!({}))).await;
    let path = format!("{MAPS}/a");
    let patch = |version: &serde_json::Value| json!({ "metadata": { "resourceVersion": version }, "data": { "b": "1" } });
    let version = &made["metadata"]["resourceVersion"];
    it.merge(&path, patch(version)).await.expect(200);
    assert_eq!(it.merge(&path, patch(version)).await.refusal().1, "Conflict");
}

#[tokio::test]
async fn an_unknown_form_is_named() {
    let it = Cluster::start().await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    let refused = it.call("PATCH", &format!("{MAPS}/a"), "application/json", &json!({})).await;
    assert_eq!((refused.refusal().0, refused.refusal().1), (415, "UnsupportedMediaType"));
}
