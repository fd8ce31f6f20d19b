//! Containers: images, ports, environment, mounts, resources, probes.

use std::collections::BTreeSet;

use super::{At, Errors, name, pod};
use crate::Quantity;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

pub(super) fn container(at: &At<'_>, volumes: &BTreeSet<&str>, errors: &mut Errors) {
    common(at, volumes, errors);
    lifecycle_and_probes(at, errors);
    if at.field("restartPolicy").is_there() {
        errors.forbidden(&at.field("restartPolicy"), "may not be set for non-init containers");
    }
}

pub(super) fn init_container(at: &At<'_>, volumes: &BTreeSet<&str>, errors: &mut Errors) {
    common(at, volumes, errors);
    if at.field("restartPolicy").text() == "Always" {
        lifecycle_and_probes(at, errors);
        return;
    }
    for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        if at.field(key).is_there() {
            errors.forbidden(
                &at.field(key),
                "may not be set for init containers without restartPolicy=Always",
            );
        }
    }
}

pub(super) fn common(at: &At<'_>, volumes: &BTreeSet<&str>, errors: &mut Errors) {
    let own = at.field("name");
    if own.is_unset() {
        errors.required(&own, "");
    } else {
        errors.each(&own, name::dns1123_label(own.text()));
    }
    if at.field("image").is_unset() {
        errors.required(&at.field("image"), "");
    }
    let policies = ["FallbackToLogsOnError", "File"];
    errors.one_of(&at.field("terminationMessagePolicy"), &policies);
    ports(&at.field("ports"), errors);
    at.field("env").items().for_each(|it| variable(&it, errors));
    at.field("envFrom").items().for_each(|it| env_from(&it, &at.field("envFrom"), errors));
    mounts(&at.field("volumeMounts"), volumes, errors);
    errors.one_of(&at.field("imagePullPolicy"), &["Always", "IfNotPresent", "Never"]);
    resources(&at.field("resources"), errors);
    let security = at.field("securityContext");
    pod::id(&security.field("runAsUser"), errors);
    pod::id(&security.field("runAsGroup"), errors);
    pod::seccomp(&security.field("seccompProfile"), errors);
    let escalation = security.field("allowPrivilegeEscalation");
    if escalation.value() == false && security.field("privileged").is_true() {
        let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        errors.invalid_value(&security, security.value().clone(), detail);
    }
}

fn ports(at: &At<'_>, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for port in at.items() {
        let own = port.field("name");
        if !own.is_unset() {
            let messages = name::port_name(own.text());
            if messages.is_empty() && !names.insert(own.text().to_owned()) {
                errors.duplicate(&own);
            }
            errors.each(&own, messages);
        }
        let number = port.field("containerPort");
        match number.number() {
            None | Some(0) => errors.required(&number, ""),
            Some(it) => errors.each(&number, name::port_number(it)),
        }
        if let Some(it) = port.field("hostPort").number().filter(|it| *it != 0) {
            errors.each(&port.field("hostPort"), name::port_number(it));
        }
        protocol(&port.field("protocol"), errors);
    }
}

pub(super) fn protocol(at: &At<'_>, errors: &mut Errors) {
    if at.is_unset() {
        errors.required(at, "");
    } else {
        errors.one_of(at, &PROTOCOLS);
    }
}

fn variable(at: &At<'_>, errors: &mut Errors) {
    let own = at.field("name");
    if own.is_unset() {
        errors.required(&own, "");
    } else {
        errors.each(&own, name::env_var_name(own.text()));
    }
    let from = at.field("valueFrom");
    if !from.is_there() {
        return;
    }
    let mut n_sources = 0;
    for key in ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"] {
        let source = from.field(key);
        n_sources += usize::from(source.is_there());
        if source.is_there() && key.ends_with("KeyRef") {
            let own = source.field("name");
            name::dns1123_subdomain(own.text())
                .iter()
                .for_each(|it| errors.invalid_value(&own, own.text(), it));
            let field = source.field("key");
            if field.is_unset() {
                errors.required(&field, "");
            } else {
                errors.each(&field, name::config_key(field.text()));
            }
        }
    }
    field_ref(&from.field("fieldRef"), errors);
    match (n_sources, at.field("value").is_unset()) {
        (0, _) => {
            let detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
            errors.invalid_value(&from, "", detail);
        }
        (_, false) => {
            errors.invalid_value(&from, "", "may not be specified when `value` is not empty");
        }
        (2.., true) => {
            errors.invalid_value(&from, "", "may not have more than one field specified at a time");
        }
        (1, true) => {}
    }
}

/// A field of the pod that a container can see.
fn field_ref(at: &At<'_>, errors: &mut Errors) {
    const FIELDS: [&str; 9] = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ];
    let path = at.field("fieldPath");
    let is_key = |prefix: &str| path.text().starts_with(prefix) && path.text().ends_with("']");
    if !at.is_there() {
        return;
    }
    if path.is_unset() {
        errors.required(&path, "");
    } else if !FIELDS.contains(&path.text())
        && !is_key("metadata.labels['")
        && !is_key("metadata.annotations['")
    {
        let detail =
            format!("error converting fieldPath: field label not supported: {}", path.text());
        errors.invalid(&path, &detail);
    }
}

fn env_from(at: &At<'_>, list: &At<'_>, errors: &mut Errors) {
    let prefix = at.field("prefix");
    errors.each(&prefix, name::env_var_name(prefix.text()));
    let sources = ["configMapRef", "secretRef"].map(|key| at.field(key).is_there());
    match sources {
        [false, false] => {
            errors.invalid_value(list, "", "must specify one of: `configMapRef` or `secretRef`");
        }
        [true, true] => {
            errors.invalid_value(list, "", "may not have more than one field specified at a time");
        }
        _ => {
            let key = if sources[0] { "configMapRef" } else { "secretRef" };
            if at.field(key).field("name").is_unset() {
                errors.required(&at.field(key).field("name"), "");
            }
        }
    }
}

fn mounts(at: &At<'_>, volumes: &BTreeSet<&str>, errors: &mut Errors) {
    let mut paths = BTreeSet::new();
    for mount in at.items() {
        let own = mount.field("name");
        if own.is_unset() {
            errors.required(&own, "");
        }
        if !volumes.contains(own.text()) {
            errors.not_found(&own);
        }
        let path = mount.field("mountPath");
        if path.is_unset() {
            errors.required(&path, "");
        }
        if !paths.insert(path.text().to_owned()) {
            errors.invalid(&path, "must be unique");
        }
        for key in ["subPath", "subPathExpr"] {
            local_path(&mount.field(key), errors);
        }
        if !mount.field("subPath").is_unset() && !mount.field("subPathExpr").is_unset() {
            errors.invalid(
                &mount.field("subPathExpr"),
                "subPathExpr and subPath are mutually exclusive",
            );
        }
    }
}

fn local_path(at: &At<'_>, errors: &mut Errors) {
    if at.text().starts_with('/') {
        errors.invalid(at, "must be a relative path");
    }
    if at.text().split('/').any(|it| it == "..") {
        errors.invalid(at, "must not contain '..'");
    }
}

fn resources(at: &At<'_>, errors: &mut Errors) {
    let (limits, requests) = (at.field("limits"), at.field("requests"));
    for list in [&limits, &requests] {
        for (resource, amount) in list.keys() {
            resource_name(resource, &amount, errors);
            if Quantity::from_json(amount.value()).is_some_and(|it| it.is_negative()) {
                errors.invalid(&amount, "must be greater than or equal to 0");
            }
        }
    }
    for (resource, amount) in requests.keys() {
        let limit = limits.key(resource);
        let is_extended = resource.contains('/') || resource.starts_with("hugepages-");
        let (Some(request), limit) =
            (Quantity::from_json(amount.value()), Quantity::from_json(limit.value()))
        else {
            continue;
        };
        match limit {
            Some(limit) if is_extended && request != limit => {
                let detail = format!("must be equal to {resource} limit of {limit}");
                errors.invalid_value(&requests, request.to_string(), &detail);
            }
            Some(limit) if limit < request => {
                let detail = format!("must be less than or equal to {resource} limit of {limit}");
                errors.invalid_value(&requests, request.to_string(), &detail);
            }
            None if is_extended => {
                errors.required(&limits, "Limit must be set for non overcommitable resources");
            }
            _ => {}
        }
    }
}

fn resource_name(resource: &str, at: &At<'_>, errors: &mut Errors) {
    let is_standard = matches!(resource, "cpu" | "memory" | "ephemeral-storage")
        || resource.starts_with("hugepages-");
    let messages = name::qualified_name(resource);
    if !messages.is_empty() {
        messages.iter().for_each(|it| errors.invalid_value(at, resource, it));
    } else if !is_standard && !resource.contains('/') {
        errors.invalid_value(at, resource, "must be a standard resource type or fully qualified");
        errors.invalid_value(at, resource, "must be a standard resource for containers");
    }
}

fn lifecycle_and_probes(at: &At<'_>, errors: &mut Errors) {
    for key in ["postStart", "preStop"] {
        let lifecycle = at.field("lifecycle");
        let hook = lifecycle.field(key);
        if hook.is_there() {
            handler(&hook, errors);
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = at.field(key);
        if !probe.is_there() {
            continue;
        }
        handler(&probe, errors);
        for number in [
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        ] {
            errors.non_negative(&probe.field(number));
        }
        let success = probe.field("successThreshold");
        if key != "readinessProbe" && success.number().is_some_and(|it| it != 1) {
            errors.invalid(&success, "must be 1");
        }
    }
}

/// What a probe or a hook does: one of several actions.
fn handler(at: &At<'_>, errors: &mut Errors) {
    let mut n_handlers = 0;
    for key in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let action = at.field(key);
        if !action.is_there() {
            continue;
        }
        n_handlers += 1;
        if 1 < n_handlers {
            errors.forbidden(&action, "may not specify more than 1 handler type");
            continue;
        }
        match key {
            "exec" if action.field("command").is_unset() => {
                errors.required(&action.field("command"), "");
            }
            "httpGet" => {
                if action.field("path").is_unset() {
                    errors.required(&action.field("path"), "");
                }
                port_or_name(&action.field("port"), errors);
                errors.one_of(&action.field("scheme"), &["HTTP", "HTTPS"]);
            }
            "tcpSocket" => port_or_name(&action.field("port"), errors),
            "grpc" => {
                let port = action.field("port");
                errors.each(&port, name::port_number(port.number().unwrap_or(0)));
            }
            _ => {}
        }
    }
    if n_handlers == 0 {
        errors.required(at, "must specify a handler type");
    }
}

/// A port by number or by name.
pub(super) fn port_or_name(at: &At<'_>, errors: &mut Errors) {
    match at.number() {
        Some(number) => errors.each(at, name::port_number(number)),
        None if at.is_there() => errors.each(at, name::port_name(at.text())),
        None => name::port_number(0).iter().for_each(|it| errors.invalid_value(at, 0, it)),
    }
}
