//! Services, ingresses, ingress classes and network policies.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::Value;

use super::{At, Errors, container, metadata, name};

pub(super) fn service(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    let kind = spec.field("type").text();
    let ports = spec.field("ports");
    let is_headless = spec.field("clusterIP").text() == "None";
    if ports.is_unset() && !is_headless && kind != "ExternalName" {
        errors.required(&ports, "");
    }
    if kind == "LoadBalancer" && is_headless {
        let detail = "may not be set to 'None' for LoadBalancer services";
        errors.invalid(&spec.field("clusterIP"), detail);
    }
    if kind == "NodePort" && is_headless {
        errors.invalid(&spec.field("clusterIP"), "may not be set to 'None' for NodePort services");
    }
    if kind == "ExternalName" {
        external_name(&spec, errors);
    }
    service_ports(&ports, errors);
    metadata::labels(&spec.field("selector"), errors);
    let affinity = spec.field("sessionAffinity");
    if affinity.is_unset() {
        errors.required(&affinity, "");
    }
    errors.one_of(&affinity, &["ClientIP", "None"]);
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    errors.one_of(&spec.field("type"), &kinds);
    for address in spec.field("externalIPs").items() {
        if address.text().parse::<IpAddr>().is_err() {
            errors
                .invalid(&address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        }
    }
    errors.one_of(&spec.field("externalTrafficPolicy"), &["Cluster", "Local"]);
    errors.one_of(&spec.field("internalTrafficPolicy"), &["Cluster", "Local"]);
    if let Some(old) = old {
        unchanged_address(&spec, &old["spec"], errors);
    }
}

fn external_name(spec: &At<'_>, errors: &mut Errors) {
    let own = spec.field("externalName");
    for key in ["clusterIPs", "clusterIP"] {
        if !spec.field(key).is_unset() {
            errors.forbidden(&spec.field(key), "may not be set when `type` is 'ExternalName'");
            break;
        }
    }
    if own.is_unset() {
        errors.required(&own, "");
    } else {
        errors.each(&own, name::dns1123_subdomain(own.text().trim_end_matches('.')));
    }
}

fn service_ports(at: &At<'_>, errors: &mut Errors) {
    let n_ports = at.items().count();
    let (mut names, mut numbers, mut node_ports) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for port in at.items() {
        let own = port.field("name");
        if own.is_unset() {
            if 1 < n_ports {
                errors.required(&own, "");
            }
        } else {
            errors.each(&own, name::dns1123_label(own.text()));
            if !names.insert(own.text().to_owned()) {
                errors.duplicate(&own);
            }
        }
        let number = port.field("port");
        let value = number.number().unwrap_or(0);
        name::port_number(value).iter().for_each(|it| errors.invalid_value(&number, value, it));
        container::protocol(&port.field("protocol"), errors);
        container::port_or_name(&port.field("targetPort"), errors);
        let application = port.field("appProtocol");
        if application.is_there() {
            errors.each(&application, name::qualified_name(application.text()));
        }
        let protocol = port.field("protocol").text().to_owned();
        if !numbers.insert((value, protocol.clone())) {
            errors.duplicate(&port);
        }
        let node_port = port.field("nodePort").number().unwrap_or(0);
        if node_port != 0 && !node_ports.insert((node_port, protocol)) {
            errors.duplicate(&port.field("nodePort"));
        }
    }
}

/// The first address of a service stays, unless the service had or gets none.
fn unchanged_address(spec: &At<'_>, old: &Value, errors: &mut Errors) {
    let is_external = |kind: &str| kind == "ExternalName";
    if is_external(spec.field("type").text())
        || is_external(old["type"].as_str().unwrap_or_default())
    {
        return;
    }
    let (addresses, first) = (spec.field("clusterIPs"), &old["clusterIPs"][0]);
    if first.is_string() && addresses.value()[0] != *first {
        let detail = "may not change once set";
        let value = Value::Array(vec![addresses.value()[0].clone()]);
        errors.invalid_value(&addresses, value, detail);
    }
    if first.is_null() && old["clusterIP"].is_string() {
        errors.immutable(&spec.field("clusterIP"), &old["clusterIP"]);
    }
}

pub(super) fn ingress(at: &At<'_>, errors: &mut Errors) {
    let spec = at.field("spec");
    let (backend, rules) = (spec.field("defaultBackend"), spec.field("rules"));
    if rules.is_unset() && !backend.is_there() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.invalid_value(&spec, Value::Null, detail);
    }
    if backend.is_there() {
        ingress_backend(&backend, errors);
    }
    for rule in rules.items() {
        host(&rule.field("host"), true, errors);
        if !rule.field("http").is_there() {
            continue;
        }
        let http = rule.field("http");
        let paths = http.field("paths");
        if paths.is_unset() {
            errors.required(&paths, "");
        }
        paths.items().for_each(|it| ingress_path(&it, errors));
    }
    for tls in spec.field("tls").items() {
        tls.field("hosts").items().for_each(|it| host(&it, false, errors));
        let secret = tls.field("secretName");
        if !secret.is_unset() {
            errors.each(&secret, name::dns1123_subdomain(secret.text()));
        }
    }
    let class = spec.field("ingressClassName");
    if class.is_there() {
        errors.each(&class, name::dns1123_subdomain(class.text()));
    }
}

fn host(at: &At<'_>, refuses_addresses: bool, errors: &mut Errors) {
    if at.is_unset() {
        return;
    }
    if refuses_addresses && at.text().parse::<IpAddr>().is_ok() {
        errors.invalid(at, "must be a DNS name, not an IP address");
    }
    let is_wildcard = at.text().contains('*');
    let check = if is_wildcard { name::wildcard_subdomain } else { name::dns1123_subdomain };
    errors.each(at, check(at.text()));
}

fn ingress_path(at: &At<'_>, errors: &mut Errors) {
    let (kind, path) = (at.field("pathType"), at.field("path"));
    match kind.text() {
        "" if !kind.is_there() => {
            errors.required(&kind, "pathType must be specified");
            return;
        }
        "Exact" | "Prefix" => {
            if !path.text().starts_with('/') {
                errors.invalid_value(&path, path.text(), "must be an absolute path");
            }
            for sequence in ["//", "/./", "/../", "%2f", "%2F"] {
                if path.text().contains(sequence) {
                    errors.invalid(&path, &format!("must not contain '{sequence}'"));
                }
            }
            for suffix in ["/..", "/."] {
                if path.text().ends_with(suffix) {
                    errors.invalid(&path, &format!("cannot end with '{suffix}'"));
                }
            }
        }
        "ImplementationSpecific" => {
            if !path.is_unset() && !path.text().starts_with('/') {
                errors.invalid(&path, "must be an absolute path");
            }
        }
        _ => errors.not_supported(&kind, &["Exact", "ImplementationSpecific", "Prefix"]),
    }
    ingress_backend(&at.field("backend"), errors);
}

fn ingress_backend(at: &At<'_>, errors: &mut Errors) {
    let (resource, service) = (at.field("resource"), at.field("service"));
    match (resource.is_there(), service.is_there()) {
        (true, true) => {
            errors.invalid_value(at, "", "cannot set both resource and service backends");
        }
        (true, false) => {
            for key in ["kind", "name"] {
                if resource.field(key).is_unset() {
                    errors.required(&resource.field(key), "");
                }
            }
        }
        (false, true) => backend_service(at, &service, errors),
        (false, false) => errors.invalid_value(at, "", "resource or service backend is required"),
    }
}

fn backend_service(at: &At<'_>, service: &At<'_>, errors: &mut Errors) {
    let own = service.field("name");
    if own.is_unset() {
        errors.required(&own, "");
    } else {
        errors.each(&own, name::dns1035_label(own.text()));
    }
    let port = service.field("port");
    let (port_name, number) = (port.field("name"), port.field("number"));
    match (port_name.is_unset(), number.number().unwrap_or(0)) {
        (false, 0) => errors.each(&port_name, name::port_name(port_name.text())),
        (false, _) => errors.invalid_value(at, "", "cannot set both port name & port number"),
        (true, 0) => errors.required(at, "port name or number is required"),
        (true, it) => errors.each(&number, name::port_number(it)),
    }
}

pub(super) fn network_policy(at: &At<'_>, errors: &mut Errors) {
    let spec = at.field("spec");
    metadata::selector(&spec.field("podSelector"), errors);
    for kind in spec.field("policyTypes").items() {
        if !["Ingress", "Egress"].contains(&kind.text()) {
            errors.not_supported(&kind, &["Ingress", "Egress"]);
        }
    }
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.field(rules).items() {
            for peer in rule.field(peers).items() {
                metadata::selector(&peer.field("podSelector"), errors);
                metadata::selector(&peer.field("namespaceSelector"), errors);
            }
        }
    }
}

pub(super) fn ingress_class(at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    let spec = at.field("spec");
    let controller = spec.field("controller");
    let is_prefixed = controller.text().split_once('/').is_some_and(|(domain, path)| {
        !domain.is_empty() && !path.is_empty() && name::dns1123_subdomain(domain).is_empty()
    });
    if controller.is_unset() {
        errors.required(&controller, "");
    } else if !is_prefixed {
        errors.invalid(&controller, "must be a domain-prefixed path (such as \"acme.io/foo\")");
    }
    if let Some(old) = old {
        errors.immutable(&controller, &old["spec"]["controller"]);
    }
}
