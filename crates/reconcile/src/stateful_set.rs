//! StatefulSet: pods with names, claims and an order.
//!
//! Source: Kubernetes 1.34, `pkg/controller/statefulset`; `persistentVolumeClaimRetentionPolicy: Delete` is not acted
//! on, claims are always retained.

mod identity;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    action::{self, Action},
    claim::claim,
    facts::Facts,
    kinds, namespace, object, pod,
    revision::{self, History},
    world::Key,
};

const COMPONENT: &str = "statefulset-controller";

/// Decides on one StatefulSet.
pub(crate) fn stateful_set(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(set) = facts.world.get(key) else { return Vec::new() };
    let claim = claim(facts.world, kinds::STATEFUL_SET, set, kinds::POD);
    if !claim.actions.is_empty() {
        return claim.actions;
    }
    let history = match revision::history(facts, kinds::STATEFUL_SET, set) {
        Ok(history) => history,
        Err(action) => return vec![*action],
    };
    let sync = Sync::new(*facts, set, &history, claim.owned);
    let mut actions = if object::is_deleted(set) { Vec::new() } else { sync.manage() };
    let is_live = |it: &Value| {
        sync.pods.iter().any(|pod| is_of(pod, it))
            || object::name(it) == object::str_at(set, "status.currentRevision")
    };
    actions.extend(revision::clean_up(set, &history, is_live));
    actions.extend(sync.next_look().map(|at| Action::Requeue { at }));
    actions.extend(action::update_status(kinds::STATEFUL_SET, set, &sync.status()));
    actions
}

fn is_of(pod: &Value, revision: &Value) -> bool {
    object::label(pod, revision::HASH) == Some(object::name(revision))
}

struct Sync<'a> {
    facts: Facts<'a>,
    set: &'a Value,
    history: &'a History,
    /// The revision that pods below the partition are of.
    current: Arc<Value>,
    start: i64,
    replicas: i64,
    /// By ordinal.
    pods: Vec<Arc<Value>>,
}

impl<'a> Sync<'a> {
    fn new(
        facts: Facts<'a>,
        set: &'a Value,
        history: &'a History,
        mut pods: Vec<Arc<Value>>,
    ) -> Self {
        pods.retain(|it| identity::ordinal(set, it).is_some());
        pods.sort_by_key(|it| identity::ordinal(set, it));
        let name = object::str_at(set, "status.currentRevision");
        let current =
            history.revisions.iter().find(|it| object::name(it) == name).unwrap_or(&history.update);
        Self {
            facts,
            set,
            history,
            current: Arc::clone(current),
            start: object::int_at(set, "spec.ordinals.start").unwrap_or_default(),
            replicas: object::int_at(set, "spec.replicas").unwrap_or(1),
            pods,
        }
    }

    fn pod(&self, ordinal: i64) -> Option<&Arc<Value>> {
        self.pods.iter().find(|it| identity::ordinal(self.set, it) == Some(ordinal))
    }

    fn is_in_order(&self) -> bool {
        object::str_at(self.set, "spec.podManagementPolicy") != "Parallel"
    }

    fn min_ready(&self) -> i64 {
        object::int_at(self.set, "spec.minReadySeconds").unwrap_or_default()
    }

    fn is_healthy(&self, pod: &Value) -> bool {
        pod::is_active(pod) && pod::is_available(pod, self.min_ready(), self.facts.now)
    }

    fn delete(&self, pod: &Value) -> Action {
        pod::delete(pod, kinds::STATEFUL_SET, self.set, COMPONENT)
    }

    /// From the lowest ordinal up each pod is made and awaited; then what is too much goes from the highest down;
    /// then old revisions are replaced from the highest down.
    fn manage(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for ordinal in self.start..self.start + self.replicas {
            let step = self.ensure(ordinal);
            let is_waiting =
                !step.is_empty() || !self.pod(ordinal).is_some_and(|it| self.is_healthy(it));
            actions.extend(step);
            if is_waiting && self.is_in_order() {
                return actions;
            }
        }
        let condemned: Vec<&Arc<Value>> =
            self.pods.iter().rev().filter(|it| !self.is_wanted(it)).collect();
        for pod in &condemned {
            if !object::is_deleted(pod) {
                actions.push(self.delete(pod));
            }
            if self.is_in_order() {
                return actions;
            }
        }
        if actions.is_empty() { self.roll() } else { actions }
    }

    fn is_wanted(&self, pod: &Value) -> bool {
        let range = self.start..self.start + self.replicas;
        identity::ordinal(self.set, pod).is_some_and(|it| range.contains(&it))
    }

    /// The pod of an ordinal with its claims, or the end of one that has failed.
    fn ensure(&self, ordinal: i64) -> Vec<Action> {
        match self.pod(ordinal) {
            Some(pod) if pod::is_finished(pod) && !object::is_deleted(pod) => {
                vec![self.delete(pod)]
            }
            Some(_) => Vec::new(),
            None if namespace::is_terminating(self.facts.world, object::namespace(self.set)) => {
                Vec::new()
            }
            None => {
                let mut actions = identity::missing_claims(&self.facts, self.set, ordinal);
                let revision =
                    if ordinal < self.partition() { &self.current } else { &self.history.update };
                let object = identity::pod(self.set, revision, ordinal);
                let report = pod::creation_report(kinds::STATEFUL_SET, self.set, COMPONENT);
                actions.push(Action::Create { kind: kinds::POD, object, report: Some(report) });
                actions
            }
        }
    }

    fn partition(&self) -> i64 {
        let partition = object::int_at(self.set, "spec.updateStrategy.rollingUpdate.partition");
        self.start + partition.unwrap_or_default()
    }

    fn roll(&self) -> Vec<Action> {
        if object::str_at(self.set, "spec.updateStrategy.type") == "OnDelete" {
            return Vec::new();
        }
        for pod in self.pods.iter().rev() {
            if identity::ordinal(self.set, pod).is_none_or(|it| it < self.partition()) {
                break;
            }
            let is_old = !is_of(pod, &self.history.update);
            if is_old && !object::is_deleted(pod) {
                return vec![self.delete(pod)];
            }
            if !self.is_healthy(pod) {
                break;
            }
        }
        Vec::new()
    }

    fn next_look(&self) -> Option<Timestamp> {
        let times = self.pods.iter().filter_map(|it| pod::available_at(it, self.min_ready()));
        times.filter(|it| *it > self.facts.now).min()
    }

    fn status(&self) -> Value {
        let alive = || self.pods.iter().filter(|it| !pod::is_finished(it));
        let n_updated =
            alive().filter(|it| is_of(it, &self.history.update) && !object::is_deleted(it)).count();
        let n_ready = alive().filter(|it| pod::is_ready(it)).count();
        let is_rolled = i64::try_from(n_updated) == Ok(self.replicas)
            && i64::try_from(n_ready) == Ok(self.replicas)
            && alive().count() == n_updated;
        let current = if is_rolled { &self.history.update } else { &self.current };
        let n_current = alive().filter(|it| is_of(it, current) && !object::is_deleted(it)).count();
        let mut status = json!({
            "observedGeneration": object::generation(self.set),
            "replicas": alive().count(),
            "availableReplicas": alive().filter(|it| self.is_healthy(it)).count(),
            "currentRevision": object::name(current),
            "updateRevision": object::name(&self.history.update),
            "collisionCount": object::int_at(self.set, "status.collisionCount").unwrap_or_default(),
        });
        for (field, count) in [
            ("readyReplicas", n_ready),
            ("updatedReplicas", n_updated),
            ("currentReplicas", n_current),
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
