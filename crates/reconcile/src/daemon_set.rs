//! DaemonSet: one pod on every node that it selects.
//!
//! Source: Kubernetes 1.34, `pkg/controller/daemon`; `maxSurge` is not acted on.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    action::{self, Action},
    claim::claim,
    facts::Facts,
    intstr, kinds, labels, namespace, object, pod,
    revision::{self, History},
    scheduler::{selects_node, tolerates},
    world::Key,
};

const COMPONENT: &str = "daemonset-controller";

/// Decides on one DaemonSet.
pub(crate) fn daemon_set(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(set) = facts.world.get(key).filter(|it| !object::is_deleted(it)) else {
        return Vec::new();
    };
    let claim = claim(facts.world, kinds::DAEMON_SET, set, kinds::POD);
    if !claim.actions.is_empty() {
        return claim.actions;
    }
    let history = match revision::history(facts, kinds::DAEMON_SET, set) {
        Ok(history) => history,
        Err(action) => return vec![*action],
    };
    let sync = Sync::new(*facts, set, &history, &claim.owned);
    let mut actions = sync.manage();
    if actions.is_empty() {
        actions = sync.roll();
        let is_live = |it: &Value| claim.owned.iter().any(|pod| is_of(pod, it));
        actions.extend(revision::clean_up(set, &history, is_live));
    }
    actions.extend(sync.next_look().map(|at| Action::Requeue { at }));
    actions.extend(action::update_status(kinds::DAEMON_SET, set, &sync.status()));
    actions
}

fn is_of(pod: &Value, revision: &Value) -> bool {
    object::label(pod, revision::HASH) == Some(revision::hash(revision))
}

struct Sync<'a> {
    facts: Facts<'a>,
    set: &'a Value,
    history: &'a History,
    /// Nodes that should have a pod.
    wanted: Vec<&'a Arc<Value>>,
    /// By the node that each has or is meant for.
    pods: BTreeMap<String, Vec<&'a Arc<Value>>>,
}

impl<'a> Sync<'a> {
    fn new(facts: Facts<'a>, set: &'a Value, history: &'a History, pods: &'a [Arc<Value>]) -> Self {
        let nodes = facts.world.list(kinds::NODE);
        let wanted = nodes.filter(|it| !object::is_deleted(it) && should_run(set, it)).collect();
        let mut by_node: BTreeMap<String, Vec<&Arc<Value>>> = BTreeMap::new();
        for pod in pods {
            by_node.entry(target_node(pod)).or_default().push(pod);
        }
        Self { facts, set, history, wanted, pods: by_node }
    }

    fn on(&self, node: &Value) -> impl Iterator<Item = &'a Arc<Value>> {
        self.pods.get(object::name(node)).into_iter().flatten().copied()
    }

    fn min_ready(&self) -> i64 {
        object::int_at(self.set, "spec.minReadySeconds").unwrap_or_default()
    }

    /// Creates what is missing; deletes what is too much, has ended, or is where it should not be.
    fn manage(&self) -> Vec<Action> {
        let (mut creations, mut deletions): (Vec<Action>, Vec<&Arc<Value>>) = Default::default();
        for node in &self.wanted {
            let (ended, alive): (Vec<&Arc<Value>>, Vec<&Arc<Value>>) =
                self.on(node).partition(|it| pod::is_finished(it));
            let staying = alive.iter().filter(|it| !object::is_deleted(it));
            deletions.extend(ended.into_iter().filter(|it| !object::is_deleted(it)));
            deletions.extend(staying.skip(1).copied());
            if alive.is_empty() {
                creations.push(self.create(object::name(node)));
            }
        }
        let is_wanted = |node: &String| self.wanted.iter().any(|it| object::name(it) == node);
        let astray = self
            .pods
            .iter()
            .filter(|(node, _)| !is_wanted(node))
            .flat_map(|(_, pods)| pods)
            .copied();
        deletions.extend(astray.filter(|it| !object::is_deleted(it)));
        let mut actions: Vec<Action> = deletions.into_iter().map(|it| self.delete(it)).collect();
        if !namespace::is_terminating(self.facts.world, object::namespace(self.set)) {
            actions.extend(creations);
        }
        actions
    }

    fn delete(&self, pod: &Value) -> Action {
        pod::delete(pod, kinds::DAEMON_SET, self.set, COMPONENT)
    }

    /// A pod that the scheduler can only put on this node.
    fn create(&self, node: &str) -> Action {
        let mut object =
            pod::from_template(&self.set["spec"]["template"], kinds::DAEMON_SET, self.set);
        object::set(
            &mut object,
            &["metadata", "labels", revision::HASH],
            revision::hash(&self.history.update).into(),
        );
        let field = json!({ "key": "metadata.name", "operator": "In", "values": [node] });
        let path =
            ["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
        let terms = object::list_at(&object, &format!("{}.nodeSelectorTerms", path.join(".")));
        let mut terms: Vec<Value> = if terms.is_empty() { vec![json!({})] } else { terms.to_vec() };
        for term in &mut terms {
            term["matchFields"] = json!([field]);
        }
        object::set(&mut object, &path, json!({ "nodeSelectorTerms": terms }));
        let given = object::list_at(&object, "spec.tolerations").iter().cloned();
        object["spec"]["tolerations"] = given.chain(tolerations(self.set)).collect();
        let report = pod::creation_report(kinds::DAEMON_SET, self.set, COMPONENT);
        Action::Create { kind: kinds::POD, object, report: Some(report) }
    }

    /// Replaces pods of older revisions, as many at once as may be unavailable.
    fn roll(&self) -> Vec<Action> {
        if object::str_at(self.set, "spec.updateStrategy.type") == "OnDelete" {
            return Vec::new();
        }
        let n_wanted = i64::try_from(self.wanted.len()).unwrap_or(i64::MAX);
        let max = object::at(self.set, "spec.updateStrategy.rollingUpdate.maxUnavailable");
        let max = max.map_or(1, |it| intstr::scaled(it, n_wanted, true)).max(1);
        let is_available = |pod: &Value| {
            !object::is_deleted(pod) && pod::is_available(pod, self.min_ready(), self.facts.now)
        };
        let n_unavailable =
            self.wanted.iter().filter(|node| !self.on(node).any(|it| is_available(it))).count();
        let mut room = max - i64::try_from(n_unavailable).unwrap_or(i64::MAX);
        let pods = self.wanted.iter().flat_map(|node| self.on(node));
        let mut actions = Vec::new();
        for pod in pods.filter(|it| !object::is_deleted(it) && !is_of(it, &self.history.update)) {
            // An old pod that is not available costs nothing to replace.
            let is_free = !is_available(pod);
            if is_free || room > 0 {
                room -= i64::from(!is_free);
                actions.push(self.delete(pod));
            }
        }
        actions
    }

    fn next_look(&self) -> Option<Timestamp> {
        let times =
            self.pods.values().flatten().filter_map(|it| pod::available_at(it, self.min_ready()));
        times.filter(|it| *it > self.facts.now).min()
    }

    fn status(&self) -> Value {
        let now = self.facts.now;
        let on_wanted = |holds: &dyn Fn(&Value) -> bool| {
            self.wanted
                .iter()
                .filter(|node| self.on(node).any(|it| !object::is_deleted(it) && holds(it)))
                .count()
        };
        let n_desired = self.wanted.len();
        let n_available = on_wanted(&|it| pod::is_available(it, self.min_ready(), now));
        let is_wanted = |node: &String| self.wanted.iter().any(|it| object::name(it) == node);
        let mut status = json!({
            "currentNumberScheduled": on_wanted(&|_| true),
            "desiredNumberScheduled": n_desired,
            "numberMisscheduled": self.pods.keys().filter(|it| !it.is_empty() && !is_wanted(it)).count(),
            "numberReady": on_wanted(&pod::is_ready),
            "observedGeneration": object::generation(self.set),
        });
        for (field, count) in [
            ("updatedNumberScheduled", on_wanted(&|it| is_of(it, &self.history.update))),
            ("numberAvailable", n_available),
            ("numberUnavailable", n_desired - n_available),
        ] {
            if count > 0 {
                status[field] = count.into();
            }
        }
        if let Some(conditions) = object::at(self.set, "status.conditions") {
            status["conditions"] = conditions.clone();
        }
        status
    }
}

/// The node that a pod has, or the one that its affinity names.
fn target_node(pod: &Value) -> String {
    if !pod::node(pod).is_empty() {
        return pod::node(pod).to_owned();
    }
    let path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let fields =
        object::list_at(pod, path).iter().flat_map(|it| object::list_at(it, "matchFields"));
    let mut names = fields
        .filter(|it| it["key"] == "metadata.name")
        .flat_map(|it| object::list_at(it, "values"));
    names.next().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn should_run(set: &Value, node: &Value) -> bool {
    let mut pod = json!({ "spec": set["spec"]["template"]["spec"] });
    let given = object::list_at(&pod, "spec.tolerations").iter().cloned();
    pod["spec"]["tolerations"] = given.chain(tolerations(set)).collect();
    let required = object::at(
        &pod,
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    );
    let taints = object::list_at(node, "spec.taints").iter();
    let mut hard =
        taints.filter(|it| matches!(object::str_at(it, "effect"), "NoSchedule" | "NoExecute"));
    labels::contains(object::labels(node), object::map_at(&pod, "spec.nodeSelector"))
        && required.is_none_or(|it| selects_node(it, node))
        && hard.all(|it| tolerates(&pod, it))
}

/// What every pod of a DaemonSet tolerates: a node's troubles do not drive it away.
fn tolerations(set: &Value) -> Vec<Value> {
    let toleration = |name: &str, effect: &str| json!({ "key": format!("node.kubernetes.io/{name}"), "operator": "Exists", "effect": effect });
    let mut all = vec![
        toleration("not-ready", "NoExecute"),
        toleration("unreachable", "NoExecute"),
        toleration("disk-pressure", "NoSchedule"),
        toleration("memory-pressure", "NoSchedule"),
        toleration("pid-pressure", "NoSchedule"),
        toleration("unschedulable", "NoSchedule"),
    ];
    if object::is_true_at(set, "spec.template.spec.hostNetwork") {
        all.push(toleration("network-unavailable", "NoSchedule"));
    }
    all
}
