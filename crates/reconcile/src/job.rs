//! Job: runs pods until enough of them have succeeded.
//!
//! A finished pod is counted exactly once: first its uid is noted in the status, then its finalizer goes, then the
//! note becomes a count. So nothing is lost when a pod is deleted or this process ends in between.
//! Source: Kubernetes 1.34, `pkg/controller/job`; without `podFailurePolicy`, `successPolicy` and
//! `backoffLimitPerIndex`, which an event names.

mod indexed;
mod pods;
mod status;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::status::{Outcome, Tally};
use crate::{
    action::{self, Action, Notice, Propagation, Target},
    condition,
    facts::Facts,
    garbage::drop_finalizer,
    kinds, namespace, object, pod,
    world::{Key, key_of},
};

const COMPONENT: &str = "job-controller";
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
const BURST_MAX: usize = 500;
const BACKOFF_SECONDS_MIN: i64 = 10;
const BACKOFF_SECONDS_MAX: i64 = 600;

/// Decides on one Job.
pub(crate) fn job(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(job) = facts.world.get(key) else { return free_orphans(facts, key) };
    let pods: Vec<Arc<Value>> = facts
        .world
        .dependents_of(object::uid(job), kinds::POD)
        .filter(|it| object::is_controlled_by(it, job))
        .cloned()
        .collect();
    match finished_at(job) {
        Some(at) => clean_up(facts, job, &pods, at),
        None => Sync { facts: *facts, job, tally: Tally::new(job, &pods), pods }.decide(),
    }
}

fn is_tracked(pod: &Value) -> bool {
    object::has_finalizer(pod, FINALIZER)
}

fn untrack(pod: &Value) -> Action {
    drop_finalizer(&key_of(kinds::POD, pod), pod, FINALIZER)
}

/// The pods of a Job that is gone must not be held by its finalizer.
fn free_orphans(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let is_orphan = |pod: &&Arc<Value>| {
        let owner = object::controller_of(pod);
        is_tracked(pod)
            && owner.is_some_and(|it| it["kind"] == "Job" && it["name"] == key.name.as_str())
    };
    facts
        .world
        .list_in(kinds::POD, &key.namespace)
        .filter(is_orphan)
        .map(|it| untrack(it))
        .collect()
}

fn finished_at(job: &Value) -> Option<Timestamp> {
    let condition = ["Complete", "Failed"].iter().find_map(|it| {
        condition::find(job, it).filter(|condition| condition["status"] == "True")
    })?;
    Some(object::time_at(condition, "lastTransitionTime").unwrap_or_default())
}

/// Frees the pods of a finished Job, and deletes it when its time to live is over.
fn clean_up(
    facts: &Facts<'_>,
    job: &Value,
    pods: &[Arc<Value>],
    finished_at: Timestamp,
) -> Vec<Action> {
    let mut actions: Vec<Action> =
        pods.iter().filter(|it| is_tracked(it)).map(|it| untrack(it)).collect();
    let ttl =
        object::int_at(job, "spec.ttlSecondsAfterFinished").filter(|_| !object::is_deleted(job));
    let end = ttl.and_then(|it| finished_at.checked_add(SignedDuration::from_secs(it)).ok());
    match end {
        Some(end) if end <= facts.now => actions.push(Action::Delete {
            target: Target::of(kinds::JOB, job),
            propagation: Some(Propagation::Foreground),
            report: None,
        }),
        Some(end) => actions.push(Action::Requeue { at: end }),
        None => {}
    }
    actions
}

struct Sync<'a> {
    facts: Facts<'a>,
    job: &'a Value,
    pods: Vec<Arc<Value>>,
    tally: Tally,
}

impl Sync<'_> {
    fn active(&self) -> Vec<&Arc<Value>> {
        self.pods.iter().filter(|it| pod::is_active(it)).collect()
    }

    fn count(&self, path: &str, default: i64) -> i64 {
        object::int_at(self.job, path).unwrap_or(default)
    }

    fn decide(self) -> Vec<Action> {
        let active = self.active();
        let is_suspended = object::is_true_at(self.job, "spec.suspend");
        let mut outcome = self.outcome(active.len());
        let mut actions = self.unsupported();
        let mut n_active = active.len();
        match (&outcome, is_suspended) {
            (Some(Outcome::Failed { .. }), _) | (None, true) if n_active > 0 => {
                actions.extend(
                    active.iter().map(|it| pod::delete(it, kinds::JOB, self.job, COMPONENT)),
                );
                // The verdict is written when they are gone.
                outcome = outcome.filter(|_| false);
                n_active = 0;
            }
            (None, false) if !object::is_deleted(self.job) => {
                let (changes, n) = self.manage(&active);
                actions.extend(changes);
                n_active = n;
            }
            _ => {}
        }
        actions.extend(self.deadline().map(|at| Action::Requeue { at }));
        let noted =
            self.pods.iter().filter(|it| is_tracked(it) && self.tally.is_noted(object::uid(it)));
        actions.extend(noted.map(|it| untrack(it)));
        let status = status::write(&self, n_active, outcome.as_ref());
        actions.extend(self.tell(outcome.as_ref(), &status));
        actions.extend(action::update_status(kinds::JOB, self.job, &status));
        actions
    }

    fn outcome(&self, n_active: usize) -> Option<Outcome> {
        if let Some(outcome) = status::earlier_outcome(self.job) {
            return Some(outcome);
        }
        let limit = self.count("spec.backoffLimit", 6);
        let failed = |reason: &'static str, message: &str| {
            Some(Outcome::Failed { reason: reason.to_owned(), message: message.to_owned() })
        };
        if self.tally.n_failed() > limit || self.is_restart_limit_reached(limit) {
            return failed("BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }
        if self.deadline().is_some_and(|it| it <= self.facts.now) {
            return failed("DeadlineExceeded", "Job was active longer than specified deadline");
        }
        let is_complete = match object::int_at(self.job, "spec.completions") {
            Some(completions) => self.tally.n_succeeded() >= completions,
            None => self.tally.n_succeeded() > 0,
        };
        (is_complete && n_active == 0).then_some(Outcome::Complete)
    }

    /// With `restartPolicy: OnFailure` it is the containers that fail, not the pods.
    fn is_restart_limit_reached(&self, limit: i64) -> bool {
        if object::str_at(self.job, "spec.template.spec.restartPolicy") != "OnFailure" {
            return false;
        }
        let live = self.pods.iter().filter(|it| matches!(pod::phase(it), "Running" | "Pending"));
        let restarts: i64 = live
            .flat_map(|it| {
                let init = object::list_at(it, "status.initContainerStatuses");
                object::list_at(it, "status.containerStatuses").iter().chain(init)
            })
            .filter_map(|it| it["restartCount"].as_i64())
            .sum();
        if limit == 0 { restarts > 0 } else { restarts >= limit }
    }

    fn deadline(&self) -> Option<Timestamp> {
        let seconds = object::int_at(self.job, "spec.activeDeadlineSeconds")?;
        if object::is_true_at(self.job, "spec.suspend") {
            return None;
        }
        let start = object::time_at(self.job, "status.startTime").unwrap_or(self.facts.now);
        start.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    /// Creates or deletes pods until as many are active as there should be; gives that number too.
    fn manage(&self, active: &[&Arc<Value>]) -> (Vec<Action>, usize) {
        let parallelism = self.count("spec.parallelism", 1);
        let n_active = i64::try_from(active.len()).unwrap_or(i64::MAX);
        let wanted = match object::int_at(self.job, "spec.completions") {
            Some(completions) => (completions - self.tally.n_succeeded()).clamp(0, parallelism),
            None if self.tally.n_succeeded() > 0 => n_active.min(parallelism),
            None => parallelism,
        };
        let surplus = usize::try_from(n_active - wanted).unwrap_or_default();
        if surplus > 0 {
            let mut ranked: Vec<&&Arc<Value>> = active.iter().collect();
            ranked.sort_by(|a, b| pod::by_deletion_order(a, b, self.facts.now));
            let surplus = ranked.into_iter().take(surplus);
            let deletions =
                surplus.map(|it| pod::delete(it, kinds::JOB, self.job, COMPONENT)).collect();
            return (deletions, usize::try_from(wanted).unwrap_or_default());
        }
        let terminating = if object::str_at(self.job, "spec.podReplacementPolicy") == "Failed" {
            self.pods.iter().filter(|it| object::is_deleted(it) && !pod::is_finished(it)).count()
        } else {
            0
        };
        let missing =
            usize::try_from(wanted - n_active).unwrap_or_default().saturating_sub(terminating);
        if missing == 0 || namespace::is_terminating(self.facts.world, object::namespace(self.job))
        {
            return (Vec::new(), active.len());
        }
        if let Some(at) = self.backoff_until().filter(|it| *it > self.facts.now) {
            return (vec![Action::Requeue { at }], active.len());
        }
        let burst = if self.facts.trouble.is_some() { 1 } else { BURST_MAX };
        let creations = pods::creations(self, missing.min(burst));
        let n = active.len() + creations.len();
        (creations, n)
    }

    /// After each failure the next pod waits twice as long.
    fn backoff_until(&self) -> Option<Timestamp> {
        let ended = |phase: &'static str| {
            let pods = self.pods.iter().filter(move |it| pod::phase(it) == phase);
            pods.map(|it| pods::ended_at(it))
        };
        let last_success = ended("Succeeded").max();
        let failures =
            ended("Failed").filter(|it| last_success.is_none_or(|success| *it >= success));
        let (count, last) =
            failures.fold((0u32, None), |(count, last), it| (count + 1, last.max(Some(it))));
        let factor = 1i64.checked_shl(count.saturating_sub(1).min(16)).unwrap_or(i64::MAX);
        let seconds = BACKOFF_SECONDS_MIN.saturating_mul(factor).min(BACKOFF_SECONDS_MAX);
        last?.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    fn unsupported(&self) -> Vec<Action> {
        let fields = ["podFailurePolicy", "successPolicy", "backoffLimitPerIndex"];
        let is_new = object::at(self.job, "status.startTime").is_none();
        let used = fields.iter().filter(|it| is_new && object::at(&self.job["spec"], it).is_some());
        used.map(|field| {
            let about = action::reference(kinds::JOB, self.job);
            let message = format!("spec.{field} of a Job is stored but not acted on");
            Action::Record(Notice::warning(COMPONENT, about, "NotSupported", message))
        })
        .collect()
    }

    /// The event of a verdict, with the status that makes it final.
    fn tell(&self, outcome: Option<&Outcome>, status: &Value) -> Option<Action> {
        let about = action::reference(kinds::JOB, self.job);
        let is_final =
            ["Complete", "Failed"].iter().any(|it| condition::in_status(status, it).is_some());
        match outcome.filter(|_| is_final)? {
            Outcome::Complete => Some(Action::Record(Notice::normal(
                COMPONENT,
                about,
                "Completed",
                "Job completed".to_owned(),
            ))),
            Outcome::Failed { reason, message } => {
                Some(Action::Record(Notice::warning(COMPONENT, about, reason, message.clone())))
            }
        }
    }
}
