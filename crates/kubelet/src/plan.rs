//! What to do next for a pod: from what is known and the time to actions, and when to look again.

use jiff::{SignedDuration, Timestamp};

use crate::{
    backoff::Backoff,
    probe::{Answer, ProbeKind, Prober, Verdict},
    state::{
        Cause, Container, Failure, Hook, ImageStep, Kill, KillReason, KillStage, Known, Role, Run,
        Running, Sandbox, Step,
    },
};

/// `SIGTERM` and `SIGKILL`.
pub(crate) const TERM: i32 = 15;
pub(crate) const KILL: i32 = 9;
/// What a container gets to end after its preStop hook has used up the grace period, as upstream.
const AFTER_PRE_STOP: SignedDuration = SignedDuration::from_secs(2);
/// How long `ErrImagePull` is shown before it becomes `ImagePullBackOff`.
pub(crate) const PULL_ERROR_SHOWN: SignedDuration = SignedDuration::from_secs(2);

/// One thing to do. `idx` is a position in [`Known::containers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    CreateSandbox,
    MountVolumes,
    ResolveImage {
        idx: usize,
    },
    Start {
        idx: usize,
    },
    PostStart {
        idx: usize,
    },
    Probe {
        idx: usize,
        kind: ProbeKind,
    },
    /// The container waits before it is tried again: say so in an event.
    ReportBackOff {
        idx: usize,
    },
    /// Begins with the preStop hook when there is one and time for it.
    Kill {
        idx: usize,
        reason: KillReason,
        deadline: Timestamp,
    },
    Signal {
        idx: usize,
        signal: i32,
    },
    DestroySandbox,
    /// Give everything back, and let the object go.
    Finish,
}

/// What to do now, and when to look again if nothing happens until then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) actions: Vec<Action>,
    pub(crate) wake_at: Option<Timestamp>,
}

impl Plan {
    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |it| it.min(at)));
    }

    /// Acts when `at` has come, and wakes up for it otherwise.
    fn act_at(&mut self, action: Action, at: Timestamp, now: Timestamp) {
        if at <= now { self.act(action) } else { self.wake(at) }
    }
}

/// Decides the next steps for a pod.
///
/// *Guarantees*: once [`begin`] has noted every action, the same time gives no action again.
pub(crate) fn plan(known: &Known, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    for (idx, container) in known.containers.iter().enumerate() {
        if let Some(running) = container.running() {
            go_on_killing(&mut plan, idx, running, now);
        }
    }
    if known.ending.is_some() || is_over(known) {
        end(&mut plan, known, now);
    } else {
        run(&mut plan, known, now);
    }
    plan
}

/// Whether no container will run again by the pod's own course: nothing but sidecars may be left.
pub(crate) fn is_over(known: &Known) -> bool {
    let policy = known.spec().restart_policy.as_deref();
    let has_failed = |it: &Container| {
        it.role == Role::Init
            && it
                .exited()
                .is_some_and(|end| end.exit_code != 0 && !it.restarts_after(end.exit_code, policy))
    };
    let is_done = |it: &Container| match it.role {
        Role::Main => it.exited().is_some_and(|end| !it.restarts_after(end.exit_code, policy)),
        _ => true,
    };
    known.containers.iter().any(has_failed) || known.containers.iter().all(is_done)
}

/// The pod goes on: make what is missing, start what may start, probe what runs.
fn run(plan: &mut Plan, known: &Known, now: Timestamp) {
    match &known.sandbox {
        Sandbox::Absent => plan.act(Action::CreateSandbox),
        Sandbox::Failed(failure) => plan.act_at(Action::CreateSandbox, failure.retry_at, now),
        _ => {}
    }
    match &known.volumes {
        Step::Todo => plan.act(Action::MountVolumes),
        Step::Failed(failure) => plan.act_at(Action::MountVolumes, failure.retry_at, now),
        Step::Doing | Step::Done => {}
    }
    for (idx, container) in known.containers.iter().enumerate() {
        resolve_image(plan, known, idx, container, now);
        if let Some(running) = container.running() {
            care_for(plan, idx, container, running, now);
        }
    }
    if known.sandbox == Sandbox::Ready && known.volumes == Step::Done {
        start_in_order(plan, known, now);
    }
    if let Some(deadline) = known.deadline() {
        plan.wake(deadline);
    }
}

fn resolve_image(
    plan: &mut Plan,
    known: &Known,
    idx: usize,
    container: &Container,
    now: Timestamp,
) {
    let policy = known.spec().restart_policy.as_deref();
    let is_wanted = match &container.run {
        Run::Waiting(_) => true,
        Run::Exited(end) => container.restarts_after(end.exit_code, policy),
        Run::Starting | Run::Running(_) => false,
    };
    if !is_wanted {
        return;
    }
    match &container.image {
        ImageStep::Unknown => plan.act(Action::ResolveImage { idx }),
        ImageStep::Failed(failure) => {
            if failure.reason == "ErrImagePull" && !failure.is_reported {
                let at = failure.failed_at + PULL_ERROR_SHOWN;
                plan.act_at(Action::ReportBackOff { idx }, at, now);
            }
            plan.act_at(Action::ResolveImage { idx }, failure.retry_at, now);
        }
        ImageStep::Resolving | ImageStep::Ready(_) => {}
    }
}

/// Hooks and probes of a running container, and its end when they say so.
fn care_for(plan: &mut Plan, idx: usize, container: &Container, running: &Running, now: Timestamp) {
    if running.kill.is_some() {
        return;
    }
    let grace_of = |kind: ProbeKind| {
        kind.of(&container.spec).and_then(|it| it.termination_grace_period_seconds)
    };
    let verdict = |kind: ProbeKind| running.probes.get(&kind).map(Prober::verdict);
    let failed = Some(Verdict::Failure);
    let reason = match &running.post_start {
        Hook::Failed(_) => Some((KillReason::PostStart, None)),
        _ if verdict(ProbeKind::Startup) == failed => {
            Some((KillReason::Startup, grace_of(ProbeKind::Startup)))
        }
        _ if verdict(ProbeKind::Liveness) == failed => {
            Some((KillReason::Liveness, grace_of(ProbeKind::Liveness)))
        }
        _ if container.spec.image.as_deref().is_some_and(|it| it != running.image) => {
            Some((KillReason::Changed, None))
        }
        _ => None,
    };
    if let Some((reason, grace_s)) = reason {
        // The default of the pod is put in by the caller, which knows it.
        let grace = SignedDuration::from_secs(grace_s.unwrap_or(-1));
        plan.act(Action::Kill { idx, reason, deadline: now + grace });
        return;
    }
    if running.post_start == Hook::Todo {
        plan.act(Action::PostStart { idx });
    }
    probe(plan, idx, running, now);
}

fn probe(plan: &mut Plan, idx: usize, running: &Running, now: Timestamp) {
    let is_starting =
        running.probes.get(&ProbeKind::Startup).is_some_and(|it| it.verdict() != Verdict::Success);
    for (kind, prober) in &running.probes {
        let is_on = match kind {
            ProbeKind::Startup => is_starting,
            ProbeKind::Readiness | ProbeKind::Liveness => !is_starting,
        };
        if let Some(due_at) = prober.due_at().filter(|_| is_on) {
            plan.act_at(Action::Probe { idx, kind: *kind }, due_at, now);
        }
    }
}

/// Init containers one after the other, then containers, each after the one before has started.
fn start_in_order(plan: &mut Plan, known: &Known, now: Timestamp) {
    let has_begun = known
        .containers
        .iter()
        .any(|it| it.role == Role::Main && (it.attempt > 0 || !matches!(it.run, Run::Waiting(_))));
    for (idx, container) in known.containers.iter().enumerate() {
        let goes_on = match (container.role, &container.run) {
            (Role::Init, Run::Exited(end)) if end.exit_code == 0 => true,
            (Role::Init, _) if has_begun => true,
            (Role::Init, Run::Starting | Run::Running(_)) => false,
            (Role::Init, _) => {
                start(plan, known, idx, now);
                false
            }
            (Role::Sidecar | Role::Main, Run::Starting) => false,
            (Role::Sidecar, Run::Running(_)) => container.is_started() || has_begun,
            (Role::Main, Run::Running(running)) => running.post_start == Hook::Done,
            (Role::Sidecar, _) => {
                start(plan, known, idx, now);
                has_begun
            }
            (Role::Main | Role::Ephemeral, _) => {
                start(plan, known, idx, now);
                // Several images may be pulled at once; the first one that can, starts.
                true
            }
        };
        let is_starting = plan.actions.contains(&Action::Start { idx });
        if !goes_on || is_starting {
            return;
        }
    }
}

/// Starts a container unless it ended for good, waits, or lacks its image.
fn start(plan: &mut Plan, known: &Known, idx: usize, now: Timestamp) {
    let container = &known.containers[idx];
    let policy = known.spec().restart_policy.as_deref();
    let may_start_at = match &container.run {
        Run::Waiting(None) => now,
        Run::Waiting(Some(failure)) => failure.retry_at,
        Run::Exited(end) if container.restarts_after(end.exit_code, policy) => {
            let at = restart_at(container, now);
            if at > now && !container.backoff.is_reported() {
                plan.act(Action::ReportBackOff { idx });
            }
            at
        }
        Run::Exited(_) | Run::Starting | Run::Running(_) => return,
    };
    if matches!(container.image, ImageStep::Ready(_)) {
        plan.act_at(Action::Start { idx }, may_start_at, now);
    }
}

/// When a container that has ended may run again.
pub(crate) fn restart_at(container: &Container, now: Timestamp) -> Timestamp {
    let finished_at = container.exited().and_then(|it| it.finished_at).unwrap_or(now);
    container.backoff.ends_at(finished_at)
}

/// Steps of a kill that has begun.
fn go_on_killing(plan: &mut Plan, idx: usize, running: &Running, now: Timestamp) {
    let Some(Kill { stage, deadline, .. }) = running.kill else { return };
    match stage {
        KillStage::ToTerminate if deadline <= now => {
            plan.act(Action::Signal { idx, signal: KILL });
        }
        KillStage::ToTerminate => plan.act(Action::Signal { idx, signal: TERM }),
        KillStage::PreStop | KillStage::Terminating => {
            let signal = if stage == KillStage::PreStop { TERM } else { KILL };
            plan.act_at(Action::Signal { idx, signal }, deadline, now);
        }
        KillStage::Killed => {}
    }
}

/// The pod ends: kill containers, then sidecars in reverse order, then take the sandbox down.
fn end(plan: &mut Plan, known: &Known, now: Timestamp) {
    let deadline = known.ending.map_or_else(|| now + grace(known), |it| it.deadline);
    let is_killable = |it: &Container| it.running().is_some_and(|it| it.kill.is_none());
    let mut is_main_left = false;
    for (idx, container) in known.containers.iter().enumerate() {
        if container.role == Role::Sidecar {
            continue;
        }
        is_main_left |= container.is_alive();
        if is_killable(container) {
            plan.act(Action::Kill { idx, reason: KillReason::PodEnds, deadline });
        }
        if let Some(running) = container.running() {
            keep_readiness(plan, idx, running, now);
        }
    }
    let last_sidecar =
        known.containers.iter().rposition(|it| it.role == Role::Sidecar && it.is_alive());
    match last_sidecar {
        _ if is_main_left => {}
        Some(idx) if is_killable(&known.containers[idx]) => {
            let deadline = deadline.max(now + AFTER_PRE_STOP);
            plan.act(Action::Kill { idx, reason: KillReason::PodEnds, deadline });
        }
        Some(_) => {}
        None => take_down(plan, known),
    }
}

fn keep_readiness(plan: &mut Plan, idx: usize, running: &Running, now: Timestamp) {
    let kind = ProbeKind::Readiness;
    let due_at = running.probes.get(&kind).and_then(Prober::due_at);
    if let Some(due_at) = due_at {
        plan.act_at(Action::Probe { idx, kind }, due_at, now);
    }
}

fn take_down(plan: &mut Plan, known: &Known) {
    let is_deleted = known.ending.is_some_and(|it| it.cause == Cause::Deleted);
    match known.sandbox {
        Sandbox::Ready => plan.act(Action::DestroySandbox),
        Sandbox::Creating | Sandbox::Destroying => {}
        Sandbox::Absent | Sandbox::Failed(_) | Sandbox::Destroyed => {
            let is_busy = known.volumes == Step::Doing;
            if is_deleted && !known.is_finishing && !is_busy {
                plan.act(Action::Finish);
            }
        }
    }
}

/// The pod's own grace period.
pub(crate) fn grace(known: &Known) -> SignedDuration {
    SignedDuration::from_secs(known.spec().termination_grace_period_seconds.unwrap_or(30).max(0))
}

/// Notes that an action is under way.
pub(crate) fn begin(known: &mut Known, action: Action, now: Timestamp) {
    let default_grace = grace(known);
    match action {
        Action::CreateSandbox => known.sandbox = Sandbox::Creating,
        Action::MountVolumes => known.volumes = Step::Doing,
        Action::DestroySandbox => known.sandbox = Sandbox::Destroying,
        Action::Finish => known.is_finishing = true,
        Action::ResolveImage { idx } => known.containers[idx].image = ImageStep::Resolving,
        Action::Start { idx } => begin_start(&mut known.containers[idx], now),
        Action::ReportBackOff { idx } => report(&mut known.containers[idx]),
        Action::PostStart { idx } => {
            if let Some(running) = known.containers[idx].running_mut() {
                running.post_start = Hook::Doing;
            }
        }
        Action::Probe { idx, kind } => {
            let running = known.containers[idx].running_mut();
            if let Some(prober) = running.and_then(|it| it.probes.get_mut(&kind)) {
                prober.begin();
            }
        }
        Action::Kill { idx, deadline, .. } => {
            let deadline = if deadline < now { now + default_grace } else { deadline };
            let container = &mut known.containers[idx];
            let has_hook =
                container.spec.lifecycle.as_ref().is_some_and(|it| it.pre_stop.is_some());
            let stage = if has_hook && deadline > now {
                KillStage::PreStop
            } else {
                KillStage::ToTerminate
            };
            if let Some(running) = container.running_mut() {
                running.kill = Some(Kill { stage, deadline, grace_ends_at: deadline });
            }
        }
        Action::Signal { idx, signal } => {
            if let Some(kill) = known.containers[idx].running_mut().and_then(|it| it.kill.as_mut())
            {
                begin_signal(kill, signal, now);
            }
        }
    }
}

fn begin_signal(kill: &mut Kill, signal: i32, now: Timestamp) {
    if signal == KILL {
        kill.stage = KillStage::Killed;
    } else {
        kill.deadline = kill.deadline.max(now + AFTER_PRE_STOP);
        kill.stage = KillStage::Terminating;
    }
}

fn begin_start(container: &mut Container, now: Timestamp) {
    if let Run::Exited(end) = &container.run {
        container.last = Some(end.clone());
        container.attempt += 1;
        container.backoff = container.backoff.next(now);
    }
    container.run = Run::Starting;
}

fn report(container: &mut Container) {
    match &mut container.image {
        ImageStep::Failed(failure) if !failure.is_reported => failure.is_reported = true,
        _ => container.backoff = container.backoff.reported(),
    }
}

/// Takes in that a container runs.
pub(crate) fn started(container: &mut Container, started_at: Timestamp) {
    let image_id = match &container.image {
        ImageStep::Ready(image_id) => image_id.clone(),
        _ => String::new(),
    };
    let has_hook = container.spec.lifecycle.as_ref().is_some_and(|it| it.post_start.is_some());
    let probes = ProbeKind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind, Prober::new(kind, kind.of(&container.spec)?, started_at))));
    let takes_probes = matches!(container.role, Role::Main | Role::Sidecar);
    let running = Running {
        started_at,
        image: container.spec.image.clone().unwrap_or_default(),
        image_id,
        post_start: if has_hook { Hook::Todo } else { Hook::Done },
        kill: None,
        probes: probes.filter(|_| takes_probes).collect(),
    };
    container.run = Run::Running(running);
}

/// Takes in a probe's answer; returns false when it does not count.
pub(crate) fn answered(
    container: &mut Container,
    kind: ProbeKind,
    answer: &Answer,
    now: Timestamp,
) -> bool {
    let Some(running) = container.running_mut() else { return false };
    let Some(prober) = running.probes.get_mut(&kind) else { return false };
    prober.answer(answer, now)
}

/// Takes in that an image could not be had.
pub(crate) fn image_failed(
    container: &mut Container,
    reason: &'static str,
    message: String,
    now: Timestamp,
) {
    container.image_backoff = container.image_backoff.next(now);
    let delay = container.image_backoff.delay();
    container.image = ImageStep::Failed(Failure::new(reason, message, now, delay));
}

/// Takes in that an image is there.
pub(crate) fn image_ready(container: &mut Container, image_id: String) {
    container.image_backoff = Backoff::default();
    container.image = ImageStep::Ready(image_id);
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
