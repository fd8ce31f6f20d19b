//! A pod's status from what is known of it, in upstream's words.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{
        ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
        ContainerStatus, HostIP, PodIP, PodStatus, VolumeMountStatus,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use oci::Digest;

use crate::{
    conditions, phase,
    plan::{self, PULL_ERROR_SHOWN},
    resources,
    security::pod_name,
    state::{Cause, Container, Hook, ImageStep, Known, Role, Run, Step, Terminated},
};

const DEADLINE_REASON: &str = "DeadlineExceeded";
pub(crate) const DEADLINE_MESSAGE: &str =
    "Pod was active on the node longer than the specified deadline";

/// Writes the status of a pod.
///
/// Conditions of other writers are left out: a strategic merge patch keeps them.
/// Source: Kubernetes 1.34, `generateAPIPodStatus`.
pub(crate) fn status(known: &Known, host: Ipv4Addr, now: Timestamp) -> PodStatus {
    let seen = known.pod.status.clone().unwrap_or_default();
    let old = known.own.clone().unwrap_or_else(|| seen.clone());
    let of_roles = |roles: &[Role]| {
        let containers = known.containers.iter().filter(|it| roles.contains(&it.role));
        containers.map(|it| container_status(known, it, now)).collect::<Vec<_>>()
    };
    let init = of_roles(&[Role::Init, Role::Sidecar]);
    let main = of_roles(&[Role::Main]);
    let ephemeral = of_roles(&[Role::Ephemeral]);
    let phase = phase(known, &init, &main, terminal_phase(&seen, &old));
    let is_exceeded = known.ending.is_some_and(|it| it.cause == Cause::DeadlineExceeded)
        || old.reason.as_deref() == Some(DEADLINE_REASON);
    let conditions = conditions::conditions(known, &old, phase, (&init, &main), now);
    let some = |it: Vec<ContainerStatus>| (!it.is_empty()).then_some(it);
    let address = known.address.filter(|_| is_reachable(known, &old));
    let address = if known.spec().host_network == Some(true) { Some(host) } else { address };
    PodStatus {
        conditions: Some(conditions),
        container_statuses: some(main),
        ephemeral_container_statuses: some(ephemeral),
        host_ip: Some(host.to_string()),
        host_ips: Some(vec![HostIP { ip: host.to_string() }]),
        init_container_statuses: some(init),
        message: if is_exceeded { Some(DEADLINE_MESSAGE.to_owned()) } else { seen.message },
        observed_generation: known.pod.metadata.generation,
        phase: Some(phase.to_owned()),
        pod_ip: address.map(|it| it.to_string()),
        pod_ips: address.map(|it| vec![PodIP { ip: it.to_string() }]),
        qos_class: old.qos_class.or(Some(resources::qos(known.spec()).as_str().to_owned())),
        reason: if is_exceeded { Some(DEADLINE_REASON.to_owned()) } else { seen.reason },
        start_time: Some(Time(known.started_at)),
        ..PodStatus::default()
    }
}

/// A pod never comes back from a terminal phase, whoever has set it.
fn terminal_phase<'a>(seen: &'a PodStatus, old: &'a PodStatus) -> Option<&'a str> {
    let phases = [seen.phase.as_deref(), old.phase.as_deref()];
    phases.into_iter().flatten().find(|it| matches!(*it, "Failed" | "Succeeded"))
}

/// An address is shown once the pod has its network, and stays.
fn is_reachable(known: &Known, old: &PodStatus) -> bool {
    use crate::state::Sandbox;
    old.pod_ip.is_some() || matches!(known.sandbox, Sandbox::Ready | Sandbox::Destroying)
}

fn phase(
    known: &Known,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
    old: Option<&str>,
) -> &'static str {
    match (old, known.ending.map(|it| it.cause)) {
        (Some("Failed"), _) | (_, Some(Cause::DeadlineExceeded)) => "Failed",
        (Some("Succeeded"), _) => "Succeeded",
        (_, ending) => phase::phase(known.spec(), init, main, ending.is_some()),
    }
}

/// The id of a run as clients see it: unique among all runs of all pods.
pub(crate) fn container_id(uid: &str, name: &str, attempt: u32) -> String {
    format!("zarpa://{}", Digest::of(format!("{uid}/{name}/{attempt}").as_bytes()).hex())
}

fn container_status(known: &Known, container: &Container, now: Timestamp) -> ContainerStatus {
    let spec = &container.spec;
    let state = state(known, container, now);
    let has_run =
        container.attempt > 0 || !matches!(container.run, Run::Waiting(_) | Run::Starting);
    // A run that ended is still the last state once its successor waits.
    let last = match (&container.run, &state.waiting) {
        (Run::Exited(end), Some(_)) => Some(end),
        _ => container.last.as_ref(),
    };
    let run_id = match &container.run {
        Run::Running(_) => Some(container_id(known.uid(), &spec.name, container.attempt)),
        Run::Exited(end) => Some(end.container_id.clone()),
        Run::Waiting(_) | Run::Starting => last.map(|it| it.container_id.clone()),
    };
    let image_id = match (&container.run, &container.image) {
        (Run::Running(running), _) => running.image_id.clone(),
        (Run::Exited(end), _) => end.image_id.clone(),
        (_, ImageStep::Ready(image_id)) if has_run => image_id.clone(),
        _ => last.map(|it| it.image_id.clone()).unwrap_or_default(),
    };
    let requests = spec.resources.as_ref().and_then(|it| it.requests.clone());
    ContainerStatus {
        allocated_resources: requests.filter(|_| has_run),
        container_id: run_id.filter(|it| !it.is_empty()),
        image: spec.image.clone().unwrap_or_default(),
        image_id,
        last_state: Some(ContainerState {
            terminated: last.map(terminated),
            ..ContainerState::default()
        }),
        name: spec.name.clone(),
        ready: container.is_ready(),
        resources: has_run.then(|| spec.resources.clone().unwrap_or_default()),
        restart_count: i32::try_from(container.attempt).unwrap_or(i32::MAX),
        started: Some(container.role != Role::Init && container.is_started()),
        state: Some(state),
        volume_mounts: mounts(container),
        ..ContainerStatus::default()
    }
}

fn state(known: &Known, container: &Container, now: Timestamp) -> ContainerState {
    match &container.run {
        Run::Running(running) if running.post_start == Hook::Done || running.kill.is_some() => {
            ContainerState {
                running: Some(ContainerStateRunning { started_at: Some(Time(running.started_at)) }),
                ..ContainerState::default()
            }
        }
        Run::Exited(end) => match waits_to_restart(known, container, end, now) {
            Some((reason, message)) => waiting(reason, message),
            None => {
                ContainerState { terminated: Some(terminated(end)), ..ContainerState::default() }
            }
        },
        Run::Waiting(Some(failure)) => waiting(failure.reason, Some(failure.message.clone())),
        Run::Running(_) | Run::Starting | Run::Waiting(None) => {
            waits_to_start(known, container, now)
        }
    }
}

/// Why a container that has ended waits, unless it is about to run again or never will.
fn waits_to_restart(
    known: &Known,
    container: &Container,
    end: &Terminated,
    now: Timestamp,
) -> Option<(&'static str, Option<String>)> {
    let policy = known.spec().restart_policy.as_deref();
    let restarts = known.ending.is_none()
        && container.restarts_after(end.exit_code, policy)
        && !plan::is_over(known);
    if !restarts {
        return None;
    }
    if plan::restart_at(container, now) > now {
        let message = format!(
            "back-off {} restarting failed container={} pod={}",
            container.backoff.text(),
            container.spec.name,
            pod_name(&known.pod),
        );
        return Some(("CrashLoopBackOff", Some(message)));
    }
    image_failure(container, now)
}

fn image_failure(container: &Container, now: Timestamp) -> Option<(&'static str, Option<String>)> {
    let ImageStep::Failed(failure) = &container.image else { return None };
    let is_backing_off =
        failure.reason == "ErrImagePull" && now >= failure.failed_at + PULL_ERROR_SHOWN;
    if !is_backing_off {
        return Some((failure.reason, Some(failure.message.clone())));
    }
    let image = container.spec.image.as_deref().unwrap_or_default();
    let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {}", failure.message);
    Some(("ImagePullBackOff", Some(message)))
}

fn waits_to_start(known: &Known, container: &Container, now: Timestamp) -> ContainerState {
    let may_start = is_next(known, container);
    if may_start && let Some((reason, message)) = image_failure(container, now) {
        return waiting(reason, message);
    }
    let has_init = known.containers.iter().any(|it| matches!(it.role, Role::Init | Role::Sidecar));
    let message = match &known.volumes {
        Step::Failed(failure) if failure.reason == "UnsupportedVolume" => {
            return waiting(failure.reason, Some(failure.message.clone()));
        }
        _ => None,
    };
    waiting(if has_init { "PodInitializing" } else { "ContainerCreating" }, message)
}

/// Whether everything that comes before this container has been done.
fn is_next(known: &Known, container: &Container) -> bool {
    let before = known.containers.iter().take_while(|it| it.spec.name != container.spec.name);
    before.into_iter().all(|it| match it.role {
        Role::Init => it.is_ready(),
        Role::Sidecar => it.is_started(),
        Role::Main | Role::Ephemeral => true,
    })
}

fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    let waiting = ContainerStateWaiting { message, reason: Some(reason.to_owned()) };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn terminated(end: &Terminated) -> ContainerStateTerminated {
    ContainerStateTerminated {
        container_id: Some(end.container_id.clone()).filter(|it| !it.is_empty()),
        exit_code: end.exit_code,
        finished_at: end.finished_at.map(Time),
        message: Some(end.message.clone()).filter(|it| !it.is_empty()),
        reason: Some(end.reason.clone()),
        signal: None,
        started_at: end.started_at.map(Time),
    }
}

fn mounts(container: &Container) -> Option<Vec<VolumeMountStatus>> {
    let mounts = container.spec.volume_mounts.as_ref()?.iter().map(|it| VolumeMountStatus {
        mount_path: it.mount_path.clone(),
        name: it.name.clone(),
        read_only: it.read_only.filter(|it| *it),
        recursive_read_only: (it.read_only == Some(true))
            .then(|| it.recursive_read_only.clone().unwrap_or_else(|| "Disabled".to_owned())),
    });
    Some(mounts.collect())
}

#[cfg(test)]
#[path = "status/tests.rs"]
mod tests;
