//! Autoscalers, disruption budgets and priorities.

use serde_json::Value;

use super::{At, Errors, metadata, name};

pub(super) fn autoscaler(at: &At<'_>, errors: &mut Errors) {
    let spec = at.field("spec");
    let (min, max) = (spec.field("minReplicas"), spec.field("maxReplicas"));
    if min.number().is_some_and(|it| it < 1) {
        errors.invalid(&min, "must be greater than or equal to 1");
    }
    let n_max = max.number().unwrap_or(0);
    if n_max < 1 {
        errors.invalid_value(&max, n_max, "must be greater than 0");
    }
    if min.number().is_some_and(|it| n_max < it) {
        errors.invalid_value(&max, n_max, "must be greater than or equal to `minReplicas`");
    }
    let target = spec.field("scaleTargetRef");
    for key in ["kind", "name"] {
        let field = target.field(key);
        if field.is_unset() {
            errors.required(&field, "");
        } else {
            errors.each(&field, name::path_segment(field.text()));
        }
    }
    spec.field("metrics").items().for_each(|it| metric(&it, errors));
}

fn metric(at: &At<'_>, errors: &mut Errors) {
    const KINDS: [(&str, &str); 5] = [
        ("ContainerResource", "containerResource"),
        ("External", "external"),
        ("Object", "object"),
        ("Pods", "pods"),
        ("Resource", "resource"),
    ];
    let kind = at.field("type");
    if kind.is_unset() {
        errors.required(&kind, "must specify a metric source type");
    }
    let Some((_, key)) = KINDS.iter().find(|(it, _)| *it == kind.text()) else {
        errors.not_supported(&kind, &KINDS.map(|(it, _)| it));
        return;
    };
    let source = at.field(key);
    if !source.is_there() {
        let detail = "must populate information for the given metric source";
        errors.required(&source, detail);
    } else if key.ends_with("esource") {
        if source.field("name").is_unset() {
            errors.required(&source.field("name"), "must specify a resource name");
        }
        let target = source.field("target");
        if target.field("averageUtilization").number().is_some_and(|it| it < 1) {
            errors.invalid(&target.field("averageUtilization"), "must be greater than 0");
        }
    }
}

pub(super) fn disruption_budget(at: &At<'_>, errors: &mut Errors) {
    let spec = at.field("spec");
    let (min, max) = (spec.field("minAvailable"), spec.field("maxUnavailable"));
    if min.is_there() && max.is_there() {
        errors.invalid(&spec, "minAvailable and maxUnavailable cannot be both set");
    }
    for bound in [&min, &max] {
        int_or_percent(bound, errors);
        at_most_all(bound, errors);
    }
    metadata::selector(&spec.field("selector"), errors);
    errors.one_of(&spec.field("unhealthyPodEvictionPolicy"), &["AlwaysAllow", "IfHealthyBudget"]);
}

pub(super) fn priority_class(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    const USER_MAX: i64 = 1_000_000_000;
    let own = at.field("metadata");
    let is_system = own.field("name").text().starts_with("system-");
    let value = at.field("value");
    if !is_system && value.number().is_some_and(|it| USER_MAX < it) {
        let detail = format!("maximum allowed value of a user defined priority is {USER_MAX}");
        errors.forbidden(&value, &detail);
    }
    errors.one_of(&at.field("preemptionPolicy"), &["Never", "PreemptLowerPriority"]);
    let Some(old) = old else { return };
    if value.value() != &old["value"] {
        errors.forbidden(&value, "may not be changed in an update.");
    }
    errors.immutable(&at.field("preemptionPolicy"), &old["preemptionPolicy"]);
}

/// A number that is not negative, or a percentage.
pub(super) fn int_or_percent(at: &At<'_>, errors: &mut Errors) {
    match at.value() {
        Value::String(text) => errors.each(at, name::percent(text)),
        Value::Number(_) => errors.non_negative(at),
        _ => {}
    }
}

/// A percentage must not be of more than there are.
pub(super) fn at_most_all(at: &At<'_>, errors: &mut Errors) {
    let percent = at.text().strip_suffix('%').and_then(|it| it.parse::<i64>().ok());
    if percent.is_some_and(|it| 100 < it) {
        errors.invalid(at, "must not be greater than 100%");
    }
}
