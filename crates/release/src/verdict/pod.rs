//! What a pod says: ready, on its way, or why it will never be.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{
    Context, Failure, State,
    container::{self, Container},
    one_line, world,
    world::World,
};
use crate::object::{self, condition, count, items, text};

/// Where a pod stands, for showing it as it changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum PodState {
    /// It has no node yet.
    Pending,
    Unschedulable {
        message: String,
    },
    /// Volumes and network are being made.
    Creating,
    PullingImage {
        image: String,
    },
    Initializing {
        n_done: usize,
        n_total: usize,
    },
    /// It runs and is not ready; the last answer of its probe, if any.
    Starting {
        probe: Option<String>,
    },
    Ready,
    /// A container waits for what keeps it from starting, such as `ImagePullBackOff`.
    Blocked {
        reason: String,
        message: String,
    },
    Crashed {
        exit_code: i64,
        n_restarts: i64,
    },
    Succeeded,
    Failed {
        message: String,
    },
    Terminating,
}

impl fmt::Display for PodState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("pending"),
            Self::Unschedulable { message } => write!(f, "no node takes it: {message}"),
            Self::Creating => f.write_str("creating"),
            Self::PullingImage { image } => write!(f, "pulling {image}"),
            Self::Initializing { n_done, n_total } => {
                write!(f, "initializing, {n_done} of {n_total} done")
            }
            Self::Starting { probe: None } => f.write_str("running, not ready yet"),
            Self::Starting { probe: Some(probe) } => write!(f, "running, not ready yet: {probe}"),
            Self::Ready => f.write_str("ready"),
            Self::Blocked { reason, message } if message.is_empty() => f.write_str(reason),
            Self::Blocked { reason, message } => write!(f, "{reason}: {message}"),
            Self::Crashed { exit_code, n_restarts: 0 } => write!(f, "exited with code {exit_code}"),
            Self::Crashed { exit_code, n_restarts } => {
                write!(f, "exited with code {exit_code}, restarts: {n_restarts}")
            }
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed { message } => write!(f, "failed: {message}"),
            Self::Terminating => f.write_str("terminating"),
        }
    }
}

/// Reads where a pod stands.
pub fn pod_state(pod: &Value, world: &World) -> PodState {
    if object::is_deleting(pod) {
        return PodState::Terminating;
    }
    match text(&pod["status"]["phase"]) {
        "Succeeded" => return PodState::Succeeded,
        "Failed" => return PodState::Failed { message: phase_message(pod) },
        _ => {}
    }
    if is_true(pod, "Ready") {
        return PodState::Ready;
    }
    if let Some(message) = unschedulable(pod) {
        return PodState::Unschedulable { message: one_line(message) };
    }
    if let Some(state) =
        statuses(pod).find_map(|(status, is_init)| container_state(pod, status, is_init))
    {
        return state;
    }
    let mut ends = items(&pod["status"]["containerStatuses"])
        .map(|it| &it["state"]["terminated"]["exitCode"])
        .peekable();
    if ends.peek().is_some() && ends.all(|it| *it == 0) {
        return PodState::Succeeded;
    }
    let n_init = items(&pod["spec"]["initContainers"]).count();
    let n_done = items(&pod["status"]["initContainerStatuses"])
        .filter(|it| it["state"]["terminated"]["exitCode"] == 0 || it["ready"] == true)
        .count();
    let is_running =
        items(&pod["status"]["containerStatuses"]).any(|it| !it["state"]["running"].is_null());
    if is_running {
        PodState::Starting { probe: probe_answer(pod, world) }
    } else if n_init > n_done
        && items(&pod["status"]["initContainerStatuses"])
            .any(|it| !it["state"]["running"].is_null())
    {
        PodState::Initializing { n_done, n_total: n_init }
    } else if let Some(image) = pulling(pod, world) {
        PodState::PullingImage { image }
    } else if text(&pod["spec"]["nodeName"]).is_empty() {
        PodState::Pending
    } else {
        PodState::Creating
    }
}

/// Judges a pod that should serve.
pub(super) fn ready(pod: &Value, crashes_max: i64, ctx: Context<'_>) -> State {
    if object::is_deleting(pod) {
        return State::waiting(format!("pod {} is terminating", object::name(pod)));
    }
    match text(&pod["status"]["phase"]) {
        "Succeeded" => return State::Ready,
        "Failed" => {
            // A controller makes another one: what evicts or refuses a pod may pass.
            let failure = pod_failure(pod, &format!("failed: {}", phase_message(pod)));
            let is_controlled = object::controller(pod).is_some();
            return if is_controlled {
                State::waiting(failure.text)
            } else {
                State::Failed(failure)
            };
        }
        _ => {}
    }
    if is_true(pod, "Ready") {
        return State::Ready;
    }
    trouble(pod, crashes_max, ctx).unwrap_or_else(|| {
        let state = pod_state(pod, ctx.world);
        State::waiting(format!("pod {} is {state}", object::name(pod)))
    })
}

/// Judges a pod that should run to its end.
pub(super) fn complete(pod: &Value, ctx: Context<'_>) -> State {
    match text(&pod["status"]["phase"]) {
        "Succeeded" => State::Ready,
        "Failed" => {
            let ended = trouble(pod, 1, ctx).filter(|it| matches!(it, State::Failed(_)));
            let failure = pod_failure(pod, &format!("failed: {}", phase_message(pod)));
            ended.unwrap_or(State::Failed(failure))
        }
        _ => trouble(pod, ctx.budgets.crashes_max, ctx).unwrap_or_else(|| {
            State::waiting(format!("pod {} is {}", object::name(pod), pod_state(pod, ctx.world)))
        }),
    }
}

/// What is wrong with a pod that is not ready: failed or worth a word, failures first.
fn trouble(pod: &Value, crashes_max: i64, ctx: Context<'_>) -> Option<State> {
    if let Some(message) = unschedulable(pod) {
        let since =
            condition(pod, "PodScheduled").and_then(|it| world::time(&it["lastTransitionTime"]));
        let failure = pod_failure(pod, &format!("cannot be scheduled: {}", one_line(message)));
        return Some(ctx.budget(since, ctx.budgets.unschedulable_s, failure));
    }
    let judged = statuses(pod).filter_map(|(status, is_init)| {
        container::judge(Container { pod, status, is_init, crashes_max }, ctx)
    });
    let mut waiting = None;
    for state in judged {
        if matches!(state, State::Failed(_)) {
            return Some(state);
        }
        waiting = waiting.or(Some(state));
    }
    waiting.or_else(|| setup_trouble(pod, ctx))
}

/// A volume or sandbox that cannot be made shows in events alone.
fn setup_trouble(pod: &Value, ctx: Context<'_>) -> Option<State> {
    let is_creating =
        items(&pod["status"]["containerStatuses"]).all(|it| it["state"]["running"].is_null());
    let reasons = ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"];
    let event = ctx
        .world
        .recent_event(object::uid(pod), &reasons, ctx.budgets.since)
        .filter(|_| is_creating)?;
    let failure =
        pod_failure(pod, &format!("cannot be set up: {}", one_line(text(&event["message"]))));
    Some(ctx.budget(world::first_seen(event), ctx.budgets.setup_s, failure))
}

fn container_state(pod: &Value, status: &Value, is_init: bool) -> Option<PodState> {
    let n_restarts = count(&status["restartCount"]);
    let (waiting, ended) = (&status["state"]["waiting"], &status["state"]["terminated"]);
    match text(&waiting["reason"]) {
        "" | "ContainerCreating" | "PodInitializing" => {}
        "CrashLoopBackOff" => {
            let exit_code = count(&status["lastState"]["terminated"]["exitCode"]);
            return Some(PodState::Crashed { exit_code, n_restarts });
        }
        reason => {
            let message = container::runtime_error(text(&waiting["message"]));
            return Some(PodState::Blocked { reason: reason.to_owned(), message });
        }
    }
    // A container that may end well is done, not crashed.
    let is_done = ended["exitCode"] == 0 && (is_init || pod["spec"]["restartPolicy"] != "Always");
    (!ended.is_null() && !is_done)
        .then(|| PodState::Crashed { exit_code: count(&ended["exitCode"]), n_restarts })
}

/// The statuses of init containers, then of containers.
fn statuses(pod: &Value) -> impl Iterator<Item = (&Value, bool)> {
    let init = items(&pod["status"]["initContainerStatuses"]).map(|it| (it, true));
    init.chain(items(&pod["status"]["containerStatuses"]).map(|it| (it, false)))
}

fn unschedulable(pod: &Value) -> Option<&str> {
    let scheduled = condition(pod, "PodScheduled")?;
    (scheduled["status"] == "False" && scheduled["reason"] == "Unschedulable")
        .then(|| text(&scheduled["message"]))
}

fn pulling(pod: &Value, world: &World) -> Option<String> {
    let events = world.events_of(object::uid(pod));
    let last =
        events.into_iter().rev().find(|it| matches!(text(&it["reason"]), "Pulling" | "Pulled"))?;
    let message = text(&last["message"]);
    (last["reason"] == "Pulling")
        .then(|| message.split('"').nth(1).unwrap_or("its image").to_owned())
}

/// What the readiness or startup probe answered last.
fn probe_answer(pod: &Value, world: &World) -> Option<String> {
    let events = world.events_of(object::uid(pod));
    let last = events.into_iter().rev().find(|it| it["reason"] == "Unhealthy")?;
    Some(one_line(text(&last["message"])))
}

fn phase_message(pod: &Value) -> String {
    let status = &pod["status"];
    let ended = statuses(pod).find_map(|(it, _)| {
        let exit_code = it["state"]["terminated"]["exitCode"].as_i64().filter(|it| *it != 0)?;
        Some(format!("container `{}` ended with exit code {exit_code}", text(&it["name"])))
    });
    match (text(&status["reason"]), text(&status["message"])) {
        ("", "") => ended.unwrap_or_else(|| "no reason given".to_owned()),
        (reason, "") => reason.to_owned(),
        ("", message) => one_line(message),
        (reason, message) => format!("{reason}: {}", one_line(message)),
    }
}

fn is_true(object: &Value, type_: &str) -> bool {
    condition(object, type_).is_some_and(|it| it["status"] == "True")
}

fn pod_failure(pod: &Value, problem: &str) -> Failure {
    let name = object::name(pod);
    Failure { pod: Some(name.to_owned()), container: None, text: format!("pod {name} {problem}") }
}
