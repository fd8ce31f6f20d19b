//! The verdict over a rollout: from the objects that are watched to ready, progressing, or failed with its cause.

mod container;
mod kind;
mod pod;
mod service;
mod workload;
mod world;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::object::ObjectId;
pub use kind::{is_watched, watched_with};
pub use pod::{PodState, pod_state};
pub use world::World;

/// Lets a workload crash more often before it counts as failed, on the workload or its pod template.
pub const CRASHES_MAX_ANNOTATION: &str = "zarpa.dev/crashes-max";

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub id: ObjectId,
    pub want: Want,
    /// The generation that was written: an older one, seen late, says nothing.
    pub generation: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// It serves: all replicas of the newest revision are available.
    Ready,
    /// A Job or Pod ran to its end, as hooks do.
    Complete,
}

/// How long what may pass by itself is given, from when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// When the wait began; events from before do not count.
    pub since: Timestamp,
    pub unschedulable_s: i64,
    /// An image pull that fails for a reason that may pass: a time-out, a name that does not resolve.
    pub image_pull_s: i64,
    /// A volume that cannot be mounted, a sandbox that cannot be made, a replica that is refused for now.
    pub setup_s: i64,
    /// A container that crashes this often has failed.
    pub crashes_max: i64,
}

impl Budgets {
    pub fn starting(since: Timestamp) -> Self {
        Self { since, unschedulable_s: 60, image_pull_s: 60, setup_s: 20, crashes_max: 2 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Ready,
    Progressing {
        /// What is waited for, one line.
        what: String,
        /// When a budget runs out: judge again then, even if nothing changed.
        until: Option<Timestamp>,
    },
    Failed(Cause),
}

/// Why a rollout cannot succeed; `Display` is the one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What was waited for.
    pub target: ObjectId,
    /// The pod that shows it, if any.
    pub pod: Option<String>,
    pub container: Option<String>,
    pub text: String,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.target, self.text)
    }
}

/// Judges everything that is waited for: the first failure counts, then whatever is not ready yet.
pub fn judge(targets: &[Target], world: &World, budgets: &Budgets, now: Timestamp) -> Verdict {
    let ctx = Context { world, budgets, now };
    let mut waiting = Vec::new();
    let mut wake = None;
    for target in targets {
        match kind::judge(target, ctx) {
            State::Ready => {}
            State::Waiting { what, until } => {
                waiting.push(format!("{}: {what}", target.id));
                wake = earliest(wake, until);
            }
            State::Failed(failure) => {
                let Failure { pod, container, text } = failure;
                return Verdict::Failed(Cause { target: target.id.clone(), pod, container, text });
            }
        }
    }
    match waiting.as_slice() {
        [] => Verdict::Ready,
        [only] => Verdict::Progressing { what: only.clone(), until: wake },
        [first, rest @ ..] => {
            Verdict::Progressing { what: format!("{first} (and {} more)", rest.len()), until: wake }
        }
    }
}

/// What the rules of one object say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Ready,
    Waiting { what: String, until: Option<Timestamp> },
    Failed(Failure),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Failure {
    pod: Option<String>,
    container: Option<String>,
    text: String,
}

impl State {
    fn waiting(what: impl Into<String>) -> Self {
        Self::Waiting { what: what.into(), until: None }
    }

    fn failed(text: impl Into<String>) -> Self {
        Self::Failed(Failure { text: text.into(), ..Failure::default() })
    }
}

#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    world: &'a World,
    budgets: &'a Budgets,
    now: Timestamp,
}

impl Context<'_> {
    /// Waiting while a budget lasts that began at `since`, failed afterwards.
    fn budget(self, since: Option<Timestamp>, seconds: i64, failure: Failure) -> State {
        let until = since.unwrap_or(self.budgets.since).max(self.budgets.since)
            + SignedDuration::from_secs(seconds);
        if self.now < until {
            State::Waiting { what: failure.text, until: Some(until) }
        } else {
            State::Failed(failure)
        }
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The first line of a text, at most this long, for a line of its own.
fn one_line(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    let line = text.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests;
