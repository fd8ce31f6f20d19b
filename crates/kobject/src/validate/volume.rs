//! Volumes of pods, claims, persistent volumes and storage classes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{At, Errors, name};
use crate::Quantity;

const ACCESS_MODES: [&str; 4] =
    ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// Checks a pod's volumes; returns the names of those that are fine, to which containers may refer.
pub(super) fn pod_volumes<'a>(at: &At<'a>, errors: &mut Errors) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (volume, value) in at.items().zip(at.value().as_array().into_iter().flatten()) {
        let n_before = errors.len();
        source(&volume, errors);
        let own = volume.field("name");
        if own.is_unset() {
            errors.required(&own, "");
        } else {
            errors.each(&own, name::dns1123_label(own.text()));
        }
        let text = value["name"].as_str().unwrap_or_default();
        if names.contains(text) {
            errors.duplicate(&own);
        }
        if errors.len() == n_before {
            names.insert(text);
        }
    }
    names
}

/// Where a volume's content comes from, and what must be said of it.
const SOURCES: &[(&str, &[&str])] = &[
    ("emptyDir", &[]),
    ("hostPath", &["path"]),
    ("secret", &["secretName"]),
    ("configMap", &["name"]),
    ("persistentVolumeClaim", &["claimName"]),
    ("downwardAPI", &[]),
    ("projected", &[]),
    ("nfs", &["server", "path"]),
    ("csi", &["driver"]),
    ("ephemeral", &["volumeClaimTemplate"]),
    ("image", &["reference"]),
];

fn source(at: &At<'_>, errors: &mut Errors) {
    let mut is_first = true;
    for (key, required) in SOURCES {
        let source = at.field(key);
        if !source.is_there() {
            continue;
        }
        if !is_first {
            errors.forbidden(&source, "may not specify more than 1 volume type");
            continue;
        }
        is_first = false;
        for key in *required {
            if source.field(key).is_unset() {
                errors.required(&source.field(key), "");
            }
        }
        if *key == "projected" {
            projected(&source, errors);
        }
        if *key == "ephemeral" {
            claim_spec(&source.field("volumeClaimTemplate").field("spec"), errors);
        }
    }
    let is_known = at.value().as_object().is_some_and(|it| it.keys().any(|key| key != "name"));
    if is_first && !is_known {
        errors.required(at, "must specify a volume type");
    }
}

fn projected(at: &At<'_>, errors: &mut Errors) {
    for source in at.field("sources").items() {
        for (key, required) in
            [("secret", "name"), ("configMap", "name"), ("serviceAccountToken", "path")]
        {
            let part = source.field(key);
            if part.is_there() && part.field(required).is_unset() {
                errors.required(&part.field(required), "");
            }
        }
    }
}

pub(super) fn claim(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    claim_spec(&spec, errors);
    let Some(old) = old else { return };
    let is_bound = at.field("status").field("phase").text() == "Bound";
    if fixed_part(spec.value(), &old["spec"], is_bound)
        != fixed_part(&old["spec"], &old["spec"], is_bound)
    {
        let detail = "spec is immutable after creation except resources.requests and \
                      volumeAttributesClassName for bound claims";
        errors.forbidden(&spec, detail);
    }
    let storage =
        |it: &Value| Quantity::from_json(&it["storage"]).unwrap_or(Quantity::from_value(0));
    let resources = spec.field("resources");
    let requests = resources.field("requests");
    let size = storage(requests.value());
    let old_size = storage(&old["spec"]["resources"]["requests"]);
    if size < old_size && size <= storage(&old["status"]["capacity"]) {
        errors.forbidden(&requests.field("storage"), "field can not be less than status.capacity");
    }
}

/// The spec without what may change: the volume once, the size and class of a bound claim.
fn fixed_part(spec: &Value, old: &Value, is_bound: bool) -> Value {
    let mut spec = spec.clone();
    let Value::Object(map) = &mut spec else { return spec };
    if old["volumeName"].as_str().unwrap_or_default().is_empty() {
        map.remove("volumeName");
    }
    if old["storageClassName"].is_null() {
        map.remove("storageClassName");
    }
    if is_bound {
        map.remove("volumeAttributesClassName");
        if let Some(requests) = map.get_mut("resources").and_then(|it| it.get_mut("requests")) {
            requests["storage"] = Value::Null;
        }
    }
    spec
}

/// The spec of a claim, of a template of claims, or of an ephemeral volume.
pub(super) fn claim_spec(at: &At<'_>, errors: &mut Errors) {
    let modes = at.field("accessModes");
    if modes.is_unset() {
        errors.required(&modes, "at least 1 access mode is required");
    }
    for mode in modes.items().filter(|it| !ACCESS_MODES.contains(&it.text())) {
        errors.not_supported(&at.under("accessModes", mode.value()), &ACCESS_MODES);
    }
    let has = |mode: &str| modes.items().any(|it| it.text() == mode);
    if has("ReadWriteOncePod") && ACCESS_MODES[..3].iter().any(|it| has(it)) {
        errors.forbidden(&modes, "may not use ReadWriteOncePod with other access modes");
    }
    let resources = at.field("resources");
    let requests = resources.field("requests");
    let amount = requests.field("storage");
    let shown = resources.key("storage");
    match Quantity::from_json(amount.value()) {
        None => errors.required(&shown, ""),
        Some(it) if it.is_negative() || it.is_zero() => {
            errors.invalid_value(&shown, it.to_string(), "must be greater than zero");
        }
        Some(_) => {}
    }
    let class = at.field("storageClassName");
    if !class.is_unset() {
        errors.each(&class, name::dns1123_subdomain(class.text()));
    }
    errors.one_of(&at.field("volumeMode"), &["Block", "Filesystem"]);
}

pub(super) fn volume(at: &At<'_>, errors: &mut Errors) {
    let spec = at.field("spec");
    let modes = spec.field("accessModes");
    if modes.is_unset() {
        errors.required(&modes, "");
    }
    for mode in modes.items().filter(|it| !ACCESS_MODES.contains(&it.text())) {
        errors.not_supported(&spec.under("accessModes", mode.value()), &ACCESS_MODES);
    }
    if spec.field("capacity").is_unset() {
        errors.required(&spec.field("capacity"), "");
    }
    let policies = ["Delete", "Recycle", "Retain"];
    errors.one_of(&spec.field("persistentVolumeReclaimPolicy"), &policies);
    errors.one_of(&spec.field("volumeMode"), &["Block", "Filesystem"]);
}

pub(super) fn class(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    if at.field("provisioner").is_unset() {
        errors.required(&at.field("provisioner"), "");
    }
    errors.one_of(&at.field("reclaimPolicy"), &["Delete", "Retain"]);
    errors.one_of(&at.field("volumeBindingMode"), &["Immediate", "WaitForFirstConsumer"]);
    let Some(old) = old else { return };
    for key in ["parameters", "provisioner", "reclaimPolicy"] {
        if at.field(key).value() != &old[key] {
            errors.forbidden(&at.field(key), &format!("updates to {key} are forbidden."));
        }
    }
    errors.immutable(&at.field("volumeBindingMode"), &old["volumeBindingMode"]);
}
