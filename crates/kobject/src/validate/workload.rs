//! What makes pods: Deployments, sets, Jobs.

use serde_json::Value;

use super::{At, Errors, metadata, name, pod, scale, volume};
use crate::LabelSelector;

pub(super) fn deployment(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    errors.non_negative(&spec.field("replicas"));
    selector(&spec, "deployment", errors);
    template(&spec, "ReplicaSet", errors);
    strategy(&spec.field("strategy"), errors);
    let (ready, deadline) = (spec.field("minReadySeconds"), spec.field("progressDeadlineSeconds"));
    errors.non_negative(&ready);
    errors.non_negative(&spec.field("revisionHistoryLimit"));
    errors.non_negative(&deadline);
    if deadline.number().is_some_and(|it| it <= ready.number().unwrap_or(0)) {
        errors.invalid(&deadline, "must be greater than minReadySeconds");
    }
    if let Some(old) = old {
        errors.immutable(&spec.field("selector"), &old["spec"]["selector"]);
    }
}

pub(super) fn replica_set(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    errors.non_negative(&spec.field("replicas"));
    errors.non_negative(&spec.field("minReadySeconds"));
    selector(&spec, "deployment", errors);
    template(&spec, "ReplicaSet", errors);
    if let Some(old) = old {
        errors.immutable(&spec.field("selector"), &old["spec"]["selector"]);
    }
}

pub(super) fn replication_controller(at: &At<'_>, errors: &mut Errors) {
    let spec = at.field("spec");
    errors.non_negative(&spec.field("minReadySeconds"));
    let selector = spec.field("selector");
    if selector.is_unset() {
        errors.required(&selector, "");
    }
    errors.non_negative(&spec.field("replicas"));
    let template = spec.field("template");
    if !template.is_there() {
        errors.required(&template, "");
        return;
    }
    matches(&LabelSelector::from_map(selector.value()), &template, errors);
    always_restarts(&template, "ReplicationController", errors);
}

pub(super) fn daemon_set(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    selector(&spec, "daemonset", errors);
    template(&spec, "DaemonSet", errors);
    errors.non_negative(&spec.field("minReadySeconds"));
    let strategy = spec.field("updateStrategy");
    if !["RollingUpdate", "OnDelete"].contains(&strategy.field("type").text()) {
        errors.not_supported(&strategy, &["RollingUpdate", "OnDelete"]);
    }
    errors.non_negative(&spec.field("revisionHistoryLimit"));
    if let Some(old) = old {
        errors.immutable(&spec.field("selector"), &old["spec"]["selector"]);
    }
}

pub(super) fn stateful_set(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    let policy = spec.field("podManagementPolicy");
    if !["OrderedReady", "Parallel"].contains(&policy.text()) {
        errors.invalid(&policy, "must be 'OrderedReady' or 'Parallel'");
    }
    let strategy = spec.field("updateStrategy");
    match strategy.field("type").text() {
        "OnDelete" if strategy.field("rollingUpdate").is_there() => {
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            errors.invalid(&strategy.field("rollingUpdate"), detail);
        }
        "OnDelete" => {}
        "RollingUpdate" => errors.non_negative(&strategy.field("rollingUpdate").field("partition")),
        _ => errors.invalid(&strategy, "must be 'RollingUpdate' or 'OnDelete'"),
    }
    for key in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
        errors.non_negative(&spec.field(key));
    }
    selector(&spec, "statefulset", errors);
    // Volumes that claims will make are known to the containers.
    let mut extended = spec.value().clone();
    claim_volumes(&mut extended);
    let whole = Value::Object([("spec".to_owned(), extended)].into_iter().collect());
    let whole = At::root(&whole);
    template(&whole.field("spec"), "StatefulSet", errors);
    let Some(old) = old else {
        let service = spec.field("serviceName");
        if !service.is_unset() {
            errors.each(&service, name::dns1123_label(service.text()));
        }
        for claim in spec.field("volumeClaimTemplates").items() {
            volume::claim_spec(&claim.field("spec"), errors);
        }
        return;
    };
    if fixed_part(spec.value()) != fixed_part(&old["spec"]) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                      'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                      'minReadySeconds' are forbidden";
        errors.forbidden(&spec, detail);
    }
}

fn fixed_part(spec: &Value) -> Value {
    const MUTABLE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let mut spec = spec.clone();
    if let Value::Object(map) = &mut spec {
        map.retain(|key, _| !MUTABLE.contains(&&**key));
    }
    spec
}

fn claim_volumes(spec: &mut Value) {
    let claims = spec["volumeClaimTemplates"].as_array().cloned().unwrap_or_default();
    if claims.is_empty() {
        return;
    }
    let names: Vec<Value> = claims.iter().map(|it| it["metadata"]["name"].clone()).collect();
    let pod_spec = &mut spec["template"]["spec"];
    let own = pod_spec["volumes"].as_array().cloned().unwrap_or_default();
    let claimed = names.iter().map(|it| serde_json::json!({ "name": it, "emptyDir": {} }));
    let rest = own.into_iter().filter(|it| !names.contains(&it["name"]));
    pod_spec["volumes"] = claimed.chain(rest).collect();
}

pub(super) fn job(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    job_spec(&spec, errors);
    let selected = spec.field("selector");
    if selected.is_there() {
        metadata::selector(&selected, errors);
    } else {
        errors.required(&selected, "");
    }
    let template = spec.field("template");
    if let Ok(selector) = LabelSelector::from_object(selected.value())
        && selected.is_there()
    {
        matches(&selector, &template, errors);
    }
    let Some(old) = old.map(|it| &it["spec"]) else { return };
    let is_elastic = spec.field("completionMode").text() == "Indexed"
        && spec.field("completions").value() == spec.field("parallelism").value()
        && old["completions"] == old["parallelism"];
    if !is_elastic {
        errors.immutable(&spec.field("completions"), &old["completions"]);
    }
    errors.immutable(&selected, &old["selector"]);
    // A suspended job that has not started may still be placed elsewhere.
    if old["suspend"] != true {
        errors.immutable(&template, &old["template"]);
    }
    for key in
        ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        errors.immutable(&spec.field(key), &old[key]);
    }
}

fn job_spec(at: &At<'_>, errors: &mut Errors) {
    for key in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        errors.non_negative(&at.field(key));
    }
    let mode = at.field("completionMode");
    errors.one_of(&mode, &["NonIndexed", "Indexed"]);
    if mode.text() == "Indexed" && !at.field("completions").is_there() {
        errors.required(&at.field("completions"), "when completion mode is Indexed");
    }
    if mode.text() != "Indexed" && at.field("backoffLimitPerIndex").is_there() {
        errors.invalid(&at.field("backoffLimitPerIndex"), "requires indexed completion mode");
    }
    let template = at.field("template");
    pod::template(&template, errors);
    let pod_spec = template.field("spec");
    let policy = pod_spec.field("restartPolicy");
    match policy.text() {
        "Always" | "" => errors.required(&policy, "valid values: \"OnFailure\", \"Never\""),
        "OnFailure" if at.field("podFailurePolicy").is_there() => {
            errors
                .invalid(&policy, "only \"Never\" is supported when podFailurePolicy is specified");
        }
        "OnFailure" | "Never" => {}
        _ => errors.not_supported(&policy, &["OnFailure", "Never"]),
    }
}

pub(super) fn cron_job(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    schedule(&spec.field("schedule"), errors);
    errors.non_negative(&spec.field("startingDeadlineSeconds"));
    errors.one_of(&spec.field("concurrencyPolicy"), &["Allow", "Forbid", "Replace"]);
    let template = spec.field("jobTemplate");
    let job = template.field("spec");
    if job.field("manualSelector").is_true() {
        errors.invalid(&job.field("manualSelector"), "must not be set to true for cron jobs");
    }
    job_spec(&job, errors);
    errors.non_negative(&spec.field("successfulJobsHistoryLimit"));
    errors.non_negative(&spec.field("failedJobsHistoryLimit"));
    let (metadata, key) = (at.field("metadata"), "name");
    let own = metadata.field(key);
    if old.is_none() && 52 < own.text().len() {
        errors.invalid(&own, "must be no more than 52 characters");
    }
}

/// The shape of a schedule; whoever runs it reads the fields.
fn schedule(at: &At<'_>, errors: &mut Errors) {
    let fields: Vec<&str> = at.text().split_whitespace().collect();
    let is_macro = at.text().starts_with('@');
    match fields.len() {
        0 => errors.required(at, ""),
        5 => {}
        _ if is_macro => {}
        n => {
            let detail = format!("expected exactly 5 fields, found {n}: [{}]", fields.join(" "));
            errors.invalid(at, &detail);
        }
    }
}

fn selector(spec: &At<'_>, kind: &str, errors: &mut Errors) {
    let at = spec.field("selector");
    if !at.is_there() {
        if kind != "daemonset" {
            errors.required(&at, "");
        }
        return;
    }
    metadata::selector(&at, errors);
    if at.field("matchLabels").is_unset() && at.field("matchExpressions").is_unset() {
        errors.invalid(&at, &format!("empty selector is invalid for {kind}"));
    }
}

/// The template of a set whose pods run for ever.
fn template(spec: &At<'_>, kind: &str, errors: &mut Errors) {
    let template = spec.field("template");
    match LabelSelector::from_object(spec.field("selector").value()) {
        Ok(selector) => matches(&selector, &template, errors),
        Err(_) => errors.invalid(&spec.field("selector"), "invalid label selector"),
    }
    always_restarts(&template, kind, errors);
}

fn matches(selector: &LabelSelector, template: &At<'_>, errors: &mut Errors) {
    let metadata = template.field("metadata");
    let labels = metadata.field("labels");
    if !selector.is_everything() && !selector.matches(labels.value().as_object()) {
        errors.invalid(&labels, "`selector` does not match template `labels`");
    }
}

fn always_restarts(template: &At<'_>, kind: &str, errors: &mut Errors) {
    pod::template(template, errors);
    let spec = template.field("spec");
    let policy = spec.field("restartPolicy");
    if policy.text() != "Always" {
        errors.not_supported(&policy, &["Always"]);
    }
    let deadline = spec.field("activeDeadlineSeconds");
    if deadline.is_there() {
        errors.forbidden(&deadline, &format!("activeDeadlineSeconds in {kind} is not Supported"));
    }
}

fn strategy(at: &At<'_>, errors: &mut Errors) {
    let rolling = at.field("rollingUpdate");
    match at.field("type").text() {
        "Recreate" if rolling.is_there() => {
            errors.forbidden(&rolling, "may not be specified when strategy `type` is 'Recreate'");
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.field("maxUnavailable"), rolling.field("maxSurge"));
            scale::int_or_percent(&unavailable, errors);
            scale::int_or_percent(&surge, errors);
            if is_nothing(&unavailable) && is_nothing(&surge) {
                errors.invalid(&unavailable, "may not be 0 when `maxSurge` is 0");
            }
            scale::at_most_all(&unavailable, errors);
        }
        _ => errors.not_supported(at, &["Recreate", "RollingUpdate"]),
    }
}

fn is_nothing(at: &At<'_>) -> bool {
    at.number() == Some(0) || at.text() == "0%"
}
