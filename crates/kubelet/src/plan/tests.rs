//! Cases for what is done next, told as the life of a pod.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::*;
use crate::state::Terminated;

/// A pod whose actions succeed when the test says so.
struct Life {
    known: Known,
    now: Timestamp,
}

fn pod(spec: &Value) -> Arc<Pod> {
    let metadata = json!({"name": "p", "namespace": "ns", "uid": "u"});
    Arc::new(serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap())
}

impl Life {
    fn of(spec: &Value) -> Self {
        let now = Timestamp::from_second(1000).unwrap();
        Self { known: Known::new(pod(spec), now), now }
    }

    /// Plans until nothing is left to do now; returns all actions.
    fn step(&mut self) -> Vec<Action> {
        self.known.observe_ending(self.now);
        let mut all = Vec::new();
        loop {
            let plan = plan(&self.known, self.now);
            if plan.actions.is_empty() {
                return all;
            }
            for action in plan.actions {
                begin(&mut self.known, action, self.now);
                all.push(action);
            }
            assert!(all.len() < 50, "the plan never ends: {all:?}");
        }
    }

    /// Everything that a container needs but the container itself.
    fn make_ready(&mut self) {
        self.step();
        self.known.sandbox = Sandbox::Ready;
        self.known.volumes = Step::Done;
        self.resolve_images();
    }

    fn resolve_images(&mut self) {
        for container in &mut self.known.containers {
            if container.image == ImageStep::Resolving {
                image_ready(container, "image@digest".to_owned());
            }
        }
    }

    fn started(&mut self, idx: usize) {
        started(&mut self.known.containers[idx], self.now);
    }

    fn exited(&mut self, idx: usize, exit_code: i32) {
        let end = Terminated {
            exit_code,
            reason: "Error".to_owned(),
            message: String::new(),
            started_at: None,
            finished_at: Some(self.now),
            container_id: String::new(),
            image_id: String::new(),
        };
        self.known.containers[idx].end(end);
    }

    fn answered(&mut self, idx: usize, kind: ProbeKind, is_success: bool) {
        let failure = Answer::Failure("no".to_owned());
        let answer = if is_success { Answer::Success } else { failure };
        answered(&mut self.known.containers[idx], kind, &answer, self.now);
    }

    fn pass(&mut self, ms: i64) {
        self.now += SignedDuration::from_millis(ms);
    }

    fn wake_in_ms(&self) -> Option<i64> {
        let at = plan(&self.known, self.now).wake_at?;
        i64::try_from(at.duration_since(self.now).as_millis()).ok()
    }

    fn delete(&mut self, grace_s: i64) {
        let mut pod = Pod::clone(&self.known.pod);
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(self.now);
        pod.metadata.deletion_timestamp = Some(now);
        pod.metadata.deletion_grace_period_seconds = Some(grace_s);
        self.known.update(Arc::new(pod));
    }
}

fn one() -> Value {
    json!({"containers": [{"name": "web", "image": "web"}]})
}

#[test]
fn everything_is_prepared_at_once_and_then_the_container_starts() {
    let mut life = Life::of(&one());
    let prepared = [Action::CreateSandbox, Action::MountVolumes, Action::ResolveImage { idx: 0 }];
    assert_eq!(life.step(), prepared);
    assert_eq!(life.step(), []);
    life.make_ready();
    assert_eq!(life.step(), [Action::Start { idx: 0 }]);
    life.started(0);
    assert_eq!(life.step(), []);
    assert_eq!(life.wake_in_ms(), None);
    assert!(life.known.containers[0].is_ready());
}

#[test]
fn init_containers_run_one_after_the_other() {
    let mut life = Life::of(&json!({
        "initContainers": [{"name": "a"}, {"name": "b", "restartPolicy": "Always"}],
        "containers": [{"name": "c"}, {"name": "d"}],
    }));
    life.make_ready();
    assert_eq!(life.step(), [Action::Start { idx: 0 }]);
    life.started(0);
    assert_eq!(life.step(), []);
    life.exited(0, 0);
    assert_eq!(life.step(), [Action::Start { idx: 1 }]);
    assert_eq!(life.step(), []);
    life.started(1);
    assert_eq!(life.step(), [Action::Start { idx: 2 }]);
    assert_eq!(life.step(), []);
    life.started(2);
    assert_eq!(life.step(), [Action::Start { idx: 3 }]);
}

#[test]
fn a_sidecar_restarts_beside_the_containers() {
    let mut life = Life::of(&json!({
        "initContainers": [{"name": "a", "restartPolicy": "Always"}],
        "containers": [{"name": "c"}],
    }));
    life.make_ready();
    for idx in [0, 1] {
        assert_eq!(life.step(), [Action::Start { idx }]);
        life.started(idx);
    }
    life.exited(0, 1);
    assert_eq!(life.step(), [Action::ResolveImage { idx: 0 }]);
    life.resolve_images();
    assert_eq!(life.step(), [Action::Start { idx: 0 }]);
}

/// Lets the only container run and end once; returns how long it then waits, in ms.
fn crash(life: &mut Life) -> i64 {
    life.started(0);
    life.step();
    life.exited(0, 1);
    life.step();
    life.resolve_images();
    let actions = life.step();
    if actions.contains(&Action::Start { idx: 0 }) {
        return 0;
    }
    let waited_ms = life.wake_in_ms().unwrap();
    life.pass(waited_ms);
    assert_eq!(life.step(), [Action::Start { idx: 0 }]);
    waited_ms
}

#[test]
fn a_crash_loop_waits_longer_each_time() {
    let mut life = Life::of(&one());
    life.make_ready();
    life.step();
    let waited: Vec<i64> = (0..8).map(|_| crash(&mut life)).collect();
    assert_eq!(waited, [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    assert_eq!(life.known.containers[0].attempt, 8);
}

#[test]
fn the_back_off_is_told_once() {
    let mut life = Life::of(&one());
    life.make_ready();
    life.step();
    crash(&mut life);
    life.started(0);
    life.exited(0, 1);
    assert!(life.step().contains(&Action::ReportBackOff { idx: 0 }));
    life.resolve_images();
    assert_eq!(life.step(), []);
    life.pass(1000);
    assert_eq!(life.step(), []);
}

#[test]
fn restart_policies_decide_what_comes_after_the_end() {
    let check = |policy: &str, exit_code: i32, want: &[Action]| {
        let mut spec = one();
        spec["restartPolicy"] = json!(policy);
        let mut life = Life::of(&spec);
        life.make_ready();
        life.step();
        life.started(0);
        life.exited(0, exit_code);
        let actions = life.step();
        assert_eq!(actions, want, "{policy} {exit_code}");
    };
    check("Always", 0, &[Action::ResolveImage { idx: 0 }]);
    check("OnFailure", 1, &[Action::ResolveImage { idx: 0 }]);
    check("OnFailure", 0, &[Action::DestroySandbox]);
    check("Never", 1, &[Action::DestroySandbox]);
}

#[test]
fn a_failed_image_is_tried_again_and_told() {
    let mut life = Life::of(&one());
    life.step();
    image_failed(&mut life.known.containers[0], "ErrImagePull", "no".to_owned(), life.now);
    assert_eq!(life.step(), []);
    assert_eq!(life.wake_in_ms(), Some(2000));
    life.pass(2000);
    assert_eq!(life.step(), [Action::ReportBackOff { idx: 0 }]);
    assert_eq!(life.wake_in_ms(), Some(8000));
    life.pass(8000);
    assert_eq!(life.step(), [Action::ResolveImage { idx: 0 }]);
}

#[test]
fn readiness_begins_when_startup_has_succeeded() {
    let probe = json!({"tcpSocket": {"port": 80}, "periodSeconds": 5});
    let mut life = Life::of(&json!({"containers": [
        {"name": "web", "startupProbe": probe, "readinessProbe": probe, "livenessProbe": probe}]}));
    life.make_ready();
    life.step();
    life.started(0);
    let startup = ProbeKind::Startup;
    assert_eq!(life.step(), [Action::Probe { idx: 0, kind: startup }]);
    life.answered(0, startup, false);
    assert_eq!(life.wake_in_ms(), Some(10));
    life.pass(10);
    assert_eq!(life.step(), [Action::Probe { idx: 0, kind: startup }]);
    life.answered(0, startup, true);
    let both = [ProbeKind::Readiness, ProbeKind::Liveness];
    assert_eq!(life.step(), both.map(|kind| Action::Probe { idx: 0, kind }));
    assert!(!life.known.containers[0].is_ready());
    life.answered(0, ProbeKind::Readiness, true);
    assert!(life.known.containers[0].is_ready());
}

#[test]
fn a_failed_liveness_probe_kills_and_restarts() {
    let probe = json!({"tcpSocket": {"port": 80}, "failureThreshold": 1});
    let mut life = Life::of(&json!({"terminationGracePeriodSeconds": 7,
        "containers": [{"name": "web", "livenessProbe": probe}]}));
    life.make_ready();
    life.step();
    life.started(0);
    life.step();
    life.answered(0, ProbeKind::Liveness, false);
    let actions = life.step();
    assert!(matches!(actions[0], Action::Kill { reason: KillReason::Liveness, .. }));
    assert_eq!(actions[1..], [Action::Signal { idx: 0, signal: TERM }]);
    assert_eq!(life.wake_in_ms(), Some(7000));
    life.exited(0, 143);
    assert_eq!(life.step(), [Action::ResolveImage { idx: 0 }]);
}

#[test]
fn deletion_runs_the_hook_then_terminates_then_kills() {
    let hook = json!({"preStop": {"sleep": {"seconds": 1}}});
    let mut life = Life::of(&json!({"containers": [{"name": "web", "lifecycle": hook}]}));
    life.make_ready();
    life.step();
    life.started(0);
    life.delete(30);
    assert!(matches!(life.step()[..], [Action::Kill { reason: KillReason::PodEnds, .. }]));
    assert!(life.known.containers[0].is_in_pre_stop());
    life.pass(1000);
    let kill = life.known.containers[0].running_mut().unwrap().kill.as_mut().unwrap();
    kill.stage = KillStage::ToTerminate;
    assert_eq!(life.step(), [Action::Signal { idx: 0, signal: TERM }]);
    assert_eq!(life.wake_in_ms(), Some(29_000));
    life.pass(29_000);
    assert_eq!(life.step(), [Action::Signal { idx: 0, signal: KILL }]);
    life.exited(0, 137);
    assert_eq!(life.step(), [Action::DestroySandbox]);
    life.known.sandbox = Sandbox::Destroyed;
    assert_eq!(life.step(), [Action::Finish]);
    assert_eq!(life.step(), []);
}

#[test]
fn a_hook_that_takes_too_long_leaves_two_seconds() {
    let hook = json!({"preStop": {"sleep": {"seconds": 60}}});
    let mut life = Life::of(&json!({"containers": [{"name": "web", "lifecycle": hook}]}));
    life.make_ready();
    life.step();
    life.started(0);
    life.delete(5);
    life.step();
    life.pass(5000);
    assert_eq!(life.step(), [Action::Signal { idx: 0, signal: TERM }]);
    assert_eq!(life.wake_in_ms(), Some(2000));
    life.pass(2000);
    assert_eq!(life.step(), [Action::Signal { idx: 0, signal: KILL }]);
}

#[test]
fn a_shorter_grace_period_hastens_the_end() {
    let mut life = Life::of(&one());
    life.make_ready();
    life.step();
    life.started(0);
    life.delete(30);
    life.step();
    assert_eq!(life.wake_in_ms(), Some(30_000));
    life.delete(1);
    assert_eq!(life.step(), []);
    assert_eq!(life.wake_in_ms(), Some(1000));
    life.delete(0);
    assert_eq!(life.step(), [Action::Signal { idx: 0, signal: KILL }]);
}

#[test]
fn without_grace_a_container_is_killed_at_once() {
    let mut life = Life::of(&one());
    life.make_ready();
    life.step();
    life.started(0);
    life.delete(0);
    assert_eq!(life.step()[1..], [Action::Signal { idx: 0, signal: KILL }]);
}

#[test]
fn sidecars_end_after_the_containers() {
    let mut life = Life::of(&json!({"restartPolicy": "Never",
        "initContainers": [{"name": "a", "restartPolicy": "Always"}],
        "containers": [{"name": "c"}]}));
    life.make_ready();
    for idx in [0, 1] {
        life.step();
        life.started(idx);
    }
    life.exited(1, 0);
    let actions = life.step();
    assert!(matches!(actions[0], Action::Kill { idx: 0, reason: KillReason::PodEnds, .. }));
    life.exited(0, 143);
    assert_eq!(life.step(), [Action::DestroySandbox]);
    life.known.sandbox = Sandbox::Destroyed;
    assert_eq!(life.step(), [], "the pod stays until it is deleted");
}

#[test]
fn the_active_deadline_ends_the_pod() {
    let mut life = Life::of(&json!({"activeDeadlineSeconds": 60, "containers": [{"name": "c"}]}));
    life.make_ready();
    life.step();
    life.started(0);
    assert_eq!(life.wake_in_ms(), Some(60_000));
    life.pass(60_000);
    assert!(matches!(life.step()[0], Action::Kill { reason: KillReason::PodEnds, .. }));
    assert_eq!(life.known.ending.map(|it| it.cause), Some(Cause::DeadlineExceeded));
}

#[test]
fn a_pod_that_is_removed_before_it_ran_is_finished_at_once() {
    let mut life = Life::of(&one());
    life.known.is_removed = true;
    assert_eq!(life.step(), [Action::Finish]);
}

#[test]
fn a_new_image_replaces_the_container() {
    let mut life = Life::of(&one());
    life.make_ready();
    life.step();
    life.started(0);
    life.known.update(pod(&json!({"containers": [{"name": "web", "image": "web:2"}]})));
    assert!(matches!(life.step()[0], Action::Kill { reason: KillReason::Changed, .. }));
}
