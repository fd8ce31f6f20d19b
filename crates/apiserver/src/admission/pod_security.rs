//! PodSecurity: what the labels of a namespace demand of its pods.
//!
//! Source: kubernetes 1.34, `k8s.io/pod-security-admission`, `admission/admission.go`. Every demand is judged by its
//! newest version. AppArmor, SELinux and Windows are not judged: this node has none of them.

use kobject::{Resource, meta};
use serde_json::Value;

use crate::{
    api::{Api, core_key},
    error::{ApiError, invalid},
};

mod checks;

use checks::Level;

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const AUDIT: &str = "pod-security.kubernetes.io/audit";
const WARN: &str = "pod-security.kubernetes.io/warn";

/// A level as a namespace's label names it, with the version for messages.
struct Demand {
    level: Level,
    named: String,
}

/// Refuses a namespace whose labels name no level.
pub(crate) fn check_labels(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    if resource.kind != "Namespace" {
        return Ok(());
    }
    let refused = |label: &&str| {
        let level = meta::label(object, label)?;
        let is_known = matches!(level, "privileged" | "baseline" | "restricted");
        let field = format!("metadata.labels[{label}]");
        let what = "must be one of privileged, baseline, restricted";
        (!is_known).then(|| invalid(&field, level, what))
    };
    let errors: Vec<_> = [ENFORCE, AUDIT, WARN].iter().filter_map(refused).collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(resource, meta::name(object), errors))
}

/// Refuses a pod that violates what its namespace enforces.
pub(crate) fn enforce(api: &Api, resource: &Resource, object: &Value) -> Result<(), ApiError> {
    if resource.kind != "Pod" || !resource.group.is_empty() {
        return Ok(());
    }
    let Some(demand) = demand(api, object, ENFORCE) else { return Ok(()) };
    match checks::violations(demand.level, &object["spec"]) {
        None => Ok(()),
        Some(violations) => {
            let why = format!("violates PodSecurity {:?}: {violations}", demand.named);
            Err(ApiError::forbidden(resource, meta::name(object), why))
        }
    }
}

/// What the writer of a pod, or of what makes pods, is warned of.
pub(crate) fn warning(api: &Api, resource: &Resource, object: &Value) -> Option<String> {
    let spec = pod_spec(resource, object)?;
    let demand = demand(api, object, WARN)?;
    let violations = checks::violations(demand.level, spec)?;
    Some(format!("would violate PodSecurity {:?}: {violations}", demand.named))
}

fn demand(api: &Api, object: &Value, label: &str) -> Option<Demand> {
    let namespace = api.store.get(&core_key("namespaces", "", meta::namespace(object)))?.object();
    let level = match meta::label(&namespace, label)? {
        "privileged" => return None,
        "baseline" => Level::Baseline,
        // No namespace has another.
        _ => Level::Restricted,
    };
    let version = meta::label(&namespace, &format!("{label}-version")).unwrap_or("latest");
    Some(Demand { level, named: format!("{}:{version}", level.name()) })
}

/// The spec of the pods that an object is or makes.
fn pod_spec<'a>(resource: &Resource, object: &'a Value) -> Option<&'a Value> {
    let spec = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => &object["spec"],
        ("", "PodTemplate") => &object["template"]["spec"],
        ("batch", "CronJob") => &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        ("" | "apps" | "batch", _) => &object["spec"]["template"]["spec"],
        _ => return None,
    };
    spec.is_object().then_some(spec)
}
