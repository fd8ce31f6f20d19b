//! The status of a Job: its counts, and how it comes to its end.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Sync, indexed, is_tracked};
use crate::{condition, object, pod};

/// How a Job ends.
#[derive(Debug)]
pub(super) enum Outcome {
    Complete,
    Failed { reason: String, message: String },
}

/// Which pods have ended, and how far their counting is.
pub(super) struct Tally {
    succeeded: Side,
    failed: Side,
    /// For an indexed Job: the indexes that are done.
    indexes: Option<indexed::Indexes>,
}

/// One way to end.
#[derive(Default)]
struct Side {
    counted: i64,
    /// In the status already, with the finalizer perhaps still there.
    noted: Vec<String>,
    /// Of those, the ones whose finalizer has gone.
    n_released: usize,
    new: Vec<String>,
}

impl Side {
    fn new(job: &Value, field: &str, pods: &[Arc<Value>], has_ended: fn(&Value) -> bool) -> Self {
        let noted = object::list_at(job, &format!("status.uncountedTerminatedPods.{field}"));
        let mut noted: Vec<String> =
            noted.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let is_held = |uid: &String| pods.iter().any(|it| object::uid(it) == uid && is_tracked(it));
        let n_before = noted.len();
        noted.retain(is_held);
        let ended = pods
            .iter()
            .filter(|it| is_tracked(it) && has_ended(it))
            .map(|it| object::uid(it).to_owned());
        Self {
            counted: object::int_at(job, &format!("status.{field}")).unwrap_or_default(),
            n_released: n_before - noted.len(),
            new: ended.filter(|it| !noted.contains(it)).collect(),
            noted,
        }
    }

    fn n_counted(&self) -> i64 {
        self.counted + i64::try_from(self.n_released).unwrap_or_default()
    }

    fn total(&self) -> i64 {
        self.n_counted() + i64::try_from(self.noted.len() + self.new.len()).unwrap_or_default()
    }
}

/// Failed, or deleted before it could say how it ended.
fn has_failed(pod: &Value) -> bool {
    let is_lost = object::is_deleted(pod)
        && (pod::node(pod).is_empty()
            || object::int_at(pod, "metadata.deletionGracePeriodSeconds") == Some(0));
    pod::phase(pod) == "Failed" || (is_lost && pod::phase(pod) != "Succeeded")
}

impl Tally {
    pub(super) fn new(job: &Value, pods: &[Arc<Value>]) -> Self {
        Self {
            succeeded: Side::new(job, "succeeded", pods, |it| pod::phase(it) == "Succeeded"),
            failed: Side::new(job, "failed", pods, has_failed),
            indexes: indexed::is_indexed(job).then(|| indexed::completed(job, pods)),
        }
    }

    pub(super) fn n_succeeded(&self) -> i64 {
        self.indexes.as_ref().map_or_else(
            || self.succeeded.total(),
            |it| i64::try_from(it.len()).unwrap_or(i64::MAX),
        )
    }

    pub(super) fn n_failed(&self) -> i64 {
        self.failed.total()
    }

    pub(super) fn indexes(&self) -> Option<&indexed::Indexes> {
        self.indexes.as_ref()
    }

    /// Whether the status names this pod, so that its finalizer may go.
    pub(super) fn is_noted(&self, uid: &str) -> bool {
        [&self.succeeded, &self.failed].iter().any(|side| side.noted.iter().any(|it| it == uid))
    }

    fn uncounted(&self) -> Map<String, Value> {
        let sides = [("succeeded", &self.succeeded), ("failed", &self.failed)];
        let lists = sides
            .into_iter()
            .map(|(field, it)| (field, it.noted.iter().chain(&it.new).collect::<Vec<_>>()));
        lists
            .filter(|(_, it)| !it.is_empty())
            .map(|(field, it)| (field.to_owned(), json!(it)))
            .collect()
    }
}

/// A verdict that an earlier decision has written, and that only waits for the last pods.
pub(super) fn earlier_outcome(job: &Value) -> Option<Outcome> {
    if condition::is_true(job, "SuccessCriteriaMet") {
        return Some(Outcome::Complete);
    }
    let target = condition::find(job, "FailureTarget").filter(|it| it["status"] == "True")?;
    let text = |field: &str| object::str_at(target, field).to_owned();
    Some(Outcome::Failed { reason: text("reason"), message: text("message") })
}

pub(super) fn write(sync: &Sync<'_>, n_active: usize, outcome: Option<&Outcome>) -> Value {
    let (job, tally) = (sync.job, &sync.tally);
    let mut status =
        job.get("status").filter(|it| it.is_object()).cloned().unwrap_or_else(|| json!({}));
    let n_ready = sync.pods.iter().filter(|it| pod::is_active(it) && pod::is_ready(it)).count();
    let n_terminating =
        sync.pods.iter().filter(|it| object::is_deleted(it) && !pod::is_finished(it)).count();
    status["ready"] = n_ready.into();
    status["terminating"] = n_terminating.into();
    let uncounted = tally.uncounted();
    let is_all_counted = uncounted.is_empty();
    status["uncountedTerminatedPods"] = Value::Object(uncounted);
    let n_succeeded =
        if tally.indexes.is_some() { tally.n_succeeded() } else { tally.succeeded.n_counted() };
    for (field, count) in [
        ("active", i64::try_from(n_active).unwrap_or(i64::MAX)),
        ("succeeded", n_succeeded),
        ("failed", tally.failed.n_counted()),
    ] {
        if count != 0 {
            status[field] = count.into();
        } else if let Some(status) = status.as_object_mut() {
            status.remove(field);
        }
    }
    if let Some(indexes) = tally.indexes().filter(|it| !it.is_empty()) {
        status["completedIndexes"] = indexed::ranges(indexes).into();
    }
    suspend_or_start(sync, &mut status);
    if let Some(outcome) = outcome {
        conclude(sync, &mut status, outcome, is_all_counted && n_terminating == 0);
    }
    status
}

fn suspend_or_start(sync: &Sync<'_>, status: &mut Value) {
    let now = sync.facts.now;
    let was_suspended =
        condition::in_status(status, "Suspended").is_some_and(|it| it["status"] == "True");
    if object::is_true_at(sync.job, "spec.suspend") {
        if !was_suspended {
            condition::set(
                status,
                condition(sync, "Suspended", "True", ("JobSuspended", "Job suspended")),
            );
        }
        return;
    }
    if was_suspended {
        condition::set(
            status,
            condition(sync, "Suspended", "False", ("JobResumed", "Job resumed")),
        );
        status["startTime"] = object::time(now);
    }
    if object::at(status, "startTime").is_none() {
        status["startTime"] = object::time(now);
    }
}

fn condition(sync: &Sync<'_>, name: &str, value: &str, (reason, message): (&str, &str)) -> Value {
    json!({
        "type": name,
        "status": value,
        "reason": reason,
        "message": message,
        "lastProbeTime": object::time(sync.facts.now),
        "lastTransitionTime": object::time(sync.facts.now),
    })
}

/// First what the Job will end as; when every pod is counted and gone, that it has ended.
fn conclude(sync: &Sync<'_>, status: &mut Value, outcome: &Outcome, is_final: bool) {
    let (early, last, told) = match outcome {
        Outcome::Complete => {
            let told = ("CompletionsReached", "Reached expected number of succeeded pods");
            ("SuccessCriteriaMet", "Complete", told)
        }
        Outcome::Failed { reason, message } => {
            ("FailureTarget", "Failed", (reason.as_str(), message.as_str()))
        }
    };
    condition::set(status, condition(sync, early, "True", told));
    if !is_final {
        return;
    }
    condition::set(status, condition(sync, last, "True", told));
    if matches!(outcome, Outcome::Complete) {
        status["completionTime"] = object::time(sync.facts.now);
    }
}
