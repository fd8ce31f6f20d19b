//! What a workload says: its counts, its controller's refusals, and the pods of its newest revision.

use serde_json::Value;

use super::{CRASHES_MAX_ANNOTATION, Context, Failure, State, one_line, pod, world};
use crate::object::{self, condition, count, items, text};

/// What an API server answers when it will refuse a pod for good.
const FINAL_REFUSALS: [&str; 4] =
    ["exceeded quota", "forbidden", "denied the request", "is invalid"];

/// Source of the counting rules: kstatus of fluxcd/cli-utils, which Helm 4 waits with.
pub(super) fn deployment(object: &Value, ctx: Context<'_>) -> State {
    let status = &object["status"];
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    if object["spec"]["paused"] == true {
        return State::Ready;
    }
    let replica_set = newest_replica_set(object, ctx);
    if let Some(refused) = refusal(&[Some(object), replica_set], ctx) {
        return refused;
    }
    let (n_all, n_updated) = (count(&status["replicas"]), count(&status["updatedReplicas"]));
    let (n_ready, n_available) =
        (count(&status["readyReplicas"]), count(&status["availableReplicas"]));
    let n_good = n_updated.min(n_ready).min(n_available);
    let shortfall = if n_good < wanted {
        format!("{n_good} of {wanted} replicas ready")
    } else if n_all > n_updated {
        format!("{} old replicas still running", n_all - n_updated)
    } else {
        return State::Ready;
    };
    let pods =
        replica_set.map(object::uid).into_iter().flat_map(|uid| ctx.world.controlled("Pod", uid));
    let state = short(shortfall, pods, crashes_max(object, ctx), ctx);
    let is_stalled = condition(object, "Progressing")
        .is_some_and(|it| it["reason"] == "ProgressDeadlineExceeded");
    match state {
        State::Waiting { what, .. } if is_stalled => {
            State::failed(format!("made no progress in time; {what}"))
        }
        state => state,
    }
}

pub(super) fn stateful_set(object: &Value, ctx: Context<'_>) -> State {
    let status = &object["status"];
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return State::Ready;
    }
    if let Some(refused) = refusal(&[Some(object)], ctx) {
        return refused;
    }
    let partition = count(&object["spec"]["updateStrategy"]["rollingUpdate"]["partition"]);
    let n_ready = count(&status["readyReplicas"]);
    let n_updated = count(&status["updatedReplicas"]);
    let (update, current) = (text(&status["updateRevision"]), text(&status["currentRevision"]));
    let shortfall = if n_ready < wanted || count(&status["replicas"]) != wanted {
        format!("{n_ready} of {wanted} replicas ready")
    } else if update != current && n_updated < wanted - partition {
        format!("{n_updated} of {} replicas updated", wanted - partition)
    } else {
        return State::Ready;
    };
    let is_new = |it: &&Value| {
        update.is_empty() || object::label(it, "controller-revision-hash") == Some(update)
    };
    let pods = ctx.world.controlled("Pod", object::uid(object)).filter(is_new);
    short(shortfall, pods, crashes_max(object, ctx), ctx)
}

pub(super) fn daemon_set(object: &Value, ctx: Context<'_>) -> State {
    let status = &object["status"];
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return State::Ready;
    }
    if let Some(refused) = refusal(&[Some(object)], ctx) {
        return refused;
    }
    let wanted = count(&status["desiredNumberScheduled"]);
    let n_updated = count(&status["updatedNumberScheduled"]);
    let n_good =
        n_updated.min(count(&status["numberAvailable"])).min(count(&status["numberReady"]));
    if n_good >= wanted {
        return State::Ready;
    }
    let pods = ctx.world.controlled("Pod", object::uid(object));
    short(format!("{n_good} of {wanted} pods ready"), pods, crashes_max(object, ctx), ctx)
}

/// A ReplicaSet or ReplicationController that stands in the manifest itself.
pub(super) fn replica_set(object: &Value, ctx: Context<'_>) -> State {
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    if let Some(refused) = refusal(&[Some(object)], ctx) {
        return refused;
    }
    let n_good = count(&object["status"]["readyReplicas"])
        .min(count(&object["status"]["availableReplicas"]));
    if n_good >= wanted {
        return State::Ready;
    }
    let pods = ctx.world.controlled("Pod", object::uid(object));
    short(format!("{n_good} of {wanted} replicas ready"), pods, crashes_max(object, ctx), ctx)
}

/// A Job of the manifest is ready once it has started; one that failed is a failure.
pub(super) fn job_started(object: &Value, ctx: Context<'_>) -> State {
    match job_complete(object, ctx) {
        State::Waiting { .. } if !object["status"]["startTime"].is_null() => State::Ready,
        State::Waiting { .. } if object["spec"]["suspend"] == true => State::Ready,
        state => state,
    }
}

/// A Job that should run to its end, as hooks do.
pub(super) fn job_complete(object: &Value, ctx: Context<'_>) -> State {
    let is_true = |type_| condition(object, type_).filter(|it| it["status"] == "True");
    if is_true("Complete").is_some() || is_true("SuccessCriteriaMet").is_some() {
        return State::Ready;
    }
    let pods = || ctx.world.controlled("Pod", object::uid(object));
    if let Some(failed) = is_true("Failed").or_else(|| is_true("FailureTarget")) {
        let ended =
            pods().map(|it| pod::complete(it, ctx)).find(|it| matches!(it, State::Failed(_)));
        let reason = one_line(text(&failed["message"]));
        return ended.unwrap_or_else(|| State::failed(format!("the job failed: {reason}")));
    }
    if let Some(refused) = refusal(&[Some(object)], ctx) {
        return refused;
    }
    let mut waiting = State::waiting("waiting for the job to complete");
    for pod in pods() {
        match pod::complete(pod, ctx) {
            // A pod that failed may be tried again: the job's own condition ends the wait, not its pod.
            State::Failed(failure) if is_never_run(pod) => return State::Failed(failure),
            State::Failed(failure) => waiting = State::waiting(failure.text),
            State::Waiting { what, until } => waiting = State::Waiting { what, until },
            State::Ready => {}
        }
    }
    waiting
}

/// Says that no container of the pod ever ended: it cannot start, so trying again would not help.
fn is_never_run(pod: &Value) -> bool {
    items(&pod["status"]["containerStatuses"])
        .chain(items(&pod["status"]["initContainerStatuses"]))
        .all(|it| it["state"]["terminated"].is_null() && it["lastState"]["terminated"].is_null())
}

/// Too few replicas: a pod that failed says why, else one that is not ready yet says what it does.
fn short<'a>(
    shortfall: String,
    pods: impl Iterator<Item = &'a Value>,
    crashes_max: i64,
    ctx: Context<'_>,
) -> State {
    let mut waiting: Option<(String, Option<jiff::Timestamp>)> = None;
    for pod in pods {
        match pod::ready(pod, crashes_max, ctx) {
            State::Failed(failure) => return State::Failed(failure),
            State::Waiting { what, until } if waiting.as_ref().is_none_or(|it| it.1.is_none()) => {
                waiting = Some((what, until));
            }
            State::Waiting { .. } | State::Ready => {}
        }
    }
    match waiting {
        Some((what, until)) => State::Waiting { what: format!("{shortfall}; {what}"), until },
        None => State::waiting(shortfall),
    }
}

/// A controller that may not create pods: quota, admission, a missing service account.
fn refusal(objects: &[Option<&Value>], ctx: Context<'_>) -> Option<State> {
    let objects = || objects.iter().flatten();
    let failure = objects()
        .find_map(|it| condition(it, "ReplicaFailure").filter(|it| it["status"] == "True"));
    let (message, since) = match failure {
        Some(failure) => (text(&failure["message"]), world::time(&failure["lastTransitionTime"])),
        None => {
            let created = |it: &&Value| {
                items(&it["status"]["conditions"]).count() > 0 && it["kind"] == "Deployment"
            };
            let event = objects().filter(|it| !created(it)).find_map(|it| {
                ctx.world.recent_event(object::uid(it), &["FailedCreate"], ctx.budgets.since)
            })?;
            (text(&event["message"]), world::first_seen(event))
        }
    };
    let text = format!("pods are refused: {}", one_line(message));
    let failure = Failure { text, ..Failure::default() };
    let is_final = FINAL_REFUSALS.iter().any(|it| message.contains(it));
    Some(if is_final {
        State::Failed(failure)
    } else {
        ctx.budget(since, ctx.budgets.setup_s, failure)
    })
}

/// The ReplicaSet that the Deployment rolls out to: the one with the highest revision.
fn newest_replica_set<'a>(deployment: &Value, ctx: Context<'a>) -> Option<&'a Value> {
    let revision = |it: &Value| -> i64 {
        object::annotation(it, "deployment.kubernetes.io/revision")
            .and_then(|it| it.parse().ok())
            .unwrap_or_default()
    };
    let made = |it: &Value| text(&it["metadata"]["creationTimestamp"]).to_owned();
    ctx.world
        .controlled("ReplicaSet", object::uid(deployment))
        .max_by_key(|it| (revision(it), made(it)))
}

fn crashes_max(workload: &Value, ctx: Context<'_>) -> i64 {
    object::annotation(workload, CRASHES_MAX_ANNOTATION)
        .or_else(|| object::annotation(&workload["spec"]["template"], CRASHES_MAX_ANNOTATION))
        .and_then(|it| it.parse().ok())
        .unwrap_or(ctx.budgets.crashes_max)
}
