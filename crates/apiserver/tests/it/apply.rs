//! Server-side apply.

use serde_json::Value;

use super::{Answer, Cluster, DEPLOYMENTS, deployment};

async fn apply(it: &Cluster, manager: &str, object: &Value, query: &str) -> Answer {
    let path = format!("{DEPLOYMENTS}/web?fieldManager={manager}{query}");
    it.call("PATCH", &path, "application/apply-patch+yaml", object).await
}

#[tokio::test]
async fn an_apply_creates_and_then_changes_nothing() {
    let it = Cluster::start().await;
    let made = apply(&it, "helm", &deployment("web"), "").await.expect(201);
    assert_eq!(made["metadata"]["managedFields"][0]["operation"], "Apply");
    let before = it.store.revision();
    let again = apply(&it, "helm", &deployment("web"), "").await.expect(200);
    assert_eq!(again, made);
    assert_eq!(it.store.revision(), before);
}

#[tokio::test]
async fn what_another_owns_is_a_conflict_unless_forced() {
    let it = Cluster::start().await;
    apply(&it, "helm", &deployment("web"), "").await.expect(201);
    let mut other = deployment("web");
    other["spec"]["replicas"] = 5.into();
    let refused = apply(&it, "other", &other, "").await;
    assert_eq!(
        refused.refusal(),
        (409, "Conflict", "Apply failed with 1 conflict: conflict with \"helm\": .spec.replicas")
    );
    assert_eq!(refused.body["details"]["causes"][0]["reason"], "FieldManagerConflict");
    assert_eq!(refused.body["details"]["causes"][0]["field"], ".spec.replicas");
    let forced = apply(&it, "other", &other, "&force=true").await.expect(200);
    assert_eq!(forced["spec"]["replicas"], 5);
}

#[tokio::test]
async fn an_apply_names_its_manager_and_fits_the_schema() {
    let it = Cluster::start().await;
    let path = format!("{DEPLOYMENTS}/web");
    let form = "application/apply-patch+yaml";
    let anonymous = it.call("PATCH", &path, form, &deployment("web")).await;
    assert_eq!((anonymous.refusal().0, anonymous.refusal().1), (422, "Invalid"));
    let mut object = deployment("web");
    object["spec"]["replicaz"] = 1.into();
    let refused = apply(&it, "helm", &object, "").await;
    assert!(refused.refusal().2.contains(".spec.replicaz: field not declared in schema"));
}
