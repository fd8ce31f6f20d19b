//! Columns of pods, and the one word that sums a pod up.

use jiff::Timestamp;
use serde_json::Value;

use super::{Printer, age, containers, labels, list, name, number, text, text_or};
use crate::meta;

pub(super) fn printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "Pod" => Printer {
            columns: "Name|Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates",
            cells: pod,
        },
        "PodTemplate" => Printer {
            columns: "Name|Containers|Images|Pod Labels",
            cells: |object, _| {
                let [names, images] = containers(&object["template"]["spec"]);
                vec![
                    name(object),
                    names,
                    images,
                    labels(&object["template"]["metadata"]["labels"]).into(),
                ]
            },
        },
        _ => return None,
    })
}

/// What a finished pod's row says of it.
pub(super) fn completion(phase: &str) -> Option<&'static str> {
    match phase {
        "Succeeded" => Some("The pod has completed successfully."),
        "Failed" => Some("The pod failed."),
        _ => None,
    }
}

fn pod(pod: &Value, now: Timestamp) -> Vec<Value> {
    let status = &pod["status"];
    let summary = summarize(pod);
    let restarts = match summary.last_restart.filter(|_| summary.n_restarts != 0) {
        Some(at) => {
            format!(
                "{} ({} ago)",
                summary.n_restarts,
                super::human_duration(now.duration_since(at))
            )
        }
        None => summary.n_restarts.to_string(),
    };
    let address = text_or(&status["podIPs"][0]["ip"], text_or(&status["podIP"], "<none>"));
    vec![
        name(pod),
        format!("{}/{}", summary.n_ready, summary.n_containers).into(),
        summary.reason.into(),
        restarts.into(),
        age(pod, now),
        address.into(),
        text_or(&pod["spec"]["nodeName"], "<none>").into(),
        text_or(&status["nominatedNodeName"], "<none>").into(),
        readiness_gates(pod).into(),
    ]
}

fn readiness_gates(pod: &Value) -> String {
    let gates = list(&pod["spec"]["readinessGates"]);
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let is_open = |gate: &&Value| meta::is_condition_true(pod, text(&gate["conditionType"]));
    format!("{}/{}", gates.iter().filter(is_open).count(), gates.len())
}

#[derive(Default)]
struct Summary {
    reason: String,
    n_ready: usize,
    n_containers: usize,
    n_restarts: i64,
    last_restart: Option<Timestamp>,
}

impl Summary {
    fn count_restarts(&mut self, container: &Value) {
        self.n_restarts += number(&container["restartCount"]);
        let finished = meta::timestamp(&container["lastState"]["terminated"]["finishedAt"]);
        self.last_restart = self.last_restart.max(finished);
    }
}

fn summarize(pod: &Value) -> Summary {
    let status = &pod["status"];
    let mut summary = Summary {
        reason: text_or(&status["reason"], text(&status["phase"])).to_owned(),
        ..Summary::default()
    };
    let scheduled = meta::condition(pod, "PodScheduled");
    if scheduled.is_some_and(|it| it["reason"] == "SchedulingGated") {
        summary.reason = "SchedulingGated".to_owned();
    }
    let sidecars = list(&pod["spec"]["initContainers"]).iter().filter(|it| is_sidecar(it));
    summary.n_containers = list(&pod["spec"]["containers"]).len() + sidecars.count();
    let is_initializing = summarize_init(pod, &mut summary);
    if !is_initializing || meta::is_condition_true(pod, "Initialized") {
        summarize_containers(pod, &mut summary);
    }
    let phase = text(&status["phase"]);
    if meta::deletion_timestamp(pod).is_some() {
        if status["reason"] == "NodeLost" {
            summary.reason = "Unknown".to_owned();
        } else if completion(phase).is_none() {
            summary.reason = "Terminating".to_owned();
        }
    }
    summary
}

fn is_sidecar(init_container: &Value) -> bool {
    init_container["restartPolicy"] == "Always"
}

/// Init containers in order, until one is not done; whether there is one.
fn summarize_init(pod: &Value, summary: &mut Summary) -> bool {
    let specs = list(&pod["spec"]["initContainers"]);
    for (container_idx, container) in
        list(&pod["status"]["initContainerStatuses"]).iter().enumerate()
    {
        summary.count_restarts(container);
        let spec = specs.iter().find(|it| it["name"] == container["name"]);
        let state = &container["state"];
        let terminated = &state["terminated"];
        if !terminated.is_null() && number(&terminated["exitCode"]) == 0 {
            continue;
        }
        if spec.is_some_and(is_sidecar) && container["started"] == true {
            summary.n_ready += usize::from(container["ready"] == true);
            continue;
        }
        let waiting = text(&state["waiting"]["reason"]);
        summary.reason = if !terminated.is_null() {
            format!("Init:{}", termination(terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{container_idx}/{}", specs.len())
        };
        return true;
    }
    false
}

fn termination(terminated: &Value) -> String {
    match (text(&terminated["reason"]), number(&terminated["signal"])) {
        ("", 0) => format!("ExitCode:{}", number(&terminated["exitCode"])),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn summarize_containers(pod: &Value, summary: &mut Summary) {
    (summary.n_restarts, summary.last_restart) = (0, None);
    let specs = list(&pod["spec"]["initContainers"]);
    for container in list(&pod["status"]["initContainerStatuses"]) {
        if specs.iter().any(|it| it["name"] == container["name"] && is_sidecar(it)) {
            summary.count_restarts(container);
        }
    }
    let mut has_running = false;
    for container in list(&pod["status"]["containerStatuses"]).iter().rev() {
        summary.count_restarts(container);
        let state = &container["state"];
        let waiting = text(&state["waiting"]["reason"]);
        if !waiting.is_empty() {
            summary.reason = waiting.to_owned();
        } else if !state["terminated"].is_null() {
            summary.reason = termination(&state["terminated"]);
        } else if container["ready"] == true && !state["running"].is_null() {
            has_running = true;
            summary.n_ready += 1;
        }
    }
    if summary.reason == "Completed" && has_running {
        let is_ready = meta::is_condition_true(pod, "Ready");
        summary.reason = if is_ready { "Running" } else { "NotReady" }.to_owned();
    }
}
