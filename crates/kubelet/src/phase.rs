//! The phase of a pod from the states of its containers.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodSpec};

/// How many containers are in which state.
#[derive(Default)]
struct Counts {
    pending_init: u32,
    pending_sidecars: u32,
    has_failed_init: bool,
    unknown: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    stopped_for_good: u32,
    succeeded: u32,
}

/// Decides the phase; `is_terminal` says that no container will be started any more.
///
/// Source: Kubernetes 1.34, `getPhase` in `pkg/kubelet/kubelet_pods.go`.
pub(crate) fn phase(
    spec: &PodSpec,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
    is_terminal: bool,
) -> &'static str {
    let mut counts = Counts::default();
    for container in spec.init_containers.iter().flatten() {
        let status = find(init, &container.name);
        if is_sidecar(container) {
            count_sidecar(&mut counts, status);
        } else {
            count_init(&mut counts, spec, status);
        }
    }
    for container in &spec.containers {
        count_main(&mut counts, spec, find(main, &container.name));
    }
    let has_initialized = has_initialized(spec, init, main);
    decide(&counts, is_terminal, has_initialized)
}

/// Whether a container that is not an init container has been started, or all init containers are
/// done.
pub(crate) fn has_initialized(
    spec: &PodSpec,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
) -> bool {
    let is_done = |container: &Container| {
        find(init, &container.name).is_some_and(|it| {
            if is_sidecar(container) { it.started == Some(true) } else { it.ready }
        })
    };
    has_started(main) || spec.init_containers.iter().flatten().all(is_done)
}

/// Whether a container that is not an init container has been started.
pub(crate) fn has_started(main: &[ContainerStatus]) -> bool {
    main.iter().any(|it| {
        let state = it.state.as_ref();
        state.is_some_and(|it| it.running.is_some() || it.terminated.is_some())
            || it.last_state.as_ref().is_some_and(|it| it.terminated.is_some())
    })
}

pub(crate) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn find<'a>(statuses: &'a [ContainerStatus], name: &str) -> Option<&'a ContainerStatus> {
    statuses.iter().find(|it| it.name == name)
}

/// A container's state, reduced to what matters here.
enum State {
    Missing,
    Running,
    Terminated(i32),
    /// With the exit code of the run before, if there was one.
    Waiting(Option<i32>),
}

fn state(status: Option<&ContainerStatus>) -> State {
    let Some(status) = status else { return State::Missing };
    let state = status.state.clone().unwrap_or_default();
    let last = status.last_state.as_ref().and_then(|it| it.terminated.as_ref());
    match (state.running, state.terminated, state.waiting) {
        (Some(_), ..) => State::Running,
        (_, Some(it), _) => State::Terminated(it.exit_code),
        (.., Some(_)) => State::Waiting(last.map(|it| it.exit_code)),
        _ => State::Missing,
    }
}

fn restarts(policy: Option<&str>, exit_code: i32) -> bool {
    match policy {
        Some("Never") => false,
        Some("OnFailure") => exit_code != 0,
        _ => true,
    }
}

fn count_init(counts: &mut Counts, spec: &PodSpec, status: Option<&ContainerStatus>) {
    match state(status) {
        State::Missing | State::Running | State::Waiting(None) => counts.pending_init += 1,
        State::Terminated(code) | State::Waiting(Some(code)) => {
            let is_final = spec.restart_policy.as_deref() == Some("Never");
            counts.has_failed_init |= code != 0 && is_final;
        }
    }
}

fn count_sidecar(counts: &mut Counts, status: Option<&ContainerStatus>) {
    match state(status) {
        State::Missing => counts.unknown += 1,
        State::Running => {
            if status.and_then(|it| it.started) != Some(true) {
                counts.pending_sidecars += 1;
            }
            counts.running += 1;
        }
        State::Waiting(None) => {
            counts.pending_sidecars += 1;
            counts.waiting += 1;
        }
        State::Terminated(_) | State::Waiting(Some(_)) => {}
    }
}

fn count_main(counts: &mut Counts, spec: &PodSpec, status: Option<&ContainerStatus>) {
    let policy = spec.restart_policy.as_deref();
    match state(status) {
        State::Missing => counts.unknown += 1,
        State::Running => counts.running += 1,
        State::Waiting(None) => counts.waiting += 1,
        State::Terminated(code) | State::Waiting(Some(code)) => {
            counts.stopped += 1;
            counts.stopped_for_good += u32::from(!restarts(policy, code));
            let is_terminated =
                status.and_then(|it| it.state.as_ref()).is_some_and(|it| it.terminated.is_some());
            counts.succeeded += u32::from(is_terminated && code == 0);
        }
    }
}

fn decide(counts: &Counts, is_terminal: bool, has_initialized: bool) -> &'static str {
    if counts.has_failed_init {
        return "Failed";
    }
    let is_initializing =
        counts.pending_init > 0 || (counts.pending_sidecars > 0 && !has_initialized);
    if is_initializing || counts.waiting > 0 || counts.unknown > 0 {
        return "Pending";
    }
    if counts.running > 0 {
        return "Running";
    }
    if counts.stopped == 0 {
        return "Pending";
    }
    if !is_terminal && counts.stopped != counts.stopped_for_good {
        return "Running";
    }
    if counts.stopped == counts.succeeded { "Succeeded" } else { "Failed" }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(policy: &str, init: &Value, main: &Value, is_terminal: bool, want: &str) {
        let names = |statuses: &Value| -> Vec<Value> {
            let statuses = statuses.as_array().unwrap().iter().enumerate();
            statuses.map(|(idx, _)| json!({"name": format!("c{idx}")})).collect()
        };
        let spec = json!({"restartPolicy": policy, "containers": names(main),
            "initContainers": names(init)});
        let statuses = |states: &Value| -> Vec<ContainerStatus> {
            let states = states.as_array().unwrap().iter().enumerate();
            let status = |(idx, it): (usize, &Value)| {
                serde_json::from_value(
                    json!({"name": format!("c{idx}"), "image": "", "imageID": "",
                    "ready": false, "restartCount": 0, "state": it["state"],
                    "lastState": it["last"]}),
                )
                .unwrap()
            };
            states.map(status).collect()
        };
        let spec = serde_json::from_value(spec).unwrap();
        assert_eq!(phase(&spec, &statuses(init), &statuses(main), is_terminal), want, "{main}");
    }

    fn waiting() -> Value {
        json!({"state": {"waiting": {}}, "last": {}})
    }

    fn running() -> Value {
        json!({"state": {"running": {}}, "last": {}})
    }

    fn exited(code: i32) -> Value {
        json!({"state": {"terminated": {"exitCode": code}}, "last": {}})
    }

    fn crash_looping() -> Value {
        json!({"state": {"waiting": {}}, "last": {"terminated": {"exitCode": 1}}})
    }

    #[test]
    fn phases_follow_containers_and_restart_policy() {
        let none = json!([]);
        check("Always", &none, &json!([waiting(), running()]), false, "Pending");
        check("Always", &none, &json!([running()]), false, "Running");
        check("Always", &none, &json!([exited(0)]), false, "Running");
        check("Always", &none, &json!([crash_looping()]), false, "Running");
        check("Always", &none, &json!([exited(0)]), true, "Succeeded");
        check("Always", &none, &json!([exited(0), exited(2)]), true, "Failed");
        check("OnFailure", &none, &json!([exited(1)]), false, "Running");
        check("OnFailure", &none, &json!([exited(0)]), false, "Succeeded");
        check("Never", &none, &json!([exited(0), exited(1)]), false, "Failed");
        check("Never", &none, &json!([exited(0), running()]), false, "Running");
    }

    #[test]
    fn init_containers_hold_the_pod_pending_or_fail_it() {
        check("Always", &json!([running()]), &json!([waiting()]), false, "Pending");
        check("Never", &json!([exited(1)]), &json!([waiting()]), false, "Failed");
        check("Always", &json!([crash_looping()]), &json!([waiting()]), false, "Pending");
        check("Always", &json!([exited(0)]), &json!([running()]), false, "Running");
    }
}
