//! Plans, as one line for each thing that they do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Action, Inputs, Operation, Plan, PlanError, plan};
use crate::{
    hook::tests::hook,
    object::ObjectId,
    ownership::{self, Owner},
    record::HookEvent,
};

fn owner() -> Owner {
    Owner { name: "faro".to_owned(), namespace: "dev".to_owned() }
}

fn object(kind: &str, name: &str, value: u32) -> Value {
    let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": { "name": name, "namespace": "dev" },
        "spec": { "value": value },
    })
}

/// The object as a cluster holds it for the release.
fn live(mut object: Value) -> Value {
    ownership::mark(&mut object, &owner());
    object["metadata"]["uid"] = json!("u");
    object["metadata"]["managedFields"] = json!([{ "manager": "helm", "operation": "Apply", "fieldsV1": { "f:spec": { "f:value": {} } } }]);
    object
}

fn make(desired: &[Value], previous: &[Value], live: &[Value]) -> Result<Plan, PlanError> {
    let live: BTreeMap<ObjectId, Value> =
        live.iter().map(|it| (ObjectId::of(it), it.clone())).collect();
    plan(&Inputs {
        owner: &owner(),
        operation: Operation::Upgrade,
        revision: 2,
        desired,
        previous,
        previous_was_applied: true,
        live: &live,
        hooks: &[
            hook("late", 0, &[HookEvent::PostUpgrade]),
            hook("early", 0, &[HookEvent::PreUpgrade]),
        ],
        takes_ownership: false,
    })
}

fn lines(plan: &Plan) -> Vec<String> {
    let changes = plan.changes.iter().map(|it| match &it.action {
        Action::Create => format!("create {}", it.id),
        Action::Patch(fields) => {
            format!(
                "patch {} {}",
                it.id,
                fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            )
        }
    });
    let deletes = plan.deletes.iter().map(|it| format!("delete {}", it.id));
    let kept = plan.kept.iter().map(|it| format!("keep {} {:?}", it.id, it.reason));
    changes.chain(deletes).chain(kept).collect()
}

#[test]
fn creates_patches_and_deletes_come_in_order() {
    let desired = [
        object("Deployment", "web", 2),
        object("Service", "web", 1),
        object("ConfigMap", "new", 1),
    ];
    let previous =
        [object("Deployment", "web", 1), object("Service", "web", 1), object("Secret", "old", 1)];
    let live = previous.clone().map(live);
    let plan = make(&desired, &previous, &live).unwrap();
    assert_eq!(
        lines(&plan),
        ["create configmap/new", "patch deployment/web spec.value: 1 → 2", "delete secret/old"]
    );
    assert_eq!(plan.to_string(), "1 to create, 1 to change, 1 to delete, 1 unchanged");
    assert_eq!(plan.hooks_before[0].name, "early");
    assert_eq!(plan.hooks_after[0].position, 0);
}

#[test]
fn plan_of_the_applied_state_is_empty() {
    let desired = [object("Deployment", "web", 2), object("Service", "web", 1)];
    let plan = make(&desired, &desired, &desired.clone().map(live)).unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.unchanged.len(), 2);
}

#[test]
fn foreign_object_is_not_taken_over() {
    let desired = [object("Service", "web", 1)];
    let error = make(&desired, &[], &desired).unwrap_err();
    assert!(error.to_string().starts_with("service/web exists and cannot be imported"), "{error}");
    assert!(make(&desired, &[], &desired.clone().map(live)).unwrap().is_empty());
}

#[test]
fn dropped_objects_stay_when_the_policy_says_so_or_others_own_them() {
    let mut kept = live(object("ConfigMap", "kept", 1));
    kept["metadata"]["annotations"]["helm.sh/resource-policy"] = json!("keep");
    let previous = [
        object("ConfigMap", "kept", 1),
        object("ConfigMap", "foreign", 1),
        object("ConfigMap", "gone", 1),
    ];
    let plan = make(&[], &previous, &[kept, object("ConfigMap", "foreign", 1)]).unwrap();
    assert_eq!(
        lines(&plan),
        ["keep configmap/foreign Foreign", "keep configmap/kept ResourcePolicy"]
    );
}

#[test]
fn secret_values_are_hidden() {
    let mut new = object("Secret", "s", 1);
    new["data"] = json!({ "a": "eA==" });
    let plan =
        make(&[new], &[object("Secret", "s", 1)], &[live(object("Secret", "s", 1))]).unwrap();
    assert_eq!(lines(&plan), ["patch secret/s data: \"(hidden)\" added"]);
}

#[test]
fn manifest_that_names_an_object_twice_is_refused() {
    let twice = [object("Secret", "s", 1), object("Secret", "s", 2)];
    assert!(matches!(make(&twice, &[], &[]), Err(PlanError::Twice { .. })));
}

#[test]
fn a_plan_tells_every_field() {
    let [same, old, new] = [1, 1, 2].map(|it| object("Deployment", "web", it));
    let map = object("ConfigMap", "map", 1);
    let plan = make(&[new, map], &[same], &[live(old)]).unwrap();
    let expect = [
        "create configmap/map",
        "change deployment/web",
        "  spec.value: 1 → 2",
        "1 to create, 1 to change, 0 to delete, 0 unchanged",
    ];
    assert_eq!(plan.lines(), expect);
}

#[test]
fn replicas_that_an_autoscaler_takes_over_are_given_up_and_not_reset() {
    let workload = |spec: Value| {
        let mut object = object("Deployment", "web", 1);
        object["spec"] = spec;
        object
    };
    let scaler = |name: &str| {
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": "web", "namespace": "dev" },
            "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name } },
        })
    };
    let before = workload(json!({ "replicas": 3, "paused": false }));
    let mut held = live(before.clone());
    held["metadata"]["managedFields"][0]["fieldsV1"] =
        json!({ "f:spec": { "f:replicas": {}, "f:paused": {} } });
    let after = workload(json!({ "paused": true }));
    let lines_with = |desired: &[Value]| {
        let plan = make(desired, std::slice::from_ref(&before), std::slice::from_ref(&held));
        let plan = plan.unwrap();
        (lines(&plan), plan.changes[0].managed_fields.clone())
    };
    let (said, patch) = lines_with(&[after.clone(), scaler("web")]);
    let changes = "patch deployment/web spec.paused: false → true";
    assert_eq!(said, [changes, "create horizontalpodautoscaler/web"]);
    let owned = &patch.unwrap()[0]["value"][0]["fieldsV1"];
    assert_eq!(*owned, json!({ "f:spec": { "f:paused": {} } }));
    for others in [vec![after.clone()], vec![after, scaler("another")]] {
        let (said, patch) = lines_with(&others);
        assert!(said[0].contains("spec.replicas"), "{said:?}");
        assert_eq!(patch, None);
    }
}
