//! Defaults of what makes pods: Deployments, Jobs, autoscalers and their like.

use serde_json::{Value, json};

use super::{Object, child, items, set, set_zero, text};

pub(super) fn fill(kind: &str, map: &mut Object) {
    match kind {
        "apps.v1.Deployment" => deployment(child(map, "spec")),
        "apps.v1.ReplicaSet" => set(child(map, "spec"), "replicas", 1),
        "apps.v1.DaemonSet" => daemon_set(child(map, "spec")),
        "apps.v1.StatefulSet" => stateful_set(child(map, "spec")),
        "batch.v1.Job" => job(map),
        "batch.v1.CronJob" => {
            let spec = child(map, "spec");
            set_zero(spec, "concurrencyPolicy", "Allow");
            set(spec, "suspend", false);
            set(spec, "successfulJobsHistoryLimit", 3);
            set(spec, "failedJobsHistoryLimit", 1);
        }
        "batch.v1.PodFailurePolicyOnPodConditionsPattern" => set_zero(map, "status", "True"),
        "autoscaling.v1.HorizontalPodAutoscaler" => set(child(map, "spec"), "minReplicas", 1),
        "autoscaling.v2.HorizontalPodAutoscaler" => autoscaler(child(map, "spec")),
        _ => {}
    }
}

fn deployment(spec: &mut Object) {
    set(spec, "replicas", 1);
    let strategy = child(spec, "strategy");
    set_zero(strategy, "type", "RollingUpdate");
    if text(strategy, "type") == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        set(rolling, "maxUnavailable", "25%");
        set(rolling, "maxSurge", "25%");
    }
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
}

fn daemon_set(spec: &mut Object) {
    let strategy = child(spec, "updateStrategy");
    set_zero(strategy, "type", "RollingUpdate");
    if text(strategy, "type") == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        set(rolling, "maxUnavailable", 1);
        set(rolling, "maxSurge", 0);
    }
    set(spec, "revisionHistoryLimit", 10);
}

fn stateful_set(spec: &mut Object) {
    set_zero(spec, "podManagementPolicy", "OrderedReady");
    let strategy = child(spec, "updateStrategy");
    if text(strategy, "type").is_empty() {
        strategy.insert("type".to_owned(), "RollingUpdate".into());
        set(strategy, "rollingUpdate", json!({}));
    }
    if text(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = strategy.get_mut("rollingUpdate").and_then(Value::as_object_mut)
    {
        set(rolling, "partition", 0);
    }
    let retention = child(spec, "persistentVolumeClaimRetentionPolicy");
    set_zero(retention, "whenDeleted", "Retain");
    set_zero(retention, "whenScaled", "Retain");
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    for claim in items(spec, "volumeClaimTemplates") {
        set_zero(claim, "apiVersion", "v1");
        set_zero(claim, "kind", "PersistentVolumeClaim");
    }
}

fn job(map: &mut Object) {
    let spec = child(map, "spec");
    if !spec.contains_key("completions") && !spec.contains_key("parallelism") {
        set(spec, "completions", 1);
    }
    set(spec, "parallelism", 1);
    let limit = if spec.contains_key("backoffLimitPerIndex") { i32::MAX } else { 6 };
    set(spec, "backoffLimit", limit);
    set(spec, "completionMode", "NonIndexed");
    set(spec, "suspend", false);
    let replacement =
        if spec.contains_key("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    set(spec, "podReplacementPolicy", replacement);
    set(spec, "manualSelector", false);
    let labels = spec.get("template").map(|it| it["metadata"]["labels"].clone());
    if let Some(labels @ Value::Object(_)) = labels {
        let metadata = child(map, "metadata");
        if metadata.get("labels").is_none_or(|it| it.as_object().is_none_or(Object::is_empty)) {
            metadata.insert("labels".to_owned(), labels);
        }
    }
}

fn autoscaler(spec: &mut Object) {
    set(spec, "minReplicas", 1);
    set_zero(
        spec,
        "metrics",
        json!([{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
    );
    if spec.get("behavior").is_some_and(Value::is_object) {
        let behavior = child(spec, "behavior");
        let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        let up = child(behavior, "scaleUp");
        set(up, "stabilizationWindowSeconds", 0);
        set(up, "selectPolicy", "Max");
        set(up, "policies", json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, percent]));
        let down = child(behavior, "scaleDown");
        set(down, "selectPolicy", "Max");
        set(down, "policies", json!([percent]));
    }
}
