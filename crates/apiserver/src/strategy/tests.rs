//! New objects and new versions of objects, as values.

use kobject::catalog;

use super::*;

fn resource(api_version: &str, kind: &str) -> &'static Resource {
    catalog::by_kind(api_version, kind).unwrap()
}

fn born(api_version: &str, kind: &str, mut object: Value) -> Value {
    let birth = Birth { uid: "u1", now: "2026-11-20T10:00:00Z".parse().unwrap() };
    prepare_create(resource(api_version, kind), &mut object, &birth);
    object
}

#[test]
fn a_new_object_has_an_identity_and_no_status_of_its_own() {
    let object = born(
        "apps/v1",
        "Deployment",
        json!({
            "metadata": { "name": "web", "uid": "mine", "generation": 7 },
            "status": { "replicas": 3 },
        }),
    );
    assert_eq!(
        object,
        json!({
            "metadata": {
                "name": "web", "uid": "u1", "generation": 1,
                "creationTimestamp": "2026-11-20T10:00:00Z",
            },
            "status": {},
        })
    );
}

#[test]
fn a_new_namespace_is_active_and_guarded() {
    let object = born("v1", "Namespace", json!({ "metadata": { "name": "dev" } }));
    assert_eq!(object["spec"], json!({ "finalizers": ["kubernetes"] }));
    assert_eq!(object["status"], json!({ "phase": "Active" }));
    assert_eq!(object["metadata"]["labels"], json!({ "kubernetes.io/metadata.name": "dev" }));
}

#[test]
fn a_secret_keeps_texts_as_data() {
    let object = born(
        "v1",
        "Secret",
        json!({ "metadata": { "name": "s" }, "data": { "a": "YQ==" }, "stringData": { "b": "b" } }),
    );
    assert_eq!(object["data"], json!({ "a": "YQ==", "b": "Yg==" }));
    assert!(object.get("stringData").is_none());
}

fn old() -> Value {
    json!({
        "metadata": { "name": "web", "uid": "u1", "generation": 1, "labels": { "a": "1" } },
        "spec": { "replicas": 1 },
        "status": { "replicas": 1 },
    })
}

fn updated(part: Part, mut new: Value) -> Value {
    let resource = resource("apps/v1", "Deployment");
    prepare_update(resource, part, &old(), &mut new);
    bump_generation(resource, part, &old(), &mut new);
    new
}

#[test]
fn an_update_of_the_spec_leaves_the_status() {
    let new = json!({
        "metadata": { "name": "web", "uid": "other", "resourceVersion": "5" },
        "spec": { "replicas": 2 },
        "status": { "replicas": 9 },
    });
    assert_eq!(
        updated(Part::Main, new),
        json!({
            "metadata": { "name": "web", "uid": "u1", "generation": 2 },
            "spec": { "replicas": 2 },
            "status": { "replicas": 1 },
        })
    );
}

#[test]
fn an_update_of_the_status_leaves_the_spec_and_the_generation() {
    let new = json!({
        "metadata": { "name": "web", "annotations": { "b": "2" } },
        "spec": { "replicas": 2 },
        "status": { "replicas": 9 },
    });
    assert_eq!(
        updated(Part::Status, new),
        json!({
            "metadata": {
                "name": "web", "uid": "u1", "generation": 1,
                "annotations": { "b": "2" }, "labels": { "a": "1" },
            },
            "spec": { "replicas": 1 },
            "status": { "replicas": 9 },
        })
    );
}

#[test]
fn the_same_spec_is_no_new_generation() {
    assert_eq!(updated(Part::Main, old())["metadata"]["generation"], 1);
}
