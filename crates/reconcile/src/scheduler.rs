//! Scheduler: which node each waiting pod is bound to, or why none will have it.
//!
//! Pods are taken by priority, then age; there is no preemption.
//! Source: Kubernetes 1.34, `pkg/scheduler` (filters and their messages).

mod affinity;
mod claims;
mod fit;
mod resources;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

pub(crate) use self::fit::{selects_node, tolerates};
use self::{claims::Claims, fit::Node};
use crate::{
    action::{self, Action, Notice, Report, Target},
    condition,
    facts::Facts,
    kinds, object, pod,
};

const NAME: &str = "default-scheduler";

/// Why a pod does not fit.
enum Misfit {
    /// Before any node was looked at.
    Pod(String),
    /// For each node, whether another pod's end could help, and the reasons.
    Nodes(Vec<(bool, Vec<String>)>),
}

/// Decides on all pods that wait for a node.
pub(crate) fn schedule(facts: &Facts<'_>) -> Vec<Action> {
    let mut waiting: Vec<&Arc<Value>> =
        facts.world.list(kinds::POD).filter(|it| is_waiting(it)).collect();
    if waiting.is_empty() {
        return Vec::new();
    }
    waiting.sort_by_key(|it| {
        let priority = object::int_at(it, "spec.priority").unwrap_or_default();
        (-priority, object::created(it), object::name(it).to_owned())
    });
    let mut nodes = nodes(facts);
    let (mut binds, mut others) = (Vec::new(), Vec::new());
    for pod in waiting {
        let claims = match claims::of(facts.world, pod) {
            Ok(claims) => claims,
            Err(reason) => {
                others.extend(refuse(facts, pod, &Misfit::Pod(reason), nodes.len()));
                continue;
            }
        };
        match place(facts, pod, &claims, &nodes) {
            Err(misfit) => others.extend(refuse(facts, pod, &misfit, nodes.len())),
            Ok(idx) => {
                let node = &mut nodes[idx];
                if claims.are_bound() {
                    binds.push(bind(pod, &node.name));
                } else {
                    others.extend(claims.select_node(&node.name));
                }
                node.add(pod);
            }
        }
    }
    binds.extend(others);
    binds
}

/// Not bound, not being deleted, not gated, and ours to schedule.
pub(crate) fn is_waiting(pod: &Value) -> bool {
    pod::node(pod).is_empty()
        && pod::is_active(pod)
        && matches!(object::str_at(pod, "spec.schedulerName"), "" | NAME)
        && object::list_at(pod, "spec.schedulingGates").is_empty()
}

fn nodes<'a>(facts: &Facts<'a>) -> Vec<Node<'a>> {
    let mut by_name: BTreeMap<&str, Node<'a>> = BTreeMap::new();
    for node in facts.world.list(kinds::NODE).filter(|it| !object::is_deleted(it)) {
        by_name.insert(object::name(node), Node::new(node));
    }
    for pod in facts.world.list(kinds::POD).filter(|it| !pod::is_finished(it)) {
        if let Some(node) = by_name.get_mut(pod::node(pod)) {
            node.add(pod);
        }
    }
    by_name.into_values().collect()
}

/// The first node that fits; of several, the one with the fewest pods.
fn place(
    facts: &Facts<'_>,
    pod: &Value,
    claims: &Claims<'_>,
    nodes: &[Node<'_>],
) -> Result<usize, Misfit> {
    let mut misfits = Vec::new();
    let mut best: Option<usize> = None;
    for (idx, node) in nodes.iter().enumerate() {
        let verdict = fit::check(node, pod)
            .and_then(|()| claims.check(node.object))
            .and_then(|()| affinity::check(facts.world, nodes, node, pod));
        match verdict {
            Ok(()) if best.is_none_or(|best| node.n_pods() < nodes[best].n_pods()) => {
                best = Some(idx);
            }
            Ok(()) => {}
            Err(reasons) => misfits.push(reasons),
        }
    }
    best.ok_or(Misfit::Nodes(misfits))
}

fn bind(pod: &Value, node: &str) -> Action {
    let message = format!("Successfully assigned {}/{{}} to {node}", object::namespace(pod));
    let report = Report {
        about: action::reference(kinds::POD, pod),
        component: NAME,
        done: Some(("Scheduled", message)),
        failed: Some(("FailedScheduling", "binding rejected: {}".to_owned())),
    };
    Action::Bind {
        target: Target::of(kinds::POD, pod),
        node: node.to_owned(),
        report: Some(report),
    }
}

/// Says so once, in the condition and in an event, for as long as the reason stays.
fn refuse(facts: &Facts<'_>, pod: &Value, misfit: &Misfit, n_nodes: usize) -> Vec<Action> {
    let message = message(misfit, n_nodes);
    if condition::find(pod, "PodScheduled").is_some_and(|it| it["message"] == message.as_str()) {
        return Vec::new();
    }
    let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
    let condition = json!({
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastProbeTime": null,
        "lastTransitionTime": object::time(facts.now),
    });
    condition::overwrite(&mut status, condition);
    let notice =
        Notice::warning(NAME, action::reference(kinds::POD, pod), "FailedScheduling", message);
    let update = action::update_status(kinds::POD, pod, &status);
    update.into_iter().chain([Action::Record(notice)]).collect()
}

/// `0/1 nodes are available: 1 Insufficient cpu. …`, as upstream's `FitError` and its preemption say it.
fn message(misfit: &Misfit, n_nodes: usize) -> String {
    let head = format!("0/{n_nodes} nodes are available:");
    let (reasons, helps) = match misfit {
        Misfit::Pod(_) | Misfit::Nodes(_) if n_nodes == 0 => {
            return "no nodes available to schedule pods".to_owned();
        }
        Misfit::Pod(reason) => {
            let tail = format!("{head} {n_nodes} Preemption is not helpful for scheduling.");
            return format!("{head} {reason}. preemption: {tail}");
        }
        Misfit::Nodes(nodes) => {
            let reasons = nodes.iter().flat_map(|(_, reasons)| reasons).map(String::as_str);
            let helps = nodes.iter().map(|(helps, _)| match helps {
                true => "No preemption victims found for incoming pod",
                false => "Preemption is not helpful for scheduling",
            });
            (histogram(reasons), histogram(helps))
        }
    };
    format!("{head} {reasons}. no new claims to deallocate, preemption: {head} {helps}.")
}

fn histogram<'a>(reasons: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason).or_default() += 1;
    }
    let mut lines: Vec<String> =
        counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    lines.sort();
    lines.join(", ")
}

#[cfg(test)]
mod tests;
