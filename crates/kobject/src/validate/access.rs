//! Roles and their bindings.

use serde_json::Value;

use super::{At, Errors, name};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn role(at: &At<'_>, is_namespaced: bool, errors: &mut Errors) {
    for rule in at.field("rules").items() {
        if rule.field("verbs").is_unset() {
            errors.required(&rule.field("verbs"), "verbs must contain at least one value");
        }
        let urls = rule.field("nonResourceURLs");
        let resource_fields = ["apiGroups", "resources", "resourceNames"];
        if !urls.is_unset() {
            if is_namespaced {
                errors.invalid(&urls, "namespaced rules cannot apply to non-resource URLs");
            }
            if resource_fields.iter().any(|it| !rule.field(it).is_unset()) {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                errors.invalid(&urls, detail);
            }
            continue;
        }
        if rule.field("apiGroups").is_unset() {
            errors.required(
                &rule.field("apiGroups"),
                "resource rules must supply at least one api group",
            );
        }
        if rule.field("resources").is_unset() {
            errors.required(
                &rule.field("resources"),
                "resource rules must supply at least one resource",
            );
        }
    }
}

pub(super) fn binding(at: &At<'_>, old: Option<&Value>, is_namespaced: bool, errors: &mut Errors) {
    let role = at.field("roleRef");
    if role.field("apiGroup").text() != GROUP {
        errors.not_supported(&role.field("apiGroup"), &[GROUP]);
    }
    let kinds: &[&str] = if is_namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&role.field("kind").text()) {
        errors.not_supported(&role.field("kind"), kinds);
    }
    let own = role.field("name");
    if own.is_unset() {
        errors.required(&own, "");
    } else {
        errors.each(&own, name::path_segment(own.text()));
    }
    at.field("subjects").items().for_each(|it| subject(&it, is_namespaced, errors));
    if old.is_some_and(|it| it["roleRef"] != *role.value()) {
        errors.invalid(&role, "cannot change roleRef");
    }
}

fn subject(at: &At<'_>, is_namespaced: bool, errors: &mut Errors) {
    let (own, group) = (at.field("name"), at.field("apiGroup"));
    if own.is_unset() {
        errors.required(&own, "");
    }
    match at.field("kind").text() {
        "ServiceAccount" => {
            if !own.is_unset() {
                errors.each(&own, name::dns1123_subdomain(own.text()));
            }
            if !group.is_unset() {
                errors.not_supported(&group, &[""]);
            }
            if !is_namespaced && at.field("namespace").is_unset() {
                errors.required(&at.field("namespace"), "");
            }
        }
        "User" | "Group" => {
            if group.text() != GROUP {
                errors.not_supported(&group, &[GROUP]);
            }
        }
        _ => errors.not_supported(&at.field("kind"), &["ServiceAccount", "User", "Group"]),
    }
}
