//! A pod's conditions, with upstream's reasons and messages.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{ContainerStatus, PodCondition, PodStatus},
    apimachinery::pkg::apis::meta::v1::Time,
};

use crate::{
    phase::{has_started, is_sidecar},
    state::{Known, Sandbox},
};

/// Whether a condition holds, and why not.
struct Verdict {
    is_true: bool,
    reason: &'static str,
    message: String,
}

impl Verdict {
    fn holds() -> Self {
        Self { is_true: true, reason: "", message: String::new() }
    }

    fn fails(reason: &'static str, message: String) -> Self {
        Self { is_true: false, reason, message }
    }
}

/// Writes the conditions that a kubelet owns; `statuses` are those of init containers and containers.
///
/// A condition that did not change keeps its transition time.
/// Source: Kubernetes 1.34, `pkg/kubelet/status/generate.go`.
pub(crate) fn conditions(
    known: &Known,
    old: &PodStatus,
    phase: &str,
    statuses: (&[ContainerStatus], &[ContainerStatus]),
    now: Timestamp,
) -> Vec<PodCondition> {
    let (init, main) = statuses;
    let has_sandbox = match known.sandbox {
        Sandbox::Ready | Sandbox::Destroying => Verdict::holds(),
        _ => Verdict::fails("", String::new()),
    };
    let verdicts = [
        ("PodReadyToStartContainers", has_sandbox),
        ("Initialized", initialized(known, phase, init, main)),
        ("Ready", ready(known, phase, init, main)),
        ("ContainersReady", containers_ready(known, phase, init, main)),
        ("PodScheduled", Verdict::holds()),
    ];
    verdicts.into_iter().map(|(kind, it)| condition(known, old, kind, it, now)).collect()
}

fn condition(
    known: &Known,
    old: &PodStatus,
    kind: &str,
    verdict: Verdict,
    now: Timestamp,
) -> PodCondition {
    let status = if verdict.is_true { "True" } else { "False" };
    let before = old.conditions.iter().flatten().find(|it| it.type_ == kind);
    let unchanged = before.filter(|it| it.status == status);
    let since = unchanged.and_then(|it| it.last_transition_time.clone());
    PodCondition {
        last_probe_time: None,
        last_transition_time: Some(since.unwrap_or(Time(now))),
        message: Some(verdict.message).filter(|it| !it.is_empty()),
        observed_generation: known.pod.metadata.generation,
        reason: Some(verdict.reason.to_owned()).filter(|it| !it.is_empty()),
        status: status.to_owned(),
        type_: kind.to_owned(),
    }
}

fn initialized(
    known: &Known,
    phase: &str,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
) -> Verdict {
    if phase == "Succeeded" {
        return Verdict { is_true: true, reason: "PodCompleted", message: String::new() };
    }
    if has_started(main) {
        return Verdict::holds();
    }
    let is_incomplete = |name: &str, is_sidecar: bool| {
        let status = init.iter().find(|it| it.name == name);
        !status.is_some_and(|it| if is_sidecar { it.started == Some(true) } else { it.ready })
    };
    let containers = known.spec().init_containers.iter().flatten();
    let incomplete: Vec<&str> = containers
        .filter(|it| is_incomplete(&it.name, is_sidecar(it)))
        .map(|it| it.name.as_str())
        .collect();
    if incomplete.is_empty() {
        return Verdict::holds();
    }
    let names = incomplete.join(" ");
    let message = format!("containers with incomplete status: [{names}]");
    Verdict::fails("ContainersNotInitialized", message)
}

fn containers_ready(
    known: &Known,
    phase: &str,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
) -> Verdict {
    match phase {
        "Succeeded" => return Verdict::fails("PodCompleted", String::new()),
        "Failed" => return Verdict::fails("PodFailed", String::new()),
        _ => {}
    }
    let spec = known.spec();
    let sidecars = spec.init_containers.iter().flatten().filter(|it| is_sidecar(it));
    let is_ready =
        |name: &str| init.iter().chain(main).find(|it| it.name == name).is_some_and(|it| it.ready);
    let unready: Vec<&str> = sidecars
        .chain(&spec.containers)
        .map(|it| it.name.as_str())
        .filter(|it| !is_ready(it))
        .collect();
    if unready.is_empty() {
        return Verdict::holds();
    }
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    Verdict::fails("ContainersNotReady", message)
}

fn ready(
    known: &Known,
    phase: &str,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
) -> Verdict {
    let containers = containers_ready(known, phase, init, main);
    if !containers.is_true {
        return containers;
    }
    let gates = known.spec().readiness_gates.iter().flatten();
    let seen = known.pod.status.as_ref().and_then(|it| it.conditions.as_ref());
    let problem = |kind: &str| {
        let condition = seen.iter().copied().flatten().find(|it| it.type_ == kind);
        match condition {
            None => Some(format!(
                "corresponding condition of pod readiness gate \"{kind}\" does not exist."
            )),
            Some(it) if it.status != "True" => Some(format!(
                "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                it.status
            )),
            Some(_) => None,
        }
    };
    let problems: Vec<String> = gates.filter_map(|it| problem(&it.condition_type)).collect();
    if problems.is_empty() {
        return Verdict::holds();
    }
    Verdict::fails("ReadinessGatesNotReady", problems.join(", "))
}
