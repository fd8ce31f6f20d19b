//! What a deploy tells while it runs, as it happens.

use std::fmt;

use release::{ObjectId, record::HookEvent, verdict::PodState};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// One thing that happened; `Display` is a line for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Progress {
    NamespaceCreated {
        namespace: String,
    },
    /// The lock of a run that died was taken over.
    LockTakenOver {
        why: String,
    },
    /// A revision that a dead run left pending was marked failed.
    StuckRevision {
        revision: u32,
    },
    RevisionCreated {
        revision: u32,
        status: String,
    },
    HookStarted {
        hook: String,
        on: HookEvent,
    },
    HookSucceeded {
        hook: String,
        on: HookEvent,
    },
    /// A line of a hook whose chart asks for its output.
    HookLog {
        hook: String,
        line: String,
    },
    Applied {
        id: ObjectId,
        is_new: bool,
    },
    Deleted {
        id: ObjectId,
    },
    /// What the rollout waits for, whenever that changes.
    Waiting {
        what: String,
    },
    Pod {
        pod: String,
        target: ObjectId,
        state: PodState,
    },
    PodGone {
        pod: String,
        target: ObjectId,
    },
    CheckPassed {
        check: String,
        answer: String,
        via: String,
    },
    /// A check has not passed yet and is tried again.
    CheckPending {
        check: String,
        answer: String,
    },
    Failed {
        cause: String,
    },
    EvidenceWritten {
        name: String,
    },
    RollingBack {
        to: u32,
    },
    RolledBack {
        to: u32,
        revision: u32,
    },
    Deployed {
        revision: u32,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NamespaceCreated { namespace } => write!(f, "namespace {namespace} created"),
            Self::LockTakenOver { why } => write!(f, "lock of an earlier run taken over: {why}"),
            Self::StuckRevision { revision } => {
                write!(f, "revision {revision} was stuck, now marked failed")
            }
            Self::RevisionCreated { revision, status } => {
                write!(f, "revision {revision} is {status}")
            }
            Self::HookStarted { hook, on } => write!(f, "{on} hook {hook} started"),
            Self::HookSucceeded { hook, on } => write!(f, "{on} hook {hook} succeeded"),
            Self::HookLog { hook, line } => write!(f, "hook {hook}: {line}"),
            Self::Applied { id, is_new: true } => write!(f, "{id} created"),
            Self::Applied { id, is_new: false } => write!(f, "{id} changed"),
            Self::Deleted { id } => write!(f, "{id} deleted"),
            Self::Waiting { what } => write!(f, "waiting: {what}"),
            Self::Pod { pod, state, .. } => write!(f, "pod {pod}: {state}"),
            Self::PodGone { pod, .. } => write!(f, "pod {pod}: gone"),
            Self::CheckPassed { check, answer, via } => {
                write!(f, "check {check} passed: {answer} ({via})")
            }
            Self::CheckPending { check, answer } => write!(f, "check {check}: {answer}"),
            Self::Failed { cause } => write!(f, "failed: {cause}"),
            Self::EvidenceWritten { name } => write!(f, "evidence: {name}"),
            Self::RollingBack { to } => write!(f, "rolling back to revision {to}"),
            Self::RolledBack { to, revision } => {
                write!(f, "rolled back to revision {to}, as revision {revision}")
            }
            Self::Deployed { revision } => write!(f, "revision {revision} is deployed"),
        }
    }
}

/// Where a deploy keeps its evidence; `name` is a relative path with `/`.
pub trait EvidenceSink: Send + Sync {
    fn write(&self, name: &str, content: &[u8]) -> std::io::Result<()>;
}

/// What every step of a deploy is handed: whom to tell, where evidence goes, and when to stop.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub report: &'a (dyn Fn(Progress) + Send + Sync),
    pub evidence: &'a dyn EvidenceSink,
    pub cancel: &'a CancellationToken,
}

impl Context<'_> {
    pub(crate) fn tell(&self, progress: Progress) {
        (self.report)(progress);
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("cancel", &self.cancel.is_cancelled())
            .finish_non_exhaustive()
    }
}
