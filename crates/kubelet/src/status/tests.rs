//! Cases for a pod's status.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::*;
use crate::state::{Failure, Sandbox};

const HOST: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn known(spec: &Value) -> Known {
    let metadata = json!({"name": "p", "namespace": "ns", "uid": "u", "generation": 1});
    let pod: Pod = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    let mut known = Known::new(Arc::new(pod), at(0));
    known.address = Some(Ipv4Addr::new(10, 244, 0, 5));
    known
}

fn one() -> Value {
    json!({"containers": [{"name": "web", "image": "faro"}]})
}

fn written(known: &Known, now: i64) -> Value {
    serde_json::to_value(status(known, HOST, at(now))).unwrap()
}

fn end(exit_code: i32, finished_at: i64) -> Terminated {
    Terminated {
        exit_code,
        reason: if exit_code == 0 { "Completed" } else { "Error" }.to_owned(),
        message: String::new(),
        started_at: None,
        finished_at: Some(at(finished_at)),
        container_id: "zarpa://0".to_owned(),
        image_id: "faro@sha256:0".to_owned(),
    }
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let conditions = status["conditions"].as_array().unwrap();
    conditions.iter().find(|it| it["type"] == kind).unwrap()
}

#[test]
fn a_new_pod_is_pending_and_says_why() {
    let status = written(&known(&one()), 0);
    assert_eq!(status["phase"], "Pending");
    assert_eq!(status["podIP"], Value::Null);
    assert_eq!(status["qosClass"], "BestEffort");
    let container = &status["containerStatuses"][0];
    assert_eq!(container["state"], json!({"waiting": {"reason": "ContainerCreating"}}));
    assert_eq!(condition(&status, "PodReadyToStartContainers")["status"], "False");
    assert_eq!(condition(&status, "Initialized")["status"], "True");
    let ready = condition(&status, "Ready");
    assert_eq!(ready["reason"], "ContainersNotReady");
    assert_eq!(ready["message"], "containers with unready status: [web]");
    let kinds: Vec<&str> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    let want =
        ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    assert_eq!(kinds, want);
}

#[test]
fn a_running_pod_is_ready_and_has_an_address() {
    let mut known = known(&one());
    known.sandbox = Sandbox::Ready;
    plan::image_ready(&mut known.containers[0], "faro@sha256:0".to_owned());
    plan::started(&mut known.containers[0], at(1));
    let status = written(&known, 2);
    assert_eq!(status["phase"], "Running");
    assert_eq!(status["podIP"], "10.244.0.5");
    assert_eq!(status["hostIPs"], json!([{"ip": "10.244.0.1"}]));
    let container = &status["containerStatuses"][0];
    assert_eq!(container["state"], json!({"running": {"startedAt": "1970-01-01T00:00:01Z"}}));
    assert_eq!((&container["ready"], &container["started"]), (&json!(true), &json!(true)));
    assert_eq!(container["imageID"], "faro@sha256:0");
    assert!(container["containerID"].as_str().unwrap().starts_with("zarpa://"));
    assert_eq!(condition(&status, "Ready")["status"], "True");
}

#[test]
fn a_condition_that_stays_keeps_its_time() {
    let mut known = known(&one());
    known.own = Some(status(&known, HOST, at(1)));
    let later = written(&known, 9);
    assert_eq!(condition(&later, "Ready")["lastTransitionTime"], "1970-01-01T00:00:01Z");
    known.sandbox = Sandbox::Ready;
    plan::started(&mut known.containers[0], at(9));
    let later = written(&known, 9);
    assert_eq!(condition(&later, "Ready")["lastTransitionTime"], "1970-01-01T00:00:09Z");
    assert_eq!(condition(&later, "Initialized")["lastTransitionTime"], "1970-01-01T00:00:01Z");
}

#[test]
fn a_crash_loop_shows_the_back_off_and_the_last_run() {
    let mut known = known(&one());
    known.sandbox = Sandbox::Ready;
    known.containers[0].backoff = known.containers[0].backoff.next(at(1));
    known.containers[0].attempt = 1;
    known.containers[0].end(end(1, 5));
    let status = written(&known, 6);
    assert_eq!(status["phase"], "Running");
    let container = &status["containerStatuses"][0];
    let message = "back-off 10s restarting failed container=web pod=p_ns(u)";
    let want = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
    assert_eq!(container["state"], want);
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    assert_eq!(container["restartCount"], 1);
    let after = written(&known, 15);
    assert_eq!(after["containerStatuses"][0]["state"]["terminated"]["reason"], "Error");
}

#[test]
fn image_failures_turn_into_back_offs() {
    let mut known = known(&one());
    plan::image_failed(&mut known.containers[0], "ErrImagePull", "gone".to_owned(), at(10));
    let state = |now| written(&known, now)["containerStatuses"][0]["state"]["waiting"].clone();
    assert_eq!(state(10), json!({"reason": "ErrImagePull", "message": "gone"}));
    let message = "Back-off pulling image \"faro\": ErrImagePull: gone";
    assert_eq!(state(12), json!({"reason": "ImagePullBackOff", "message": message}));
}

#[test]
fn a_configuration_error_is_shown() {
    let mut known = known(&one());
    let failure = Failure::new(
        "CreateContainerConfigError",
        "secret \"x\" not found".to_owned(),
        at(0),
        jiff::SignedDuration::from_secs(10),
    );
    known.containers[0].run = Run::Waiting(Some(failure));
    let waiting = &written(&known, 1)["containerStatuses"][0]["state"]["waiting"];
    let want = json!({"reason": "CreateContainerConfigError", "message": "secret \"x\" not found"});
    assert_eq!(*waiting, want);
}

#[test]
fn pods_with_init_containers_wait_for_them() {
    let mut known = known(&json!({
        "initContainers": [{"name": "a", "image": "i"}],
        "containers": [{"name": "web", "image": "faro"}],
    }));
    let before = written(&known, 0);
    let initializing = json!({"waiting": {"reason": "PodInitializing"}});
    assert_eq!(before["containerStatuses"][0]["state"], initializing);
    let initialized = condition(&before, "Initialized");
    assert_eq!(initialized["reason"], "ContainersNotInitialized");
    assert_eq!(initialized["message"], "containers with incomplete status: [a]");
    known.containers[0].end(end(0, 1));
    let after = written(&known, 1);
    assert_eq!(condition(&after, "Initialized")["status"], "True");
    assert_eq!(after["initContainerStatuses"][0]["ready"], true);
}

#[test]
fn the_end_is_terminal_with_upstreams_reasons() {
    let check = |exit_code: i32, phase: &str, reason: &str| {
        let mut spec = one();
        spec["restartPolicy"] = json!("Never");
        let mut known = known(&spec);
        known.containers[0].end(end(exit_code, 1));
        let status = written(&known, 1);
        assert_eq!(status["phase"], phase);
        assert_eq!(condition(&status, "Ready")["reason"], reason);
    };
    check(0, "Succeeded", "PodCompleted");
    check(3, "Failed", "PodFailed");
}

#[test]
fn a_deleted_pod_ends_in_a_terminal_phase() {
    let mut known = known(&one());
    known.is_removed = true;
    known.observe_ending(at(1));
    known.containers[0].end(end(143, 1));
    let status = written(&known, 1);
    assert_eq!(status["phase"], "Failed");
    assert_eq!(status["containerStatuses"][0]["state"]["terminated"]["exitCode"], 143);
}

#[test]
fn readiness_gates_hold_the_pod_back() {
    let mut spec = one();
    spec["readinessGates"] = json!([{"conditionType": "example.com/gate"}]);
    let mut known = known(&spec);
    known.sandbox = Sandbox::Ready;
    plan::started(&mut known.containers[0], at(1));
    let status = written(&known, 1);
    assert_eq!(condition(&status, "ContainersReady")["status"], "True");
    let ready = condition(&status, "Ready");
    assert_eq!(ready["reason"], "ReadinessGatesNotReady");
    let message =
        "corresponding condition of pod readiness gate \"example.com/gate\" does not exist.";
    assert_eq!(ready["message"], message);
}

#[test]
fn ids_of_runs_differ() {
    let ids =
        [container_id("u", "web", 0), container_id("u", "web", 1), container_id("v", "web", 0)];
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert_eq!(ids[0].len(), "zarpa://".len() + 64);
}
