//! What a deletion decides.

use kobject::catalog;

use super::*;

fn decision(api_version: &str, kind: &str, object: &Value, options: &Options) -> Decision {
    let resource = catalog::by_kind(api_version, kind).unwrap();
    decide(resource, object, options, "2026-11-20T10:00:00Z".parse().unwrap()).unwrap()
}

#[track_caller]
fn marked(decision: Decision) -> Value {
    match decision {
        Decision::Mark(object) => object["metadata"].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_without_finalizers_goes_at_once() {
    let object = json!({ "metadata": { "name": "a" } });
    assert_eq!(decision("v1", "ConfigMap", &object, &Options::default()), Decision::Remove);
}

#[test]
fn a_finalizer_keeps_the_object() {
    let object = json!({ "metadata": { "name": "a", "finalizers": ["x/y"] } });
    let metadata = marked(decision("v1", "ConfigMap", &object, &Options::default()));
    assert_eq!(metadata["deletionTimestamp"], "2026-11-20T10:00:00Z");
    assert_eq!(metadata["deletionGracePeriodSeconds"], 0);
    let again = json!({ "metadata": metadata });
    assert_eq!(decision("v1", "ConfigMap", &again, &Options::default()), Decision::Leave);
}

#[test]
fn foreground_and_orphan_are_finalizers() {
    let object = json!({ "metadata": { "name": "a", "generation": 3 } });
    for (propagation, finalizer) in
        [(Propagation::Foreground, "foregroundDeletion"), (Propagation::Orphan, "orphan")]
    {
        let options = Options { propagation: Some(propagation), ..Options::default() };
        let metadata = marked(decision("apps/v1", "Deployment", &object, &options));
        assert_eq!(metadata["finalizers"], json!([finalizer]));
        assert_eq!(metadata["generation"], 4);
    }
}

fn pod(metadata: &Value) -> Value {
    json!({
        "metadata": metadata,
        "spec": { "nodeName": "zarpa", "terminationGracePeriodSeconds": 5 },
        "status": { "phase": "Running" },
    })
}

#[test]
fn a_running_pod_gets_its_grace_period_once() {
    let metadata =
        marked(decision("v1", "Pod", &pod(&json!({ "name": "a" })), &Options::default()));
    assert_eq!(metadata["deletionTimestamp"], "2026-11-20T10:00:05Z");
    assert_eq!(metadata["deletionGracePeriodSeconds"], 5);

    let dying = pod(&metadata);
    assert_eq!(decision("v1", "Pod", &dying, &Options::default()), Decision::Leave);
    let longer = Options { grace_seconds: Some(60), ..Options::default() };
    assert_eq!(decision("v1", "Pod", &dying, &longer), Decision::Leave);
    let shorter = Options { grace_seconds: Some(2), ..Options::default() };
    let metadata = marked(decision("v1", "Pod", &dying, &shorter));
    assert_eq!(metadata["deletionTimestamp"], "2026-11-20T10:00:02Z");
    let now = Options { grace_seconds: Some(0), ..Options::default() };
    assert_eq!(decision("v1", "Pod", &dying, &now), Decision::Remove);
}

#[test]
fn a_pod_that_runs_nowhere_goes_at_once() {
    let mut object = pod(&json!({ "name": "a" }));
    object["spec"]["nodeName"] = Value::Null;
    assert_eq!(decision("v1", "Pod", &object, &Options::default()), Decision::Remove);
}

#[test]
fn a_namespace_waits_for_its_content() {
    let object = json!({
        "metadata": { "name": "dev" },
        "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" },
    });
    let Decision::Mark(marked) = decision("v1", "Namespace", &object, &Options::default()) else {
        panic!("the namespace was removed with its content");
    };
    assert_eq!(marked["status"]["phase"], "Terminating");
}
