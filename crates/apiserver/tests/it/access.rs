//! Who asks, and what they are told about what they may do.

use apiserver::Identity;
use serde_json::json;

use super::{Cluster, PODS, pod};

#[tokio::test]
async fn masters_may_do_everything() {
    let it = Cluster::start().await;
    let me = it.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).await;
    assert_eq!(me.expect(201)["status"]["userInfo"]["username"], "system:admin");
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let attributes = json!({ "resourceAttributes": { "verb": "create", "resource": "pods" } });
    let review = it.post(path, json!({ "spec": attributes })).await.expect(201);
    assert_eq!(review["status"]["allowed"], true);
}

#[tokio::test]
async fn others_are_told_that_roles_are_not_enforced() {
    let mut it = Cluster::start().await;
    it.service = it.service.as_identity(Identity::new("jane", &[]));
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = it.post(path, json!({ "spec": {} })).await.expect(201);
    let reason = review["status"]["reason"].as_str().unwrap();
    assert!(reason.contains("does not enforce roles"), "{reason}");
}

#[tokio::test]
async fn a_token_stands_for_its_account_while_its_pod_lives() {
    let it = Cluster::start().await;
    let made = it.create(PODS, pod("web")).await;
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": { "boundObjectRef": {
            "kind": "Pod", "apiVersion": "v1", "name": "web", "uid": made["metadata"]["uid"],
        } },
    });
    let path = "/api/v1/namespaces/dev/serviceaccounts/default/token";
    let token = it.post(path, request).await.expect(201)["status"]["token"].clone();
    let review = json!({ "spec": { "token": token } });
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let known = it.post(path, review.clone()).await.expect(201);
    assert_eq!(known["status"]["user"]["username"], "system:serviceaccount:dev:default");
    assert_eq!(known["status"]["authenticated"], true);
    it.delete(&format!("{PODS}/web"), json!({})).await.expect(200);
    let unknown = it.post(path, review).await.expect(201);
    assert!(unknown["status"]["authenticated"].is_null());
}

#[tokio::test]
async fn a_token_may_not_be_short() {
    let it = Cluster::start().await;
    let path = "/api/v1/namespaces/dev/serviceaccounts/default/token";
    let short = it.post(path, json!({ "spec": { "expirationSeconds": 60 } })).await;
    assert_eq!(short.refusal().0, 422);
}
