//! Whether one node has what a pod asks for: its name, taints, labels, ports and resources.

use serde_json::{Map, Value};

use super::resources::{self, Amounts};
use crate::{labels, object};

/// (whether the end of other pods could help, reasons)
pub(super) type Verdict = Result<(), (bool, Vec<String>)>;

/// A node with the pods that it has, those placed in this round included.
pub(super) struct Node<'a> {
    pub(super) object: &'a Value,
    pub(super) name: String,
    pub(super) pods: Vec<&'a Value>,
    used: Amounts,
}

impl<'a> Node<'a> {
    pub(super) fn new(object: &'a Value) -> Self {
        Self {
            object,
            name: object::name(object).to_owned(),
            pods: Vec::new(),
            used: Amounts::new(),
        }
    }

    pub(super) fn add(&mut self, pod: &'a Value) {
        for (resource, amount) in resources::requests(pod) {
            *self.used.entry(resource).or_default() += amount;
        }
        self.pods.push(pod);
    }

    pub(super) fn n_pods(&self) -> usize {
        self.pods.len()
    }

    pub(super) fn labels(&self) -> Option<&'a Map<String, Value>> {
        object::labels(self.object)
    }
}

pub(super) fn refuse<T>(helps: bool, reason: &str) -> Result<T, (bool, Vec<String>)> {
    Err((helps, vec![reason.to_owned()]))
}

/// The filters in upstream's order; the first that refuses gives the reasons.
pub(super) fn check(node: &Node<'_>, pod: &Value) -> Verdict {
    if object::is_true_at(node.object, "spec.unschedulable") && !tolerates_unschedulable(pod) {
        return refuse(false, "node(s) were unschedulable");
    }
    let taints = object::list_at(node.object, "spec.taints").iter();
    let mut hard =
        taints.filter(|it| matches!(object::str_at(it, "effect"), "NoSchedule" | "NoExecute"));
    if hard.any(|taint| !tolerates(pod, taint)) {
        return refuse(false, "node(s) had untolerated taint(s)");
    }
    if !matches_node(pod, node) {
        return refuse(false, "node(s) didn't match Pod's node affinity/selector");
    }
    let taken: Vec<_> = node.pods.iter().flat_map(|it| host_ports(it)).collect();
    if host_ports(pod).iter().any(|port| taken.iter().any(|it| is_conflict(port, it))) {
        return refuse(true, "node(s) didn't have free ports for the requested pod ports");
    }
    check_resources(node, pod)?;
    check_spread(node, pod)
}

fn tolerates_unschedulable(pod: &Value) -> bool {
    tolerates(
        pod,
        &serde_json::json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }),
    )
}

/// Whether one of the pod's tolerations covers the taint.
pub(crate) fn tolerates(pod: &Value, taint: &Value) -> bool {
    object::list_at(pod, "spec.tolerations").iter().any(|it| {
        let (effect, key) = (object::str_at(it, "effect"), object::str_at(it, "key"));
        let is_effect = effect.is_empty() || effect == object::str_at(taint, "effect");
        let is_exists = object::str_at(it, "operator") == "Exists";
        let is_key = if key.is_empty() { is_exists } else { key == object::str_at(taint, "key") };
        is_effect
            && is_key
            && (is_exists || object::str_at(it, "value") == object::str_at(taint, "value"))
    })
}

fn matches_node(pod: &Value, node: &Node<'_>) -> bool {
    let selector = object::map_at(pod, "spec.nodeSelector");
    let required = object::at(
        pod,
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    );
    labels::contains(node.labels(), selector)
        && required.is_none_or(|it| selects_node(it, node.object))
}

/// Whether a `v1.NodeSelector` selects a node: any of its terms.
pub(crate) fn selects_node(selector: &Value, node: &Value) -> bool {
    object::list_at(selector, "nodeSelectorTerms").iter().any(|term| {
        let expressions = object::list_at(term, "matchExpressions");
        let fields = object::list_at(term, "matchFields");
        let metadata = object::map_at(node, "metadata");
        let mut named = Map::new();
        named.extend(
            metadata
                .and_then(|it| it.get("name"))
                .map(|it| ("metadata.name".to_owned(), it.clone())),
        );
        !(expressions.is_empty() && fields.is_empty())
            && expressions.iter().all(|it| labels::requirement(it, object::labels(node)))
            && fields.iter().all(|it| labels::requirement(it, Some(&named)))
    })
}

type HostPort<'a> = (&'a str, &'a str, i64);

fn host_ports(pod: &Value) -> Vec<HostPort<'_>> {
    let sidecars = object::list_at(pod, "spec.initContainers")
        .iter()
        .filter(|it| it["restartPolicy"] == "Always");
    let containers = object::list_at(pod, "spec.containers").iter().chain(sidecars);
    containers
        .flat_map(|it| object::list_at(it, "ports"))
        .filter_map(|port| {
            let number = object::int_at(port, "hostPort").filter(|it| *it > 0)?;
            let protocol = object::at(port, "protocol").and_then(Value::as_str).unwrap_or("TCP");
            Some((object::str_at(port, "hostIP"), protocol, number))
        })
        .collect()
}

fn is_conflict(a: &HostPort<'_>, b: &HostPort<'_>) -> bool {
    let is_any = |address: &str| matches!(address, "" | "0.0.0.0" | "::");
    a.1 == b.1 && a.2 == b.2 && (a.0 == b.0 || is_any(a.0) || is_any(b.0))
}

fn check_resources(node: &Node<'_>, pod: &Value) -> Verdict {
    let allocatable = resources::amounts(object::map_at(node.object, "status.allocatable"));
    let mut reasons = Vec::new();
    if let Some(limit) = allocatable.get("pods")
        && i128::try_from(node.pods.len() + 1).unwrap_or(i128::MAX) * resources::UNIT > *limit
    {
        reasons.push("Too many pods".to_owned());
    }
    let mut helps = true;
    for (resource, amount) in resources::requests(pod) {
        let limit = allocatable.get(&resource).copied().unwrap_or_default();
        let used = node.used.get(&resource).copied().unwrap_or_default();
        if amount > 0 && amount > limit - used {
            helps &= amount <= limit;
            reasons.push(format!("Insufficient {resource}"));
        }
    }
    if reasons.is_empty() { Ok(()) } else { Err((helps, reasons)) }
}

/// On one node a spread is always even, as long as the node belongs to the topology.
fn check_spread(node: &Node<'_>, pod: &Value) -> Verdict {
    let constraints = object::list_at(pod, "spec.topologySpreadConstraints").iter();
    let mut hard = constraints.filter(|it| it["whenUnsatisfiable"] != "ScheduleAnyway");
    if hard.any(|it| {
        node.labels().is_none_or(|labels| !labels.contains_key(object::str_at(it, "topologyKey")))
    }) {
        return refuse(
            false,
            "node(s) didn't match pod topology spread constraints (missing required label)",
        );
    }
    Ok(())
}
