//! The ReplicaSets of a Deployment: their facts, annotations and revisions, and the making of a new one.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{COMPONENT, REVISION, Rollout, scaling};
use crate::{
    action::{self, Action, Notice, Report},
    kinds, object, template,
};

const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations of the Deployment that its ReplicaSets do not inherit.
const OWN_ANNOTATIONS: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];
const REVISION_HISTORY_BYTES_MAX: usize = 2000;

/// What matters of one ReplicaSet.
#[derive(Debug, Clone)]
pub(super) struct ReplicaSet {
    pub(super) object: Arc<Value>,
    pub(super) name: String,
    pub(super) created: Timestamp,
    /// What its spec shall say: at first what it says.
    pub(super) replicas: i64,
    /// Whether its annotations are to be brought up to date even when its size stays.
    pub(super) is_touched: bool,
    pub(super) actual: i64,
    pub(super) ready: i64,
    pub(super) available: i64,
}

impl ReplicaSet {
    pub(super) fn new(object: &Arc<Value>) -> Self {
        let status = |field: &str| object["status"][field].as_i64().unwrap_or_default();
        Self {
            name: object::name(object).to_owned(),
            created: object::created(object),
            replicas: spec_replicas(object),
            is_touched: false,
            actual: status("replicas"),
            ready: status("readyReplicas"),
            available: status("availableReplicas"),
            object: Arc::clone(object),
        }
    }

    pub(super) fn scale_to(&mut self, replicas: i64) {
        self.is_touched |= self.replicas != replicas;
        self.replicas = replicas;
    }

    pub(super) fn revision(&self) -> i64 {
        object::annotation(&self.object, REVISION)
            .and_then(|it| it.parse().ok())
            .unwrap_or_default()
    }

    /// How many replicas the Deployment wanted when it last sized this.
    pub(super) fn desired(&self) -> Option<i64> {
        count_annotation(&self.object, DESIRED_REPLICAS)
    }

    pub(super) fn max(&self) -> Option<i64> {
        count_annotation(&self.object, MAX_REPLICAS)
    }

    /// Has no replicas, wants none, and its controller has seen that.
    pub(super) fn is_settled_at_zero(&self) -> bool {
        self.actual == 0 && self.replicas == 0 && !self.is_lagging()
    }

    /// Whether its status speaks of an older spec.
    pub(super) fn is_lagging(&self) -> bool {
        let observed =
            object::int_at(&self.object, "status.observedGeneration").unwrap_or_default();
        observed < object::generation(&self.object)
    }
}

fn spec_replicas(object: &Value) -> i64 {
    object::int_at(object, "spec.replicas").unwrap_or(1)
}

fn count_annotation(object: &Value, key: &str) -> Option<i64> {
    object::annotation(object, key)?.parse::<i32>().ok().filter(|it| *it >= 0).map(i64::from)
}

pub(super) fn max_revision(sets: &[ReplicaSet]) -> i64 {
    sets.iter().map(ReplicaSet::revision).max().unwrap_or_default()
}

/// Copies the Deployment's annotations, and raises the revision, keeping the old one in the history.
pub(super) fn set_annotations(set: &mut Value, deployment: &Value, revision: i64) {
    for (key, value) in object::map_at(deployment, "metadata.annotations").into_iter().flatten() {
        if !OWN_ANNOTATIONS.contains(&key.as_str()) {
            object::set(set, &["metadata", "annotations", key], value.clone());
        }
    }
    let old = object::annotation(set, REVISION).map(str::to_owned);
    let old_number = match old.as_deref().unwrap_or_default() {
        "" => 0,
        text => match text.parse::<i64>() {
            Ok(number) => number,
            Err(_) => return,
        },
    };
    if old_number >= revision {
        return;
    }
    object::set(set, &["metadata", "annotations", REVISION], revision.to_string().into());
    if let Some(old) = old {
        let history = object::annotation(set, REVISION_HISTORY).unwrap_or_default();
        let history = extend_history(history, &old);
        object::set(set, &["metadata", "annotations", REVISION_HISTORY], history.into());
    }
}

fn extend_history(history: &str, revision: &str) -> String {
    let mut revisions: Vec<&str> = history.split(',').filter(|it| !it.is_empty()).collect();
    revisions.push(revision);
    while revisions.len() > 1 && revisions.join(",").len() > REVISION_HISTORY_BYTES_MAX {
        revisions.remove(0);
    }
    revisions.join(",")
}

fn set_sizes(set: &mut Value, rollout: &Rollout<'_>) {
    let max = rollout.replicas + scaling::max_surge(rollout.object, rollout.replicas);
    object::set(
        set,
        &["metadata", "annotations", DESIRED_REPLICAS],
        rollout.replicas.to_string().into(),
    );
    object::set(set, &["metadata", "annotations", MAX_REPLICAS], max.to_string().into());
}

/// The name and the object of the ReplicaSet that the current template asks for.
pub(super) fn make_new(rollout: &Rollout<'_>) -> (String, Value) {
    let deployment = rollout.object;
    let mut pods = template::normalize(&deployment["spec"]["template"]);
    let hash = template::hash(&pods, object::int_at(&rollout.status, "collisionCount"));
    let name = format!("{}-{hash}", object::truncate(object::name(deployment), 252 - hash.len()));
    let labels = template::with_hash(object::map_at(&pods, "metadata.labels"), &hash);
    object::set(&mut pods, &["metadata", "labels"], labels.clone());
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"] = template::with_hash(object::map_at(&selector, "matchLabels"), &hash);
    let mut set = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": object::namespace(deployment),
            "labels": labels,
            "ownerReferences": [object::controller_reference(kinds::DEPLOYMENT, deployment)],
        },
        "spec": {
            "replicas": scaling::new_replicas(rollout, 0),
            "minReadySeconds": object::int_at(deployment, "spec.minReadySeconds").unwrap_or_default(),
            "selector": selector,
            "template": pods,
        },
    });
    set_annotations(&mut set, deployment, max_revision(&rollout.old) + 1);
    set_sizes(&mut set, rollout);
    (name, set)
}

pub(super) fn create_action(
    rollout: &Rollout<'_>,
    name: &str,
    object: Value,
    replicas: i64,
) -> Action {
    let scaled = ("ScalingReplicaSet", format!("Scaled up replica set {{}} from 0 to {replicas}"));
    let report = Report {
        about: action::reference(kinds::DEPLOYMENT, rollout.object),
        component: COMPONENT,
        done: (replicas > 0).then_some(scaled),
        failed: Some((
            "ReplicaSetCreateError",
            format!("Failed to create new replica set \"{name}\": {{}}"),
        )),
    };
    Action::Create { kind: kinds::REPLICA_SET, object, report: Some(report) }
}

/// Writes the sizes that were decided, each with its event.
pub(super) fn scale_actions(rollout: &Rollout<'_>) -> Vec<Action> {
    rollout.all().filter(|it| it.is_touched).flat_map(|it| scale_action(rollout, it)).collect()
}

fn scale_action(rollout: &Rollout<'_>, set: &ReplicaSet) -> Vec<Action> {
    let mut object = (*set.object).clone();
    let before = spec_replicas(&object);
    if before != set.replicas {
        object["spec"]["replicas"] = set.replicas.into();
    }
    set_sizes(&mut object, rollout);
    let Some(update) = action::update(kinds::REPLICA_SET, &set.object, &object) else {
        return Vec::new();
    };
    if before == set.replicas {
        return vec![update];
    }
    let direction = if before < set.replicas { "up" } else { "down" };
    let message =
        format!("Scaled {direction} replica set {} from {before} to {}", set.name, set.replicas);
    let about = action::reference(kinds::DEPLOYMENT, rollout.object);
    vec![update, Action::Record(Notice::normal(COMPONENT, about, "ScalingReplicaSet", message))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_comes_back_is_raised_and_remembers_its_past() {
        let deployment = json!({ "metadata": { "annotations": { "a": "b", REVISION: "3" } } });
        let mut set =
            json!({ "metadata": { "annotations": { REVISION: "1", DESIRED_REPLICAS: "3" } } });
        set_annotations(&mut set, &deployment, 4);
        set_annotations(&mut set, &deployment, 6);
        let want =
            json!({ "a": "b", REVISION: "6", REVISION_HISTORY: "1,4", DESIRED_REPLICAS: "3" });
        assert_eq!(set["metadata"]["annotations"], want);
    }
}
