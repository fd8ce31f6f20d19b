//! What a worker knows of its pod: plain values, changed by events and read by `plan` and `status`.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1 as core;

use crate::{
    backoff::Backoff,
    probe::{ProbeKind, Prober, Verdict},
};

/// A pod that was killed as it was being force-deleted still gets this long.
const REMOVED_GRACE_S: i64 = 1;

/// One pod of this node.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The newest version that was seen.
    pub(crate) pod: Arc<core::Pod>,
    /// The object is gone from the API.
    pub(crate) is_removed: bool,
    /// When this pod was first seen on the node.
    pub(crate) started_at: Timestamp,
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) sandbox: Sandbox,
    pub(crate) volumes: Step,
    /// Init containers and sidecars in order, then containers in order, then ephemeral ones.
    pub(crate) containers: Vec<Container>,
    /// Set once, and only hastened afterwards.
    pub(crate) ending: Option<Ending>,
    pub(crate) is_finishing: bool,
    /// The status that was last written or is to be: the truth of what we own in it.
    pub(crate) own: Option<core::PodStatus>,
}

/// The pod's shim with its namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sandbox {
    Absent,
    Creating,
    Ready,
    Failed(Failure),
    Destroying,
    Destroyed,
}

/// Work that is done once, and again when it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Todo,
    Doing,
    Done,
    Failed(Failure),
}

/// Why something could not be done, as a container status shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) failed_at: Timestamp,
    pub(crate) retry_at: Timestamp,
    /// Whether the back-off was told in an event.
    pub(crate) is_reported: bool,
}

impl Failure {
    pub(crate) fn new(
        reason: &'static str,
        message: String,
        failed_at: Timestamp,
        delay: SignedDuration,
    ) -> Self {
        Self { reason, message, failed_at, retry_at: failed_at + delay, is_reported: false }
    }
}

/// Why a pod is being ended, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) cause: Cause,
    /// When the last process is killed.
    pub(crate) deadline: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The pod has a deletion timestamp, or its object is gone.
    Deleted,
    /// `activeDeadlineSeconds` has passed.
    DeadlineExceeded,
    /// Someone else has set a terminal phase (an eviction, say).
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Init,
    /// An init container with `restartPolicy: Always`.
    Sidecar,
    Main,
    Ephemeral,
}

/// One container of the pod.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) spec: Arc<core::Container>,
    pub(crate) role: Role,
    /// Number of the present run, or of the next one: the restart count.
    pub(crate) attempt: u32,
    pub(crate) image: ImageStep,
    pub(crate) image_backoff: Backoff,
    pub(crate) run: Run,
    /// How the run before the present one ended.
    pub(crate) last: Option<Terminated>,
    pub(crate) backoff: Backoff,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImageStep {
    Unknown,
    Resolving,
    /// The image's id for the status: `NAME@DIGEST`.
    Ready(String),
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Run {
    /// Not started in this attempt, and perhaps why it could not be.
    Waiting(Option<Failure>),
    Starting,
    Running(Running),
    Exited(Terminated),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) started_at: Timestamp,
    /// The image as the pod named it when the container started.
    pub(crate) image: String,
    pub(crate) image_id: String,
    pub(crate) post_start: Hook,
    pub(crate) kill: Option<Kill>,
    pub(crate) probes: BTreeMap<ProbeKind, Prober>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hook {
    Todo,
    Doing,
    Done,
    Failed(String),
}

/// A container on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) stage: KillStage,
    pub(crate) deadline: Timestamp,
    /// The deadline as it was first set.
    pub(crate) grace_ends_at: Timestamp,
}

impl Kill {
    /// The time after a preStop hook that took all of its grace period is not shortened.
    fn is_before_grace_ended(&self, now: Timestamp) -> bool {
        self.grace_ends_at > now || self.stage == KillStage::PreStop
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KillStage {
    PreStop,
    ToTerminate,
    Terminating,
    Killed,
}

/// Why a container is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillReason {
    PodEnds,
    Liveness,
    Startup,
    PostStart,
    Changed,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terminated {
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    /// Empty when the run never had one.
    pub(crate) container_id: String,
    pub(crate) image_id: String,
}

impl Known {
    pub(crate) fn new(pod: Arc<core::Pod>, now: Timestamp) -> Self {
        let status = pod.status.as_ref();
        let started_at = status.and_then(|it| it.start_time.as_ref()).map_or(now, |it| it.0);
        let mut known = Self {
            pod,
            is_removed: false,
            started_at,
            address: None,
            sandbox: Sandbox::Absent,
            volumes: Step::Todo,
            containers: Vec::new(),
            ending: None,
            is_finishing: false,
            own: None,
        };
        known.take_containers();
        known
    }

    pub(crate) fn spec(&self) -> &core::PodSpec {
        // Every pod that reaches a worker was bound to this node, so it has a spec.
        self.pod.spec.as_ref().expect("a pod with a node has a spec")
    }

    pub(crate) fn uid(&self) -> &str {
        self.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Takes in a newer version of the pod.
    pub(crate) fn update(&mut self, pod: Arc<core::Pod>) {
        if pod.spec.is_some() {
            self.pod = pod;
            self.take_containers();
        }
    }

    fn take_containers(&mut self) {
        for (role, spec) in containers(self.spec()).collect::<Vec<_>>() {
            match self.containers.iter_mut().find(|it| it.spec.name == spec.name) {
                Some(container) => container.spec = Arc::new(spec),
                None => self.containers.push(Container::new(role, spec)),
            }
        }
    }

    /// Notes that the pod must end, or end sooner, when that is so.
    pub(crate) fn observe_ending(&mut self, now: Timestamp) {
        let metadata = &self.pod.metadata;
        let grace_s = self.spec().termination_grace_period_seconds.unwrap_or(30);
        let phase = self.pod.status.as_ref().and_then(|it| it.phase.as_deref());
        let (cause, grace_s) = if self.is_removed {
            let asked_s = metadata.deletion_grace_period_seconds.unwrap_or(grace_s);
            (Cause::Deleted, asked_s.max(REMOVED_GRACE_S))
        } else if metadata.deletion_timestamp.is_some() {
            (Cause::Deleted, metadata.deletion_grace_period_seconds.unwrap_or(grace_s))
        } else if self.deadline().is_some_and(|it| it <= now) {
            (Cause::DeadlineExceeded, grace_s)
        } else if matches!(phase, Some("Failed" | "Succeeded")) {
            (Cause::Terminated, grace_s)
        } else {
            return;
        };
        let grace = SignedDuration::from_secs(grace_s.clamp(0, i64::from(u32::MAX)));
        let deadline = now + grace;
        let ending = self.ending.get_or_insert(Ending { cause, deadline });
        if cause == Cause::Deleted {
            ending.cause = cause;
        }
        ending.deadline = ending.deadline.min(deadline);
        let deadline = ending.deadline;
        for running in self.containers.iter_mut().filter_map(Container::running_mut) {
            if let Some(kill) = running.kill.as_mut().filter(|it| it.is_before_grace_ended(now)) {
                kill.deadline = kill.deadline.min(deadline);
            }
        }
    }

    /// When `activeDeadlineSeconds` has passed.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let deadline_s = self.spec().active_deadline_seconds?;
        Some(self.started_at + SignedDuration::from_secs(deadline_s))
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.containers.iter().position(|it| it.spec.name == name)
    }

    /// Forgets failures that may be gone, so that they are tried again at `now`.
    pub(crate) fn retry(&mut self, now: Timestamp) {
        if let Step::Failed(failure) = &mut self.volumes {
            failure.retry_at = now;
        }
        for container in &mut self.containers {
            if let Run::Waiting(Some(failure)) = &mut container.run {
                failure.retry_at = now;
            }
        }
    }
}

impl Container {
    fn new(role: Role, spec: core::Container) -> Self {
        Self {
            spec: Arc::new(spec),
            role,
            attempt: 0,
            image: ImageStep::Unknown,
            image_backoff: Backoff::default(),
            run: Run::Waiting(None),
            last: None,
            backoff: Backoff::default(),
        }
    }

    pub(crate) fn running(&self) -> Option<&Running> {
        match &self.run {
            Run::Running(running) => Some(running),
            _ => None,
        }
    }

    pub(crate) fn running_mut(&mut self) -> Option<&mut Running> {
        match &mut self.run {
            Run::Running(running) => Some(running),
            _ => None,
        }
    }

    pub(crate) fn is_starting(&self) -> bool {
        self.run == Run::Starting
    }

    pub(crate) fn exited(&self) -> Option<&Terminated> {
        match &self.run {
            Run::Exited(terminated) => Some(terminated),
            _ => None,
        }
    }

    /// Whether its end waits for its preStop hook.
    pub(crate) fn is_in_pre_stop(&self) -> bool {
        let kill = self.running().and_then(|it| it.kill);
        kill.is_some_and(|it| it.stage == KillStage::PreStop)
    }

    /// Whether a process of it lives or is about to.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.run, Run::Starting | Run::Running(_))
    }

    /// Whether it runs and its startup probe, if any, has succeeded.
    pub(crate) fn is_started(&self) -> bool {
        self.running().is_some_and(|running| {
            running.post_start == Hook::Done
                && running
                    .probes
                    .get(&ProbeKind::Startup)
                    .is_none_or(|it| it.verdict() == Verdict::Success)
        })
    }

    /// Whether it may be sent requests.
    pub(crate) fn is_ready(&self) -> bool {
        let readiness = |running: &Running| match running.probes.get(&ProbeKind::Readiness) {
            Some(prober) => prober.verdict() == Verdict::Success,
            None => self.spec.readiness_probe.is_none(),
        };
        match self.role {
            Role::Init => self.exited().is_some_and(|it| it.exit_code == 0),
            Role::Ephemeral => false,
            Role::Sidecar | Role::Main => {
                self.is_started() && self.running().is_some_and(readiness)
            }
        }
    }

    /// Whether it runs again after it ended with `exit_code`.
    ///
    /// Source: Kubernetes 1.34, `podutil.ContainerShouldRestart`.
    pub(crate) fn restarts_after(&self, exit_code: i32, policy: Option<&str>) -> bool {
        match (self.role, policy.unwrap_or("Always")) {
            (Role::Ephemeral, _) => false,
            (Role::Sidecar, _) => true,
            (Role::Init, "Never") | (Role::Main, "Never") => false,
            (Role::Init, _) | (Role::Main, "OnFailure") => exit_code != 0,
            (Role::Main, _) => true,
        }
    }

    /// Takes in that the present run has ended.
    pub(crate) fn end(&mut self, terminated: Terminated) {
        self.run = Run::Exited(terminated);
        self.image = ImageStep::Unknown;
    }
}

/// The containers of a pod in the order in which they start.
fn containers(spec: &core::PodSpec) -> impl Iterator<Item = (Role, core::Container)> {
    let init = spec.init_containers.iter().flatten().map(|it| {
        let is_sidecar = it.restart_policy.as_deref() == Some("Always");
        (if is_sidecar { Role::Sidecar } else { Role::Init }, it.clone())
    });
    let main = spec.containers.iter().map(|it| (Role::Main, it.clone()));
    let ephemeral = spec.ephemeral_containers.iter().flatten().filter_map(as_container);
    init.chain(main).chain(ephemeral.map(|it| (Role::Ephemeral, it)))
}

/// An ephemeral container has the fields of a container, and `targetContainerName`.
fn as_container(ephemeral: &core::EphemeralContainer) -> Option<core::Container> {
    serde_json::from_value(serde_json::to_value(ephemeral).ok()?).ok()
}
