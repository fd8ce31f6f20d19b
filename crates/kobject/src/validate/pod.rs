//! Pods and pod templates.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{At, Errors, container, metadata, name, volume};

const UPDATABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
     `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
     tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn pod(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let at_spec = at.field("spec");
    spec(&at_spec, errors);
    let Some(old) = old.map(|it| &it["spec"]) else { return };
    for list in ["containers", "initContainers"] {
        let n_containers = |spec: &Value| spec[list].as_array().map_or(0, Vec::len);
        if n_containers(at_spec.value()) != n_containers(old) {
            errors.forbidden(&at_spec.field(list), "pod updates may not add or remove containers");
            return;
        }
    }
    let tolerations = |spec: &Value| spec["tolerations"].as_array().cloned().unwrap_or_default();
    let new_tolerations = tolerations(at_spec.value());
    if !tolerations(old).iter().all(|it| new_tolerations.contains(it)) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.forbidden(&at_spec.field("tolerations"), detail);
    }
    if fixed_part(at_spec.value()) != fixed_part(old) {
        errors.forbidden(&at_spec, UPDATABLE);
    }
}

/// The spec without what may change.
fn fixed_part(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let Value::Object(map) = &mut spec else { return spec };
    for key in
        ["activeDeadlineSeconds", "tolerations", "schedulingGates", "terminationGracePeriodSeconds"]
    {
        map.remove(key);
    }
    for list in ["containers", "initContainers"] {
        let containers = map.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
            container.remove("image");
        }
    }
    spec
}

/// A template's metadata and spec.
pub(super) fn template(at: &At<'_>, errors: &mut Errors) {
    // Upstream's paths leave out `metadata` here.
    let own = &at.value()["metadata"];
    metadata::labels(&at.under("labels", &own["labels"]), errors);
    metadata::annotations(&at.under("annotations", &own["annotations"]), errors);
    spec(&at.field("spec"), errors);
}

fn spec(at: &At<'_>, errors: &mut Errors) {
    let volumes = volume::pod_volumes(&at.field("volumes"), errors);
    let mut names = BTreeSet::new();
    let containers = at.field("containers");
    if containers.is_unset() {
        errors.required(&containers, "");
    }
    for it in containers.items() {
        container::container(&it, &volumes, errors);
        unique_name(&it, &mut names, errors);
    }
    for it in at.field("initContainers").items() {
        container::init_container(&it, &volumes, errors);
        unique_name(&it, &mut names, errors);
    }
    for it in at.field("ephemeralContainers").items() {
        container::common(&it, &volumes, errors);
        unique_name(&it, &mut names, errors);
    }
    errors.one_of(&at.field("restartPolicy"), &["Always", "OnFailure", "Never"]);
    errors.one_of(
        &at.field("dnsPolicy"),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    );
    metadata::labels(&at.field("nodeSelector"), errors);
    security_context(&at.field("securityContext"), errors);
    for secret in at.field("imagePullSecrets").items() {
        if secret.field("name").is_unset() {
            errors.required(&secret.field("name"), "");
        }
    }
    affinity(&at.field("affinity"), errors);
    names_in_spec(at, errors);
    let deadline = at.field("activeDeadlineSeconds");
    if deadline.number().is_some_and(|it| !(1..=i64::from(i32::MAX)).contains(&it)) {
        errors.invalid(&deadline, "must be between 1 and 2147483647, inclusive");
    }
    at.field("tolerations").items().for_each(|it| toleration(&it, errors));
    at.field("topologySpreadConstraints").items().for_each(|it| spread(&it, errors));
}

fn unique_name(at: &At<'_>, names: &mut BTreeSet<String>, errors: &mut Errors) {
    let own = at.field("name");
    if !own.is_unset() && !names.insert(own.text().to_owned()) {
        errors.duplicate(&own);
    }
}

fn names_in_spec(at: &At<'_>, errors: &mut Errors) {
    for key in ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] {
        let field = at.field(key);
        if !field.is_unset() {
            errors.each(&field, name::dns1123_subdomain(field.text()));
        }
    }
    for key in ["hostname", "subdomain"] {
        let field = at.field(key);
        if !field.is_unset() {
            errors.each(&field, name::dns1123_label(field.text()));
        }
    }
}

fn security_context(at: &At<'_>, errors: &mut Errors) {
    for key in ["runAsUser", "runAsGroup", "fsGroup"] {
        id(&at.field(key), errors);
    }
    at.field("supplementalGroups").items().for_each(|it| id(&it, errors));
    seccomp(&at.field("seccompProfile"), errors);
    let policy = at.field("fsGroupChangePolicy");
    if policy.is_there() && !["Always", "OnRootMismatch"].contains(&policy.text()) {
        errors.not_supported(&policy, &["Always", "OnRootMismatch"]);
    }
}

/// Which system calls a pod or a container may use.
pub(super) fn seccomp(at: &At<'_>, errors: &mut Errors) {
    let kind = at.field("type");
    if at.is_there() && kind.is_unset() {
        errors.required(&kind, "type is required when seccompProfile is set");
    }
    errors.one_of(&kind, &["Localhost", "RuntimeDefault", "Unconfined"]);
}

/// The number of a user or a group.
pub(super) fn id(at: &At<'_>, errors: &mut Errors) {
    if at.number().is_some_and(|it| !(0..=i64::from(i32::MAX)).contains(&it)) {
        errors.invalid(at, "must be between 0 and 2147483647, inclusive");
    }
}

fn affinity(at: &At<'_>, errors: &mut Errors) {
    for key in ["podAffinity", "podAntiAffinity"] {
        let terms = at.field(key);
        for term in terms.field("requiredDuringSchedulingIgnoredDuringExecution").items() {
            affinity_term(&term, errors);
        }
        for weighted in terms.field("preferredDuringSchedulingIgnoredDuringExecution").items() {
            let weight = weighted.field("weight");
            if !(1..=100).contains(&weight.number().unwrap_or(0)) {
                errors.invalid_value(
                    &weight,
                    weight.number().unwrap_or(0),
                    "must be in the range 1-100",
                );
            }
            affinity_term(&weighted.field("podAffinityTerm"), errors);
        }
    }
}

fn affinity_term(at: &At<'_>, errors: &mut Errors) {
    metadata::selector(&at.field("labelSelector"), errors);
    let key = at.field("topologyKey");
    if key.is_unset() {
        errors.required(&key, "can not be empty");
    }
    name::qualified_name(key.text())
        .iter()
        .for_each(|it| errors.invalid_value(&key, key.text(), it));
}

fn toleration(at: &At<'_>, errors: &mut Errors) {
    let (key, operator, effect) = (at.field("key"), at.field("operator"), at.field("effect"));
    if !key.is_unset() {
        errors.each(&key, name::qualified_name(key.text()));
    }
    if key.is_unset() && operator.text() != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.invalid_value(&operator, operator.text(), detail);
    }
    if at.field("tolerationSeconds").is_there() && effect.text() != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.invalid_value(&effect, effect.text(), detail);
    }
    match operator.text() {
        "Equal" | "" => {
            let value = at.field("value");
            errors.each(&value, name::label_value(value.text()));
        }
        "Exists" if !at.field("value").is_unset() => {
            errors.invalid(&operator, "value must be empty when `operator` is 'Exists'");
        }
        "Exists" => {}
        _ => errors.not_supported(&operator, &["Equal", "Exists"]),
    }
    errors.one_of(&effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
}

fn spread(at: &At<'_>, errors: &mut Errors) {
    let skew = at.field("maxSkew");
    if skew.number().unwrap_or(0) <= 0 {
        errors.invalid_value(&skew, skew.number().unwrap_or(0), "must be greater than zero");
    }
    if at.field("topologyKey").is_unset() {
        errors.required(&at.field("topologyKey"), "can not be empty");
    }
    let unsatisfiable = at.field("whenUnsatisfiable");
    if unsatisfiable.is_unset()
        || !["DoNotSchedule", "ScheduleAnyway"].contains(&unsatisfiable.text())
    {
        errors.not_supported(&unsatisfiable, &["DoNotSchedule", "ScheduleAnyway"]);
    }
    metadata::selector(&at.field("labelSelector"), errors);
}
