//! Deployment: rolls its template out over ReplicaSets, within its bounds, and tells how far it is.
//!
//! Source: Kubernetes 1.34, `pkg/controller/deployment`.

mod scaling;
mod sets;
mod status;

use serde_json::{Value, json};

use self::sets::ReplicaSet;
use crate::{
    action::{self, Action, Notice, Part, Target},
    claim::claim,
    condition,
    facts::Facts,
    kinds, labels, object, pod, template,
    world::Key,
};

const COMPONENT: &str = "deployment-controller";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Decides on one Deployment.
pub(crate) fn deployment(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(object) = facts.world.get(key) else { return Vec::new() };
    if labels::selector(object::at(object, "spec.selector")).is_everything() {
        return refuse_empty_selector(object);
    }
    let claim = claim(facts.world, kinds::DEPLOYMENT, object, kinds::REPLICA_SET);
    if !claim.actions.is_empty() {
        return claim.actions;
    }
    let mut rollout =
        Rollout::new(*facts, object, claim.owned.iter().map(ReplicaSet::new).collect());
    if let Some(annotate) = rollout.annotate_new() {
        return vec![annotate];
    }
    rollout.found_new();
    if object::is_deleted(object) {
        return rollout.finish_status_only();
    }
    rollout.pause_or_resume();
    if object::is_true_at(object, "spec.paused") || rollout.is_scaling() {
        return rollout.scale();
    }
    match object::str_at(object, "spec.strategy.type") {
        "Recreate" => rollout.recreate(),
        _ => rollout.roll(),
    }
}

fn refuse_empty_selector(object: &Value) -> Vec<Action> {
    let message = "This deployment is selecting all pods. A non-empty selector is required.";
    let about = action::reference(kinds::DEPLOYMENT, object);
    let notice = Notice::warning(COMPONENT, about, "SelectingAll", message.to_owned());
    let mut status = object.get("status").cloned().unwrap_or_else(|| json!({}));
    status["observedGeneration"] = object::generation(object).into();
    let update = action::update_status(kinds::DEPLOYMENT, object, &status);
    update.map(|it| vec![Action::Record(notice), it]).unwrap_or_default()
}

/// One Deployment with its ReplicaSets, and what is decided about them so far.
struct Rollout<'a> {
    facts: Facts<'a>,
    object: &'a Value,
    replicas: i64,
    new: Option<ReplicaSet>,
    /// Oldest first.
    old: Vec<ReplicaSet>,
    status: Value,
    actions: Vec<Action>,
}

impl<'a> Rollout<'a> {
    fn new(facts: Facts<'a>, object: &'a Value, mut sets: Vec<ReplicaSet>) -> Self {
        sets.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        let template = template::normalize(&object["spec"]["template"]);
        let new = sets
            .iter()
            .position(|it| template::normalize(&it.object["spec"]["template"]) == template);
        let new = new.map(|idx| sets.remove(idx));
        let status =
            object.get("status").filter(|it| it.is_object()).cloned().unwrap_or_else(|| json!({}));
        let replicas = object::int_at(object, "spec.replicas").unwrap_or(1);
        Self { facts, object, replicas, new, old: sets, status, actions: Vec::new() }
    }

    fn all(&self) -> impl Iterator<Item = &ReplicaSet> {
        self.old.iter().chain(&self.new)
    }

    fn total(&self) -> i64 {
        self.all().map(|it| it.replicas).sum()
    }

    fn has_deadline(&self) -> bool {
        object::int_at(self.object, "spec.progressDeadlineSeconds")
            .is_some_and(|it| it != i64::from(i32::MAX))
    }

    /// The annotations and `minReadySeconds` of the new ReplicaSet, when they lag behind.
    fn annotate_new(&self) -> Option<Action> {
        let new = self.new.as_ref()?;
        let mut object = (*new.object).clone();
        let revision = sets::max_revision(&self.old) + 1;
        sets::set_annotations(&mut object, self.object, revision);
        let min_ready = object::int_at(self.object, "spec.minReadySeconds").unwrap_or_default();
        if object::int_at(&object, "spec.minReadySeconds").unwrap_or_default() != min_ready {
            object["spec"]["minReadySeconds"] = min_ready.into();
        }
        action::update(kinds::REPLICA_SET, &new.object, &object)
    }

    /// The revision of the Deployment follows its new ReplicaSet's.
    fn annotate_deployment(&self) -> Option<Action> {
        let revision = object::annotation(&self.new.as_ref()?.object, REVISION)?;
        if object::annotation(self.object, REVISION) == Some(revision) {
            return None;
        }
        let patch = json!({ "metadata": { "annotations": { REVISION: revision } } });
        Some(Action::Patch {
            target: Target::exact(kinds::DEPLOYMENT, self.object),
            part: Part::Whole,
            patch,
        })
    }

    fn found_new(&mut self) {
        let Some(new) = &self.new else { return };
        if self.has_deadline() && condition::in_status(&self.status, "Progressing").is_none() {
            let message = format!("Found new replica set \"{}\"", new.name);
            let condition =
                status::progressing(self.facts.now, "True", "FoundNewReplicaSet", &message);
            condition::set(&mut self.status, condition);
        }
    }

    fn pause_or_resume(&mut self) {
        let current = condition::in_status(&self.status, "Progressing")
            .map(|it| object::str_at(it, "reason"));
        if !self.has_deadline() || current == Some("ProgressDeadlineExceeded") {
            return;
        }
        let is_noted = current == Some("DeploymentPaused");
        let now = self.facts.now;
        let condition = match (object::is_true_at(self.object, "spec.paused"), is_noted) {
            (true, false) => {
                status::progressing(now, "Unknown", "DeploymentPaused", "Deployment is paused")
            }
            (false, true) => {
                status::progressing(now, "Unknown", "DeploymentResumed", "Deployment is resumed")
            }
            _ => return,
        };
        condition::set(&mut self.status, condition);
    }

    fn is_scaling(&self) -> bool {
        let active = self.all().filter(|it| it.replicas > 0);
        active.filter_map(|it| it.desired()).any(|desired| desired != self.replicas)
    }

    /// Changes only how many replicas there are, as when paused or when `spec.replicas` changed.
    fn scale(mut self) -> Vec<Action> {
        scaling::scale(&mut self);
        if object::is_true_at(self.object, "spec.paused") {
            self.clean_up();
        }
        self.finish_status_only()
    }

    fn roll(mut self) -> Vec<Action> {
        if self.new.is_none() {
            return self.create_new();
        }
        if !scaling::scale_up_new(&mut self)
            && !scaling::scale_down_old(&mut self)
            && self.is_complete(&self.status)
        {
            self.clean_up();
        }
        self.finish()
    }

    fn recreate(mut self) -> Vec<Action> {
        let mut is_scaled = false;
        for set in self.old.iter_mut().filter(|it| it.replicas > 0) {
            set.scale_to(0);
            is_scaled = true;
        }
        if is_scaled || self.has_old_pods() {
            return self.finish();
        }
        let replicas = self.replicas;
        match &mut self.new {
            None => return self.create_new(),
            Some(new) => new.scale_to(replicas),
        }
        if self.is_complete(&self.status) {
            self.clean_up();
        }
        self.finish()
    }

    fn has_old_pods(&self) -> bool {
        let world = self.facts.world;
        self.old.iter().any(|set| {
            set.actual > 0
                || world
                    .dependents_of(object::uid(&set.object), kinds::POD)
                    .any(|pod| !pod::is_finished(pod))
        })
    }

    fn create_new(mut self) -> Vec<Action> {
        let (name, object) = sets::make_new(&self);
        match self.facts.backing_off() {
            Some(trouble) if trouble.reason == "AlreadyExists" => self.bump_collision(&name),
            Some(trouble) => {
                let message =
                    format!("Failed to create new replica set \"{name}\": {}", trouble.message);
                let condition =
                    status::progressing(self.facts.now, "False", "ReplicaSetCreateError", &message);
                if self.has_deadline() {
                    condition::set(&mut self.status, condition);
                }
            }
            None => {
                let replicas = object::int_at(&object, "spec.replicas").unwrap_or_default();
                self.actions.push(sets::create_action(&self, &name, object, replicas));
                if self.has_deadline() {
                    let message = format!("Created new replica set \"{name}\"");
                    let condition = status::progressing(
                        self.facts.now,
                        "True",
                        "NewReplicaSetCreated",
                        &message,
                    );
                    condition::set(&mut self.status, condition);
                }
            }
        }
        let update = action::update_status(kinds::DEPLOYMENT, self.object, &self.status);
        self.actions.extend(update);
        self.actions
    }

    /// Another object has the name that our hash gave: count it, and the next hash is another.
    fn bump_collision(&mut self, name: &str) {
        let other = self.facts.world.find(kinds::REPLICA_SET, object::namespace(self.object), name);
        let is_ours = other.is_some_and(|it| {
            object::is_controlled_by(it, self.object)
                && template::is_same(&it["spec"]["template"], &self.object["spec"]["template"])
        });
        if other.is_some() && !is_ours {
            let count = object::int_at(&self.status, "collisionCount").unwrap_or_default();
            self.status["collisionCount"] = (count + 1).into();
        }
    }

    /// Deletes the oldest ReplicaSets beyond `revisionHistoryLimit`.
    fn clean_up(&mut self) {
        let limit =
            object::int_at(self.object, "spec.revisionHistoryLimit").unwrap_or(i64::from(i32::MAX));
        let limit = usize::try_from(limit).unwrap_or_default();
        let mut sets: Vec<&ReplicaSet> =
            self.old.iter().filter(|it| !object::is_deleted(&it.object)).collect();
        sets.sort_by_key(|it| (it.revision(), it.created));
        let n_surplus = sets.len().saturating_sub(limit);
        for set in sets.into_iter().take(n_surplus).filter(|it| it.is_settled_at_zero()) {
            let target = Target::of(kinds::REPLICA_SET, &set.object);
            self.actions.push(Action::Delete { target, propagation: None, report: None });
        }
    }

    fn finish(mut self) -> Vec<Action> {
        let before = self.object.get("status").cloned().unwrap_or_else(|| json!({}));
        let mut status = status::calculate(&self);
        status::judge_progress(&self, &before, &mut status);
        self.actions.extend(sets::scale_actions(&self));
        if let Some(at) = status::deadline(&self, &status) {
            self.actions.push(Action::Requeue { at });
        }
        self.write(&status)
    }

    fn finish_status_only(mut self) -> Vec<Action> {
        let status = status::calculate(&self);
        self.actions.extend(sets::scale_actions(&self));
        self.write(&status)
    }

    /// The revision goes first: the answer to that write brings us back for the status.
    fn write(mut self, status: &Value) -> Vec<Action> {
        let update = self.annotate_deployment();
        self.actions.extend(
            update.or_else(|| action::update_status(kinds::DEPLOYMENT, self.object, status)),
        );
        self.actions
    }

    fn is_complete(&self, status: &Value) -> bool {
        let count = |field: &str| object::int_at(status, field).unwrap_or_default();
        ["updatedReplicas", "replicas", "availableReplicas"]
            .iter()
            .all(|it| count(it) == self.replicas)
            && count("observedGeneration") >= object::generation(self.object)
    }
}
