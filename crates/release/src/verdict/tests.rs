//! Verdicts over small worlds, each as the line that a user reads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Budgets, PodState, Target, Verdict, Want, World, judge, pod_state};
use crate::object::ObjectId;

const START_S: i64 = 1_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn world(objects: &[Value]) -> World {
    let mut world = World::default();
    for object in objects {
        world.insert(object.clone());
    }
    world
}

/// The verdict, seconds after the start, on the first object.
fn check_after(objects: &[Value], want: Want, seconds: i64) -> String {
    let target = Target { id: ObjectId::of(&objects[0]), want, generation: None };
    match judge(&[target], &world(objects), &Budgets::starting(at(START_S)), at(START_S + seconds))
    {
        Verdict::Ready => "ready".to_owned(),
        Verdict::Progressing { what, until: None } => format!("… {what}"),
        Verdict::Progressing { what, until: Some(until) } => {
            format!("… {what} (until {})", until.as_second() - START_S)
        }
        Verdict::Failed(cause) => format!("failed: {cause}"),
    }
}

fn check(objects: &[Value]) -> String {
    check_after(objects, Want::Ready, 1)
}

fn meta(name: &str, uid: &str, owner: Option<&str>) -> Value {
    let owners: Vec<Value> =
        owner.iter().map(|it| json!({ "uid": it, "controller": true })).collect();
    json!({ "name": name, "namespace": "dev", "uid": uid, "generation": 1, "ownerReferences": owners })
}

fn deployment(status: &Value) -> Value {
    let mut status = status.clone();
    status["observedGeneration"] = json!(1);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("faro", "d", None),
        "spec": { "replicas": 3 }, "status": status,
    })
}

fn replica_set() -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta("faro-1", "r", Some("d")) })
}

fn pod(status: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": meta("faro-1-x", "p", Some("r")),
        "spec": { "nodeName": "n", "restartPolicy": "Always", "containers": [
            { "name": "faro", "resources": { "limits": { "memory": "64Mi" } } },
        ] },
        "status": status,
    })
}

fn container(status: &Value) -> Value {
    let mut status = status.clone();
    status["name"] = json!("faro");
    status["image"] = json!("faro:1");
    pod(&json!({ "phase": "Running", "containerStatuses": [status] }))
}

fn event(uid: &str, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": format!("{uid}-{reason}"), "namespace": "dev" },
        "involvedObject": { "uid": uid }, "reason": reason, "message": message,
        "firstTimestamp": at(START_S).to_string(), "lastTimestamp": at(START_S).to_string(),
    })
}

/// A Deployment of which one pod has a container in this state.
fn rollout(status: &Value) -> [Value; 3] {
    [deployment(&json!({ "replicas": 3, "updatedReplicas": 3 })), replica_set(), container(status)]
}

#[test]
fn deployment_is_ready_when_all_new_replicas_are_and_no_old_one_is_left() {
    let counts = |all, updated, ready, available| {
        deployment(&json!({
            "replicas": all, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": available,
        }))
    };
    assert_eq!(check(&[counts(3, 3, 3, 3)]), "ready");
    assert_eq!(check(&[counts(3, 3, 3, 2)]), "… deployment/faro: 2 of 3 replicas ready");
    assert_eq!(check(&[counts(4, 3, 4, 4)]), "… deployment/faro: 1 old replicas still running");
    let mut behind = counts(3, 3, 3, 3);
    behind["metadata"]["generation"] = json!(2);
    assert_eq!(check(&[behind]), "… deployment/faro: waiting for its controller");
}

#[test]
fn image_that_does_not_exist_ends_the_wait() {
    let pull = |message: &str| json!({ "state": { "waiting": { "reason": "ImagePullBackOff", "message": message } } });
    let missing = "Back-off pulling image \"faro:1\": ErrImagePull: rpc error: code = NotFound desc = docker.io/library/faro:1: not found";
    assert_eq!(
        check(&rollout(&pull(missing))),
        "failed: deployment/faro: container `faro` of pod faro-1-x cannot pull image `faro:1`: docker.io/library/faro:1: not found"
    );
    let slow = "rpc error: code = Unknown desc = dial tcp: i/o timeout";
    let line = "deployment/faro: 0 of 3 replicas ready; container `faro` of pod faro-1-x cannot pull image `faro:1`: dial tcp: i/o timeout";
    assert_eq!(check(&rollout(&pull(slow))), format!("… {line} (until 60)"));
    assert!(
        check_after(&rollout(&pull(slow)), Want::Ready, 60)
            .starts_with("failed: deployment/faro: container `faro`")
    );
}

#[test]
fn program_that_is_not_in_the_image_is_named() {
    let message = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory: unknown";
    let waiting = json!({ "reason": "RunContainerError", "message": message });
    assert_eq!(
        check(&rollout(&json!({ "state": { "waiting": waiting } }))),
        "failed: deployment/faro: container `faro` of pod faro-1-x could not start: exec: \"/nope\": stat /nope: no such file or directory"
    );
    let waiting = json!({ "reason": "InvalidImageName" });
    assert_eq!(
        check(&rollout(&json!({ "state": { "waiting": waiting } }))),
        "failed: deployment/faro: container `faro` of pod faro-1-x has an invalid image name, `faro:1`"
    );
}

#[test]
fn missing_config_map_is_named() {
    let waiting = json!({ "reason": "CreateContainerConfigError", "message": "configmap \"settings\" not found" });
    assert_eq!(
        check(&rollout(&json!({ "state": { "waiting": waiting } }))),
        "failed: deployment/faro: container `faro` of pod faro-1-x cannot be configured: configmap \"settings\" not found"
    );
}

#[test]
fn second_crash_ends_the_wait() {
    let ended = |code: i64| json!({ "terminated": { "exitCode": code, "reason": "Error" } });
    assert_eq!(
        check(&rollout(&json!({ "restartCount": 0, "state": ended(1) }))),
        "… deployment/faro: 0 of 3 replicas ready; container `faro` of pod faro-1-x crashed with exit code 1"
    );
    assert_eq!(
        check(&rollout(&json!({ "restartCount": 1, "state": ended(1) }))),
        "failed: deployment/faro: container `faro` of pod faro-1-x crashed 2 times with exit code 1"
    );
    let back_off = json!({
        "restartCount": 1, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "exitCode": 139, "message": "oh no\nmore" } },
    });
    assert_eq!(
        check(&rollout(&back_off)),
        "failed: deployment/faro: container `faro` of pod faro-1-x was killed 2 times by signal 11 (SIGSEGV): oh no"
    );
    // The same pod may crash more often when its workload says so.
    let mut patient = rollout(&back_off);
    patient[0]["metadata"]["annotations"] = json!({ "zarpa.dev/crashes-max": "5" });
    assert!(check(&patient).starts_with("… deployment/faro: 0 of 3"));
}

#[test]
fn crash_says_how_it_came() {
    let killed = |reason: &str| json!({ "restartCount": 2, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 137, "reason": reason } } });
    assert_eq!(
        check(&rollout(&killed("OOMKilled"))),
        "failed: deployment/faro: container `faro` of pod faro-1-x ran out of memory (limit 64Mi) 2 times"
    );
    let mut probed = rollout(&killed("Error")).to_vec();
    probed.push(event(
        "p",
        "Unhealthy",
        "Liveness probe failed: HTTP probe failed with statuscode: 500",
    ));
    let mut readiness =
        event("p", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503");
    readiness["metadata"]["name"] = json!("z");
    probed.push(readiness);
    assert_eq!(
        check(&probed),
        "failed: deployment/faro: container `faro` of pod faro-1-x was restarted 2 times by its probe: Liveness probe failed: HTTP probe failed with statuscode: 500"
    );
    let gone = json!({ "restartCount": 1, "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } });
    assert_eq!(
        check(&rollout(&gone)),
        "failed: deployment/faro: container `faro` of pod faro-1-x ended 2 times with exit code 0, though it should keep running"
    );
}

#[test]
fn quota_and_admission_refusals_end_the_wait() {
    let refused = |message: &str| {
        deployment(
            &json!({ "conditions": [{ "type": "ReplicaFailure", "status": "True", "message": message }] }),
        )
    };
    assert_eq!(
        check(&[refused("pods \"faro-1-x\" is forbidden: exceeded quota: small")]),
        "failed: deployment/faro: pods are refused: pods \"faro-1-x\" is forbidden: exceeded quota: small"
    );
    assert_eq!(
        check(&[refused("Internal error: webhook is away")]),
        "… deployment/faro: pods are refused: Internal error: webhook is away (until 20)"
    );
    let set = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("db", "s", None), "status": { "observedGeneration": 1 } });
    let event = event(
        "s",
        "FailedCreate",
        "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden",
    );
    assert!(
        check(&[set, event])
            .starts_with("failed: statefulset/db: pods are refused: create Pod db-0")
    );
}

#[test]
fn unschedulable_pod_gets_a_budget() {
    let unschedulable = pod(&json!({ "phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu.", "lastTransitionTime": at(START_S + 10).to_string(),
    }] }));
    let objects = [deployment(&json!({})), replica_set(), unschedulable];
    assert_eq!(
        check(&objects),
        "… deployment/faro: 0 of 3 replicas ready; pod faro-1-x cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu. (until 70)"
    );
    assert!(
        check_after(&objects, Want::Ready, 70)
            .starts_with("failed: deployment/faro: pod faro-1-x cannot be scheduled")
    );
}

#[test]
fn volume_that_cannot_be_mounted_gets_a_budget() {
    let creating = json!({ "state": { "waiting": { "reason": "ContainerCreating" } } });
    let mut objects = rollout(&creating).to_vec();
    objects.push(event(
        "p",
        "FailedMount",
        "MountVolume.SetUp failed for volume \"c\" : configmap \"x\" not found",
    ));
    assert!(check(&objects).ends_with("configmap \"x\" not found (until 20)"));
    assert!(check_after(&objects, Want::Ready, 20).starts_with("failed: "));
}

#[test]
fn only_pods_of_the_newest_replica_set_count() {
    let mut old = replica_set();
    old["metadata"]["name"] = json!("faro-0");
    old["metadata"]["uid"] = json!("r0");
    let mut new = replica_set();
    new["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": "10" });
    old["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": "9" });
    let mut crashed =
        container(&json!({ "restartCount": 9, "state": { "terminated": { "exitCode": 1 } } }));
    crashed["metadata"]["ownerReferences"][0]["uid"] = json!("r0");
    let objects = [deployment(&json!({ "replicas": 1 })), old, new, crashed];
    assert_eq!(check(&objects), "… deployment/faro: 0 of 3 replicas ready");
}

#[test]
fn hook_job_completes_or_fails_with_its_container() {
    let job = |conditions: Value| json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": meta("migrate", "r", None), "status": { "conditions": conditions } });
    let complete = job(json!([{ "type": "Complete", "status": "True" }]));
    assert_eq!(check_after(&[complete], Want::Complete, 1), "ready");
    let failed = job(
        json!([{ "type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit" }]),
    );
    let mut pod =
        container(&json!({ "state": { "terminated": { "exitCode": 3, "reason": "Error" } } }));
    pod["status"]["phase"] = json!("Failed");
    pod["spec"]["restartPolicy"] = json!("Never");
    assert_eq!(
        check_after(&[failed.clone(), pod.clone()], Want::Complete, 1),
        "failed: job/migrate: container `faro` of pod faro-1-x crashed with exit code 3"
    );
    assert_eq!(
        check_after(&[failed], Want::Complete, 1),
        "failed: job/migrate: the job failed: Job has reached the specified backoff limit"
    );
    assert!(
        check_after(&[job(json!([])), pod], Want::Complete, 1)
            .starts_with("… job/migrate: container")
    );
}

#[test]
fn other_kinds_are_judged_by_their_own_rules() {
    let check = |api_version: &str, kind: &str, status: Value| {
        let object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "x" }, "status": status });
        check(&[object])
    };
    assert_eq!(check("v1", "PersistentVolumeClaim", json!({ "phase": "Bound" })), "ready");
    assert_eq!(check("v1", "PersistentVolumeClaim", json!({ "phase": "Pending" })), "ready");
    assert_eq!(check("v1", "Service", json!({})), "ready");
    assert_eq!(check("networking.k8s.io/v1", "Ingress", json!({})), "ready");
    let definition =
        |status: &str| json!({ "conditions": [{ "type": "Established", "status": status }] });
    let kind = "CustomResourceDefinition";
    assert_eq!(check("apiextensions.k8s.io/v1", kind, definition("True")), "ready");
    assert_eq!(
        check("apiextensions.k8s.io/v1", kind, definition("False")),
        "… customresourcedefinition/x: waiting to be established"
    );
    let ready = |status: &str| json!({ "conditions": [{ "type": "Ready", "status": status, "message": "soon" }] });
    assert_eq!(check("cert-manager.io/v1", "Certificate", ready("True")), "ready");
    assert_eq!(
        check("cert-manager.io/v1", "Certificate", ready("False")),
        "… certificate/x: not ready: soon"
    );
    assert_eq!(check("example.com/v1", "Secret", ready("False")), "… secret/x: not ready: soon");
}

#[test]
fn service_leads_to_the_pods_that_are_ready_and_to_no_others() {
    let service = |spec: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta("web", "s", None), "spec": spec });
    let selecting = service(json!({ "selector": { "app": "web" } }));
    let pod = |uid: &str, is_ready: bool, is_ending: bool| {
        let mut metadata = meta(&format!("web-{uid}"), uid, None);
        metadata["labels"] = json!({ "app": "web", "other": "x" });
        if is_ending {
            metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        let status = if is_ready { "True" } else { "False" };
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "status": { "conditions": [{ "type": "Ready", "status": status }] } })
    };
    let slice = |endpoints: &[(&str, bool)]| {
        let mut metadata = meta("web-slice", "e", None);
        metadata["labels"] = json!({ "kubernetes.io/service-name": "web" });
        let endpoint = |(uid, is_ready): &(&str, bool)| json!({ "conditions": { "ready": is_ready }, "targetRef": { "kind": "Pod", "uid": uid } });
        json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
            "endpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>() })
    };
    let (new, old) = (pod("n", true, false), pod("o", true, true));
    let check_in = |rest: &[&Value]| {
        let all: Vec<Value> =
            std::iter::once(&selecting).chain(rest.iter().copied()).cloned().collect();
        check(&all)
    };
    let missing = "… service/web: pod web-n is not among its endpoints yet";
    assert_eq!(check_in(&[]), "ready");
    assert_eq!(check_in(&[&pod("n", false, false)]), "ready");
    assert_eq!(check_in(&[&new]), missing);
    assert_eq!(check_in(&[&new, &slice(&[("n", false)])]), missing);
    assert_eq!(check_in(&[&new, &old, &slice(&[("n", true), ("o", false)])]), "ready");
    let ending = "… service/web: 1 of its endpoints are pods that end";
    assert_eq!(check_in(&[&new, &old, &slice(&[("n", true), ("o", true)])]), ending);
    assert_eq!(check_in(&[&new, &slice(&[("n", true), ("gone", true)])]), ending);
    for led_elsewhere in [
        json!({}),
        json!({ "selector": { "app": "web" }, "type": "ExternalName" }),
        json!({ "selector": { "app": "web" }, "publishNotReadyAddresses": true }),
        json!({ "selector": { "app": "another" } }),
    ] {
        assert_eq!(check(&[service(led_elsewhere), new.clone()]), "ready");
    }
}

#[test]
fn pod_states_read_as_words() {
    let state = |pod: &Value, events: &[Value]| pod_state(pod, &world(events)).to_string();
    let creating = json!({ "state": { "waiting": { "reason": "ContainerCreating" } } });
    assert_eq!(state(&container(&creating), &[]), "creating");
    assert_eq!(
        state(&container(&creating), &[event("p", "Pulling", "Pulling image \"faro:1\"")]),
        "pulling faro:1"
    );
    let running = json!({ "state": { "running": {} } });
    assert_eq!(state(&container(&running), &[]), "running, not ready yet");
    let probe =
        event("p", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404");
    assert_eq!(
        state(&container(&running), &[probe]),
        "running, not ready yet: Readiness probe failed: HTTP probe failed with statuscode: 404"
    );
    let ready =
        pod(&json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }));
    assert_eq!(pod_state(&ready, &World::default()), PodState::Ready);
}
