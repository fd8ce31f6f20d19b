//! What controllers ask of a pod, and how they make one from a template.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    action::{self, Action, Report, Target},
    condition,
    kinds::{self, Kind},
    object,
};

pub(crate) fn phase(pod: &Value) -> &str {
    object::str_at(pod, "status.phase")
}

pub(crate) fn is_finished(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Neither finished nor being deleted.
pub(crate) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !object::is_deleted(pod)
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    condition::is_true(pod, "Ready")
}

pub(crate) fn node(pod: &Value) -> &str {
    object::str_at(pod, "spec.nodeName")
}

fn ready_since(pod: &Value) -> Option<Timestamp> {
    object::time_at(condition::find(pod, "Ready")?, "lastTransitionTime")
}

/// When a ready pod counts as available: at once, or after it has been ready for so long.
pub(crate) fn available_at(pod: &Value, min_ready_seconds: i64) -> Option<Timestamp> {
    if !is_ready(pod) {
        return None;
    }
    match min_ready_seconds {
        0 => Some(Timestamp::MIN),
        seconds => ready_since(pod)?.checked_add(SignedDuration::from_secs(seconds)).ok(),
    }
}

pub(crate) fn is_available(pod: &Value, min_ready_seconds: i64, now: Timestamp) -> bool {
    available_at(pod, min_ready_seconds).is_some_and(|it| it <= now)
}

/// The pod that a workload's template asks for, without a name.
pub(crate) fn from_template(template: &Value, kind: Kind, owner: &Value) -> Value {
    let mut metadata = json!({
        "namespace": object::namespace(owner),
        "ownerReferences": [object::controller_reference(kind, owner)],
    });
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"].get(key).filter(|it| !it.is_null()) {
            metadata[key] = value.clone();
        }
    }
    metadata["generateName"] = format!("{}-", object::truncate(object::name(owner), 247)).into();
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] })
}

/// The events on a workload whose pod is created.
pub(crate) fn creation_report(kind: Kind, owner: &Value, component: &'static str) -> Report {
    Report {
        about: action::reference(kind, owner),
        component,
        done: Some(("SuccessfulCreate", "Created pod: {}".to_owned())),
        failed: Some(("FailedCreate", "Error creating: {}".to_owned())),
    }
}

/// Deletes a pod on behalf of a workload, with the events on it.
pub(crate) fn delete(pod: &Value, kind: Kind, owner: &Value, component: &'static str) -> Action {
    let report = Report {
        about: action::reference(kind, owner),
        component,
        done: Some(("SuccessfulDelete", "Deleted pod: {}".to_owned())),
        failed: Some(("FailedDelete", "Error deleting: {}".to_owned())),
    };
    Action::Delete { target: Target::of(kinds::POD, pod), propagation: None, report: Some(report) }
}

/// Orders pods so that the first are deleted first.
///
/// Source: `ActivePodsWithRanks`, Kubernetes 1.34, `pkg/controller/controller_utils.go`; its rank by pods on the
/// same node is the same for all pods of one node, and left out.
pub(crate) fn by_deletion_order(a: &Value, b: &Value, now: Timestamp) -> Ordering {
    let phase_rank = |pod: &Value| match phase(pod) {
        "" | "Pending" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let cost = |pod: &Value| {
        object::annotation(pod, "controller.kubernetes.io/pod-deletion-cost")
            .and_then(|it| it.parse::<i32>().ok())
    };
    let is_assigned = |pod: &Value| !node(pod).is_empty();
    is_assigned(a)
        .cmp(&is_assigned(b))
        .then_with(|| phase_rank(a).cmp(&phase_rank(b)))
        .then_with(|| is_ready(a).cmp(&is_ready(b)))
        .then_with(|| cost(a).unwrap_or(0).cmp(&cost(b).unwrap_or(0)))
        .then_with(|| by_age(ready_since(a), ready_since(b), (a, b), now))
        .then_with(|| restarts(b).cmp(&restarts(a)))
        .then_with(|| by_age(Some(object::created(a)), Some(object::created(b)), (a, b), now))
}

/// The younger first, on a logarithmic scale of age; equals by uid.
fn by_age(
    a: Option<Timestamp>,
    b: Option<Timestamp>,
    pods: (&Value, &Value),
    now: Timestamp,
) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return Ordering::Equal };
    if a == b || is_ready(pods.0) != is_ready(pods.1) {
        return Ordering::Equal;
    }
    let magnitude = |time: Timestamp| {
        let age = now.duration_since(time).as_nanos();
        if age > 0 { i64::from(age.ilog2()) } else { -1 }
    };
    magnitude(a).cmp(&magnitude(b)).then_with(|| object::uid(pods.0).cmp(object::uid(pods.1)))
}

fn restarts(pod: &Value) -> i64 {
    let statuses = object::list_at(pod, "status.containerStatuses").iter();
    statuses.filter_map(|it| it["restartCount"].as_i64()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, node: &str, phase: &str, ready_since: Option<&str>) -> Value {
        let ready = ready_since
            .map(|it| json!({"type": "Ready", "status": "True", "lastTransitionTime": it}));
        json!({
            "metadata": { "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z" },
            "spec": { "nodeName": node },
            "status": { "phase": phase, "conditions": ready.into_iter().collect::<Vec<_>>() },
        })
    }

    #[test]
    fn the_least_useful_pods_go_first() {
        let now = "2026-01-02T00:00:00Z".parse().expect("a time");
        let mut pods = [
            pod("old", "n", "Running", Some("2026-01-01T00:00:01Z")),
            pod("young", "n", "Running", Some("2026-01-01T23:59:00Z")),
            pod("unready", "n", "Running", None),
            pod("pending", "n", "Pending", None),
            pod("unassigned", "", "Pending", None),
        ];
        pods.sort_by(|a, b| by_deletion_order(a, b, now));
        assert_eq!(
            pods.each_ref().map(object::uid),
            ["unassigned", "pending", "unready", "young", "old"]
        );
    }

    #[test]
    fn a_pod_is_available_after_its_minimum() {
        let pod = pod("a", "n", "Running", Some("2026-01-01T00:00:10Z"));
        let at = |it: &str| it.parse::<Timestamp>().expect("a time");
        assert!(is_available(&pod, 0, at("2026-01-01T00:00:00Z")));
        assert!(!is_available(&pod, 5, at("2026-01-01T00:00:14Z")));
        assert!(is_available(&pod, 5, at("2026-01-01T00:00:15Z")));
    }
}
