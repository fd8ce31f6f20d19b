//! One object: created, read, updated, deleted.

use serde_json::json;

use super::{Cluster, DEPLOYMENTS, MAPS, PODS, config_map, deployment, pod};

#[tokio::test]
async fn an_object_lives_and_dies() {
    let it = Cluster::start().await;
    let made = it.create(MAPS, config_map("a", &json!({}))).await;
    assert_eq!(made["metadata"]["namespace"], "dev");
    assert!(
        made["metadata"]["uid"].is_string() && made["metadata"]["creationTimestamp"].is_string()
    );
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "test");
    let path = format!("{MAPS}/a");
    assert_eq!(it.get(&path).await.expect(200), made);

    let mut changed = made.clone();
    changed["data"]["a"] = "2".into();
    let updated = it.put(&path, changed.clone()).await.expect(200);
    assert_ne!(updated["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let stale = it.put(&path, changed).await;
    assert_eq!(
        stale.refusal(),
        (
            409,
            "Conflict",
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
        )
    );

    let gone = it.delete(&path, json!({})).await.expect(200);
    assert_eq!(gone["status"], "Success");
    assert_eq!(gone["details"]["uid"], made["metadata"]["uid"]);
    let missing = it.get(&path).await;
    assert_eq!(missing.refusal(), (404, "NotFound", "configmaps \"a\" not found"));
    assert_eq!(missing.body["details"], json!({ "name": "a", "kind": "configmaps" }));
}

#[tokio::test]
async fn an_object_is_created_once() {
    let it = Cluster::start().await;
    it.create(DEPLOYMENTS, deployment("web")).await;
    let again = it.post(DEPLOYMENTS, deployment("web")).await;
    assert_eq!(again.refusal(), (409, "AlreadyExists", "deployments.apps \"web\" already exists"));
}

#[tokio::test]
async fn a_name_may_be_generated() {
    let it = Cluster::start().await;
    let made = it.create(MAPS, json!({ "metadata": { "generateName": "a-" } })).await;
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("a-") && name.len() == 7, "{name}");
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let it = Cluster::start().await;
    let before = it.store.revision();
    it.post(&format!("{MAPS}?dryRun=All"), config_map("a", &json!({}))).await.expect(201);
    assert_eq!(it.store.revision(), before);
    it.create(MAPS, config_map("a", &json!({}))).await;
    let patched = it.merge(&format!("{MAPS}/a?dryRun=All"), json!({ "data": { "b": "2" } })).await;
    assert_eq!(patched.expect(200)["data"], json!({ "a": "1", "b": "2" }));
    it.delete(&format!("{MAPS}/a?dryRun=All"), json!({})).await.expect(200);
    assert_eq!(it.get(&format!("{MAPS}/a")).await.expect(200)["data"], json!({ "a": "1" }));
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let it = Cluster::start().await;
    let made = it.create(DEPLOYMENTS, deployment("web")).await;
    let before = it.store.revision();
    let path = format!("{DEPLOYMENTS}/web");
    assert_eq!(it.put(&path, made).await.code, 200);
    assert_eq!(it.put(&path, deployment("web")).await.code, 200);
    assert_eq!(it.store.revision(), before);
}

#[tokio::test]
async fn spec_and_status_are_written_apart() {
    let it = Cluster::start().await;
    let mut object = it.create(DEPLOYMENTS, deployment("web")).await;
    assert_eq!(object["metadata"]["generation"], 1);
    object["spec"]["replicas"] = 3.into();
    object["status"] = json!({ "replicas": 9 });
    let path = format!("{DEPLOYMENTS}/web");
    let object = it.put(&path, object).await.expect(200);
    assert_eq!(object["metadata"]["generation"], 2);
    assert_eq!(object["status"], json!({}));

    let mut status = object.clone();
    status["spec"]["replicas"] = 7.into();
    status["status"] = json!({ "replicas": 3, "observedGeneration": 2 });
    let object = it.put(&format!("{path}/status"), status).await.expect(200);
    assert_eq!(object["spec"]["replicas"], 3);
    assert_eq!(object["status"]["replicas"], 3);
    assert_eq!(object["metadata"]["generation"], 2);
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    assert!(entries.iter().any(|it| it["subresource"] == "status"), "{entries:?}");
}

#[tokio::test]
async fn scale_is_an_object_of_its_own() {
    let it = Cluster::start().await;
    it.create(DEPLOYMENTS, deployment("web")).await;
    let path = format!("{DEPLOYMENTS}/web/scale");
    let mut scale = it.get(&path).await.expect(200);
    assert_eq!((&scale["kind"], &scale["spec"]["replicas"]), (&json!("Scale"), &json!(2)));
    assert_eq!(scale["status"]["selector"], "app=web");
    scale["spec"]["replicas"] = 5.into();
    assert_eq!(it.put(&path, scale).await.expect(200)["spec"]["replicas"], 5);
    it.merge(&path, json!({ "spec": { "replicas": 0 } })).await.expect(200);
    let object = it.get(&format!("{DEPLOYMENTS}/web")).await.expect(200);
    assert_eq!(object["spec"]["replicas"], 0);
    assert_eq!(object["metadata"]["generation"], 3);
}

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_is_removed() {
    let it = Cluster::start().await;
    let mut object = config_map("a", &json!({}));
    object["metadata"]["finalizers"] = json!(["example.com/wait"]);
    it.create(MAPS, object).await;
    let path = format!("{MAPS}/a");
    let waiting = it.delete(&path, json!({})).await.expect(200);
    assert!(waiting["metadata"]["deletionTimestamp"].is_string());
    it.get(&path).await.expect(200);
    it.merge(&path, json!({ "metadata": { "finalizers": null } })).await.expect(200);
    assert_eq!(it.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_deletion_may_depend_on_what_was_seen() {
    let it = Cluster::start().await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    let path = format!("{MAPS}/a");
    let refused = it.delete(&path, json!({ "preconditions": { "uid": "other" } })).await;
    assert_eq!(refused.refusal().0, 409);
    assert!(refused.refusal().2.contains("the UID in the precondition (other) does not match"));
}

#[tokio::test]
async fn a_pod_that_runs_is_given_its_grace_period() {
    let it = Cluster::start().await;
    let made = it.create(PODS, pod("web")).await;
    assert_eq!(made["status"], json!({ "phase": "Pending", "qosClass": "BestEffort" }));
    let binding = json!({ "target": { "kind": "Node", "name": "zarpa" } });
    it.post(&format!("{PODS}/web/binding"), binding.clone()).await.expect(201);
    let bound = it.get(&format!("{PODS}/web")).await.expect(200);
    assert_eq!(bound["spec"]["nodeName"], "zarpa");
    assert_eq!(bound["status"]["conditions"][0]["type"], "PodScheduled");
    let again = it.post(&format!("{PODS}/web/binding"), binding).await;
    assert!(again.refusal().2.ends_with("pod web is already assigned to node \"zarpa\""));

    let dying = it.delete(&format!("{PODS}/web"), json!({})).await.expect(200);
    assert_eq!(dying["metadata"]["deletionGracePeriodSeconds"], 30);
    it.delete(&format!("{PODS}/web?gracePeriodSeconds=0"), json!(null)).await.expect(200);
    assert_eq!(it.get(&format!("{PODS}/web")).await.code, 404);
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let it = Cluster::start().await;
    let wrong_kind = it.post(MAPS, json!({ "apiVersion": "v1", "kind": "Secret" })).await;
    assert_eq!(wrong_kind.refusal().0, 400);
    let elsewhere = it.post(MAPS, json!({ "metadata": { "name": "a", "namespace": "b" } })).await;
    assert_eq!(
        elsewhere.refusal(),
        (
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    );
    let other_name = it.put(&format!("{DEPLOYMENTS}/a"), deployment("b")).await;
    assert_eq!(other_name.refusal().0, 404);
    let no_json = it.call("POST", MAPS, "application/yaml", &json!({})).await;
    assert_eq!(no_json.refusal().0, 415);
    assert!(no_json.refusal().2.contains("application/yaml"));
    assert_eq!(it.get("/apis/example.com/v1/unicorns").await.refusal().0, 404);
    assert_eq!(it.post("/api/v1/nodes/a", json!({})).await.refusal().0, 405);
}

#[tokio::test]
async fn unknown_fields_are_refused_or_told() {
    let it = Cluster::start().await;
    let mut object = deployment("web");
    object["spec"]["replicaz"] = 1.into();
    let strict = it.post(&format!("{DEPLOYMENTS}?fieldValidation=Strict"), object.clone()).await;
    assert_eq!(
        strict.refusal(),
        (
            400,
            "BadRequest",
            "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replicaz\""
        )
    );
    let told = it.post(DEPLOYMENTS, object.clone()).await;
    assert_eq!(told.warnings, ["299 - \"unknown field \\\"spec.replicaz\\\"\""]);
    assert!(told.expect(201)["spec"].get("replicaz").is_none());
    object["metadata"]["name"] = "other".into();
    let ignored = it.post(&format!("{DEPLOYMENTS}?fieldValidation=Ignore"), object).await;
    assert!(ignored.warnings.is_empty());
}
