//! The status of a Deployment: counts, and the conditions by which clients judge a rollout.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Rollout, scaling, sets::ReplicaSet};
use crate::{condition, object};

fn condition(now: Timestamp, name: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": name,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": object::time(now),
        "lastTransitionTime": object::time(now),
    })
}

pub(super) fn progressing(now: Timestamp, status: &str, reason: &str, message: &str) -> Value {
    condition(now, "Progressing", status, reason, message)
}

/// Counts, `observedGeneration` and the condition `Available`.
pub(super) fn calculate(rollout: &Rollout<'_>) -> Value {
    let sum = |count: fn(&ReplicaSet) -> i64| rollout.all().map(count).sum::<i64>();
    let available = sum(|it| it.available);
    let mut status = Map::new();
    for (field, count) in [
        ("observedGeneration", object::generation(rollout.object)),
        ("replicas", sum(|it| it.actual)),
        ("updatedReplicas", rollout.new.as_ref().map_or(0, |it| it.actual)),
        ("readyReplicas", sum(|it| it.ready)),
        ("availableReplicas", available),
        ("unavailableReplicas", (rollout.total() - available).max(0)),
    ] {
        if count != 0 {
            status.insert(field.to_owned(), count.into());
        }
    }
    for field in ["collisionCount", "conditions"] {
        if let Some(value) = rollout.status.get(field) {
            status.insert(field.to_owned(), value.clone());
        }
    }
    let mut status = Value::Object(status);
    let min_available =
        rollout.replicas - scaling::max_unavailable(rollout.object, rollout.replicas);
    let (value, reason, verb) = if available >= min_available {
        ("True", "MinimumReplicasAvailable", "has")
    } else {
        ("False", "MinimumReplicasUnavailable", "does not have")
    };
    let message = format!("Deployment {verb} minimum availability.");
    condition::set(&mut status, condition(rollout.facts.now, "Available", value, reason, &message));
    status
}

/// The condition `Progressing`: done, moving, or stuck for longer than the deadline; and `ReplicaFailure`.
pub(super) fn judge_progress(rollout: &Rollout<'_>, before: &Value, status: &mut Value) {
    if !rollout.has_deadline() {
        condition::remove(status, "Progressing");
    }
    let current =
        condition::in_status(&rollout.status, "Progressing").map(|it| object::str_at(it, "reason"));
    let count = |field: &str| object::int_at(status, field).unwrap_or_default();
    let was_complete =
        count("replicas") == count("updatedReplicas") && current == Some("NewReplicaSetAvailable");
    if rollout.has_deadline() && !was_complete {
        let subject = rollout.new.as_ref().map_or_else(
            || format!("Deployment \"{}\"", object::name(rollout.object)),
            |new| format!("ReplicaSet \"{}\"", new.name),
        );
        let now = rollout.facts.now;
        if rollout.is_complete(status) {
            let message = format!("{subject} has successfully progressed.");
            condition::set(status, progressing(now, "True", "NewReplicaSetAvailable", &message));
        } else if has_moved(before, status) {
            let message = format!("{subject} is progressing.");
            condition::overwrite(status, progressing(now, "True", "ReplicaSetUpdated", &message));
        } else if is_timed_out(rollout, status) {
            let message = format!("{subject} has timed out progressing.");
            condition::set(status, progressing(now, "False", "ProgressDeadlineExceeded", &message));
        }
    }
    match replica_failure(rollout) {
        Some(failure) => condition::set(status, failure),
        None => condition::remove(status, "ReplicaFailure"),
    }
}

fn has_moved(before: &Value, after: &Value) -> bool {
    let count = |status: &Value, field: &str| object::int_at(status, field).unwrap_or_default();
    let grew = |field: &str| count(after, field) > count(before, field);
    let n_old = |status: &Value| count(status, "replicas") - count(status, "updatedReplicas");
    grew("updatedReplicas")
        || n_old(after) < n_old(before)
        || grew("readyReplicas")
        || grew("availableReplicas")
}

fn deadline_of(rollout: &Rollout<'_>, status: &Value) -> Option<Timestamp> {
    let seconds = object::int_at(rollout.object, "spec.progressDeadlineSeconds")
        .filter(|_| rollout.has_deadline())?;
    let progress = condition::in_status(status, "Progressing")?;
    let updated = object::time_at(progress, "lastUpdateTime")?;
    updated.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn is_timed_out(rollout: &Rollout<'_>, status: &Value) -> bool {
    let reason = condition::in_status(status, "Progressing").map(|it| object::str_at(it, "reason"));
    match reason {
        None | Some("NewReplicaSetAvailable") => false,
        Some("ProgressDeadlineExceeded") => true,
        Some(_) => deadline_of(rollout, status).is_some_and(|it| it < rollout.facts.now),
    }
}

/// When to look at the progress again though nothing may have happened.
pub(super) fn deadline(rollout: &Rollout<'_>, status: &Value) -> Option<Timestamp> {
    let reason =
        condition::in_status(status, "Progressing").map(|it| object::str_at(it, "reason"))?;
    if matches!(reason, "NewReplicaSetAvailable" | "ProgressDeadlineExceeded")
        || rollout.is_complete(status)
    {
        return None;
    }
    deadline_of(rollout, status)?.checked_add(SignedDuration::from_secs(1)).ok()
}

fn replica_failure(rollout: &Rollout<'_>) -> Option<Value> {
    let sets = rollout.new.iter().chain(&rollout.old);
    let failure = sets.filter_map(|it| condition::find(&it.object, "ReplicaFailure")).next()?;
    let mut failure = failure.clone();
    failure["lastUpdateTime"] = failure["lastTransitionTime"].clone();
    Some(failure)
}
