//! The metadata of every object.

use serde_json::Value;

use super::{At, Errors, name};
use crate::Resource;

const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

pub(super) fn create(resource: &Resource, at: &At<'_>, errors: &mut Errors) {
    let check = name_check(resource);
    let generated = at.field("generateName");
    if !generated.is_unset() {
        // What is appended later may make up for a last character that a name must not end with.
        let text = generated.text();
        errors.each(&generated, check(text.strip_suffix('-').unwrap_or(text)));
    }
    let own = at.field("name");
    if own.is_unset() {
        errors.required(&own, "name or generateName is required");
    } else {
        errors.each(&own, check(own.text()));
    }
    let namespace = at.field("namespace");
    match (resource.is_namespaced, namespace.is_unset()) {
        (true, true) => errors.required(&namespace, ""),
        (true, false) => errors.each(&namespace, name::dns1123_label(namespace.text())),
        (false, true) => {}
        (false, false) => errors.forbidden(&namespace, "not allowed on this type"),
    }
    errors.non_negative(&at.field("generation"));
    common(at, errors);
}

pub(super) fn update(at: &At<'_>, old: &Value, errors: &mut Errors) {
    if !old["deletionTimestamp"].is_null() {
        let is_old =
            |it: &&str| old["finalizers"].as_array().into_iter().flatten().any(|old| old == it);
        let finalizers = at.field("finalizers");
        let new: Vec<&str> =
            finalizers.items().map(|it| it.text()).filter(|it| !is_old(it)).collect();
        if !new.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {new:?}"
            );
            errors.forbidden(&finalizers, &detail);
        }
    }
    for key in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        errors.immutable(&at.field(key), &old[key]);
    }
    common(at, errors);
}

fn common(at: &At<'_>, errors: &mut Errors) {
    labels(&at.field("labels"), errors);
    annotations(&at.field("annotations"), errors);
    let owners = at.field("ownerReferences");
    for owner in owners.items() {
        for key in ["apiVersion", "kind", "name", "uid"] {
            let field = owner.field(key);
            if field.is_unset() {
                let what = if key == "apiVersion" { "version" } else { key };
                errors.invalid_value(&field, field.text(), &format!("{what} must not be empty"));
            }
        }
    }
    let n_controllers = owners.items().filter(|it| it.field("controller").is_true()).count();
    if 1 < n_controllers {
        errors.invalid(&owners, "Only one reference can have Controller set to true");
    }
    for finalizer in at.field("finalizers").items() {
        errors.each(&finalizer, name::qualified_name(finalizer.text()));
    }
}

/// Labels of objects, templates and selectors.
pub(super) fn labels(at: &At<'_>, errors: &mut Errors) {
    for (key, value) in at.keys() {
        for message in name::qualified_name(key) {
            errors.invalid_value(at, key, &message);
        }
        for message in name::label_value(value.text()) {
            errors.invalid_value(at, value.text(), &message);
        }
    }
}

pub(super) fn annotations(at: &At<'_>, errors: &mut Errors) {
    let mut n_bytes = 0;
    for (key, value) in at.keys() {
        // The key is checked in lower case: its case does not matter.
        for message in name::qualified_name(&key.to_lowercase()) {
            errors.invalid_value(at, key, &message);
        }
        n_bytes += key.len() + value.text().len();
    }
    if ANNOTATIONS_BYTES_MAX < n_bytes {
        errors.too_long(at, ANNOTATIONS_BYTES_MAX);
    }
}

/// A `metav1.LabelSelector`.
pub(super) fn selector(at: &At<'_>, errors: &mut Errors) {
    labels(&at.field("matchLabels"), errors);
    for expression in at.field("matchExpressions").items() {
        let (key, operator, values) =
            (expression.field("key"), expression.field("operator"), expression.field("values"));
        match (operator.text(), values.is_unset()) {
            ("In" | "NotIn", true) => {
                errors.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
            }
            ("Exists" | "DoesNotExist", false) => {
                errors.forbidden(
                    &values,
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                );
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            _ => errors.invalid(&operator, "not a valid selector operator"),
        }
        errors.each(&key, name::qualified_name(key.text()));
        for value in values.items() {
            errors.each(&value, name::label_value(value.text()));
        }
    }
}

fn name_check(resource: &Resource) -> fn(&str) -> Vec<String> {
    match (&*resource.group, &*resource.kind) {
        ("", "Namespace") => name::dns1123_label,
        ("", "Service") => name::dns1035_label,
        ("rbac.authorization.k8s.io", _) => name::path_segment,
        // Addresses and reviews have names of other kinds, which the server makes.
        ("networking.k8s.io", "IPAddress")
        | ("authorization.k8s.io" | "authentication.k8s.io", _) => |_| Vec::new(),
        _ => name::dns1123_subdomain,
    }
}
