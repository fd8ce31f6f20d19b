//! Tables of pods and nodes with what the scheduler says to them.

use std::path::PathBuf;

use jiff::Timestamp;

use super::*;
use crate::{facts::Config, world::World};

fn node(name: &str) -> Value {
    json!({
        "metadata": { "name": name, "uid": name, "resourceVersion": "1", "labels": { "kubernetes.io/hostname": name } },
        "status": { "allocatable": { "cpu": "2", "memory": "1Gi", "pods": "10" } },
    })
}

fn pod(name: &str, spec: &Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "d", "uid": name, "resourceVersion": "1", "labels": { "app": name } },
        "spec": spec,
    })
}

fn requesting(cpu: &str) -> Value {
    json!({ "containers": [{ "resources": { "requests": { "cpu": cpu } } }] })
}

fn check(objects: Vec<(kinds::Kind, Value)>, expect: &[&str]) {
    let mut world = World::default();
    for (kind, object) in objects {
        world.observe(kind, object);
    }
    let config = Config {
        node_name: "zarpa".to_owned(),
        ca: String::new(),
        volumes_dir: PathBuf::new(),
        ingress: None,
    };
    let facts = Facts { world: &world, config: &config, now: Timestamp::UNIX_EPOCH, trouble: None };
    let lines: Vec<String> = schedule(&facts)
        .iter()
        .filter_map(|action| match action {
            Action::Bind { target, node, .. } => Some(format!("{} on {node}", target.key.name)),
            Action::Record(notice) => Some(notice.message.clone()),
            Action::Patch { target, part: action::Part::Whole, .. } => {
                Some(format!("patch {}", target.key))
            }
            _ => None,
        })
        .collect();
    assert_eq!(lines, expect);
}

fn check_one(spec: &Value, expect: &str) {
    check(vec![(kinds::NODE, node("zarpa")), (kinds::POD, pod("a", spec))], &[expect]);
}

const UNHELPFUL: &str = "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";

#[test]
fn what_fits_is_bound_and_what_is_full_is_told() {
    let objects = vec![
        (kinds::NODE, node("zarpa")),
        (kinds::POD, pod("a", &requesting("1500m"))),
        (kinds::POD, pod("b", &requesting("1"))),
    ];
    let message = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes \
                   are available: 1 No preemption victims found for incoming pod.";
    check(objects, &["a on zarpa", message]);
}

#[test]
fn a_pod_that_never_fits_is_told_that_preemption_is_no_help() {
    check_one(
        &requesting("3"),
        &format!("0/1 nodes are available: 1 Insufficient cpu. {UNHELPFUL}"),
    );
}

#[test]
fn selectors_and_taints_are_respected() {
    let message = format!(
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. {UNHELPFUL}"
    );
    check_one(&json!({ "nodeSelector": { "disk": "ssd" } }), &message);
    check_one(&json!({ "nodeSelector": { "kubernetes.io/hostname": "zarpa" } }), "a on zarpa");

    let mut tainted = node("zarpa");
    tainted["spec"] = json!({ "taints": [{ "key": "k", "value": "v", "effect": "NoSchedule" }] });
    let tolerant = json!({ "tolerations": [{ "key": "k", "operator": "Exists" }] });
    let objects = vec![
        (kinds::NODE, tainted),
        (kinds::POD, pod("a", &tolerant)),
        (kinds::POD, pod("b", &json!({}))),
    ];
    let message =
        format!("0/1 nodes are available: 1 node(s) had untolerated taint(s). {UNHELPFUL}");
    check(objects, &["a on zarpa", &message]);
}

fn affinity(kind: &str, app: &str) -> Value {
    let term = json!({
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": { "matchLabels": { "app": app } },
    });
    json!({ "affinity": { kind: { "requiredDuringSchedulingIgnoredDuringExecution": [term] } } })
}

#[test]
fn the_first_of_a_group_may_go_anywhere_and_strangers_wait() {
    check_one(&affinity("podAffinity", "a"), "a on zarpa");
    let message =
        format!("0/1 nodes are available: 1 node(s) didn't match pod affinity rules. {UNHELPFUL}");
    check_one(&affinity("podAffinity", "other"), &message);
}

#[test]
fn anti_affinity_holds_in_both_directions() {
    let objects = vec![
        (kinds::NODE, node("zarpa")),
        (kinds::POD, pod("a", &affinity("podAntiAffinity", "b"))),
        (kinds::POD, pod("b", &json!({}))),
    ];
    let message = "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. no new claims \
                   to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    check(objects, &["a on zarpa", message]);
}

#[test]
fn a_claim_that_waits_for_its_consumer_is_given_the_node_first() {
    let spec = json!({ "volumes": [{ "persistentVolumeClaim": { "claimName": "data" } }] });
    let missing = "0/1 nodes are available: persistentvolumeclaim \"data\" not found. preemption: 0/1 nodes are \
                   available: 1 Preemption is not helpful for scheduling.";
    check_one(&spec, missing);
    let class = json!({
        "metadata": { "name": "standard", "uid": "s", "resourceVersion": "1" },
        "volumeBindingMode": "WaitForFirstConsumer",
    });
    let claim = json!({
        "metadata": { "name": "data", "namespace": "d", "uid": "c", "resourceVersion": "1" },
        "spec": { "storageClassName": "standard" },
    });
    let objects = vec![
        (kinds::NODE, node("zarpa")),
        (kinds::STORAGE_CLASS, class),
        (kinds::PERSISTENT_VOLUME_CLAIM, claim),
        (kinds::POD, pod("a", &spec)),
    ];
    check(objects, &["patch persistentvolumeclaims/d/data"]);
}

#[test]
fn without_nodes_nothing_is_available() {
    check(vec![(kinds::POD, pod("a", &json!({})))], &["no nodes available to schedule pods"]);
}
