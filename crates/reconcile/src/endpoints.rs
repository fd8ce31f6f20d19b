//! EndpointSlice and Endpoints: where the pods behind a Service are reached.
//!
//! Source: Kubernetes 1.34, `k8s.io/endpointslice` and `pkg/controller/endpoint`.

mod mirror;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{
    action::{self, Action, Target},
    facts::Facts,
    kinds, labels, object, pod,
    world::Key,
};

const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
const HEADLESS: &str = "service.kubernetes.io/headless";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
const MIRROR: &str = "endpointslicemirroring-controller.k8s.io";
const ENDPOINTS_MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const ENDPOINTS_MAX: usize = 100;

/// Decides on the EndpointSlices of one Service: from its pods, or without a selector from its Endpoints.
pub(crate) fn endpoint_slices(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    // The slices of a Service that is gone are garbage.
    let Some(service) = facts.world.get(key).filter(|it| !object::is_deleted(it)) else {
        return Vec::new();
    };
    let slices = facts.world.list_in(kinds::ENDPOINT_SLICE, &key.namespace);
    let slices = slices
        .filter(|it| object::label(it, SERVICE_NAME) == Some(&key.name) && !object::is_deleted(it));
    let is_ours =
        |it: &&Arc<Value>| matches!(object::label(it, MANAGED_BY), Some(CONTROLLER | MIRROR));
    let (mut existing, foreign): (Vec<&Arc<Value>>, Vec<&Arc<Value>>) = slices.partition(is_ours);
    let wanted = match has_selector(service) {
        true => wanted_slices(facts, service),
        false if foreign.is_empty() => mirror::wanted_slices(facts, key),
        false => Vec::new(),
    };
    let mut actions = Vec::new();
    for wanted in wanted {
        let is_same = |it: &&Arc<Value>| {
            let is_manager = object::label(it, MANAGED_BY) == object::label(&wanted, MANAGED_BY);
            is_manager && object::list_at(it, "ports") == object::list_at(&wanted, "ports")
        };
        match existing.iter().position(is_same) {
            Some(idx) => actions.extend(update_slice(existing.remove(idx), &wanted)),
            None => actions.push(Action::Create {
                kind: kinds::ENDPOINT_SLICE,
                object: wanted,
                report: None,
            }),
        }
    }
    actions.extend(existing.into_iter().map(|it| Action::Delete {
        target: Target::of(kinds::ENDPOINT_SLICE, it),
        propagation: None,
        report: None,
    }));
    actions
}

fn has_selector(service: &Value) -> bool {
    object::map_at(service, "spec.selector").is_some_and(|it| !it.is_empty())
        && object::str_at(service, "spec.type") != "ExternalName"
}

fn is_headless(service: &Value) -> bool {
    matches!(object::str_at(service, "spec.clusterIP"), "" | "None")
}

fn selected<'a>(facts: &Facts<'a>, service: &'a Value) -> impl Iterator<Item = &'a Arc<Value>> {
    let selector = object::map_at(service, "spec.selector");
    let pods = facts.world.list_in(kinds::POD, object::namespace(service));
    pods.filter(move |it| labels::contains(object::labels(it), selector))
        .filter(|it| !pod::is_finished(it) && !object::str_at(it, "status.podIP").is_empty())
}

/// One slice for each set of ports and each hundred of pods; at least one, which may be empty.
fn wanted_slices(facts: &Facts<'_>, service: &Value) -> Vec<Value> {
    let mut groups: BTreeMap<String, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for pod in selected(facts, service) {
        let ports = slice_ports(service, pod);
        let group = groups.entry(json!(ports).to_string()).or_insert_with(|| (ports, Vec::new()));
        group.1.push(endpoint(service, pod));
    }
    if groups.is_empty() {
        return vec![slice(service, &[], &[])];
    }
    let groups = groups.into_values();
    groups
        .flat_map(|(ports, all)| {
            all.chunks(ENDPOINTS_MAX).map(|it| slice(service, &ports, it)).collect::<Vec<_>>()
        })
        .collect()
}

fn slice(service: &Value, ports: &[Value], endpoints: &[Value]) -> Value {
    let name = object::name(service);
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{name}-"),
            "namespace": object::namespace(service),
            "labels": slice_labels(service),
            "ownerReferences": [object::controller_reference(kinds::SERVICE, service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    })
}

fn slice_labels(service: &Value) -> Map<String, Value> {
    let mut labels = object::labels(service).cloned().unwrap_or_default();
    labels.remove(HEADLESS);
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), "".into());
    }
    labels.insert(SERVICE_NAME.to_owned(), object::name(service).into());
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.into());
    labels
}

fn update_slice(existing: &Value, wanted: &Value) -> Option<Action> {
    let mut new = existing.clone();
    new["endpoints"] = wanted["endpoints"].clone();
    new["metadata"]["labels"] = wanted["metadata"]["labels"].clone();
    if existing.get("endpoints").is_none_or(Value::is_null) && new["endpoints"] == json!([]) {
        new["endpoints"] = existing.get("endpoints").cloned().unwrap_or(Value::Null);
    }
    action::update(kinds::ENDPOINT_SLICE, existing, &new)
}

fn endpoint(service: &Value, pod: &Value) -> Value {
    let is_serving = pod::is_ready(pod);
    let is_terminating = object::is_deleted(pod);
    let is_published = object::is_true_at(service, "spec.publishNotReadyAddresses");
    let mut endpoint = json!({
        "addresses": [object::str_at(pod, "status.podIP")],
        "conditions": {
            "ready": is_published || (is_serving && !is_terminating),
            "serving": is_serving,
            "terminating": is_terminating,
        },
        "targetRef": target_reference(pod),
    });
    if !pod::node(pod).is_empty() {
        endpoint["nodeName"] = pod::node(pod).into();
    }
    if let Some(hostname) = hostname(service, pod) {
        endpoint["hostname"] = hostname.into();
    }
    endpoint
}

fn target_reference(pod: &Value) -> Value {
    json!({
        "kind": "Pod",
        "namespace": object::namespace(pod),
        "name": object::name(pod),
        "uid": object::uid(pod),
    })
}

/// A pod's own name under a headless Service that is its subdomain.
fn hostname<'a>(service: &Value, pod: &'a Value) -> Option<&'a str> {
    let hostname = object::str_at(pod, "spec.hostname");
    let is_named = object::str_at(pod, "spec.subdomain") == object::name(service);
    (is_named && !hostname.is_empty()).then_some(hostname)
}

fn slice_ports(service: &Value, pod: &Value) -> Vec<Value> {
    let ports = object::list_at(service, "spec.ports").iter();
    ports
        .filter_map(|port| {
            let mut wanted = json!({
                "name": object::str_at(port, "name"),
                "port": target_port(port, pod)?,
                "protocol": protocol(port),
            });
            if let Some(protocol) = object::at(port, "appProtocol") {
                wanted["appProtocol"] = protocol.clone();
            }
            Some(wanted)
        })
        .collect()
}

fn protocol(port: &Value) -> &str {
    match object::str_at(port, "protocol") {
        "" => "TCP",
        protocol => protocol,
    }
}

/// The number of a service port's target on a pod; `None` when no container names it.
pub(crate) fn target_port(port: &Value, pod: &Value) -> Option<i64> {
    let Some(name) = object::at(port, "targetPort").and_then(Value::as_str) else {
        return object::int_at(port, "targetPort")
            .filter(|it| *it != 0)
            .or_else(|| object::int_at(port, "port"));
    };
    let sidecars = object::list_at(pod, "spec.initContainers")
        .iter()
        .filter(|it| it["restartPolicy"] == "Always");
    let containers = object::list_at(pod, "spec.containers").iter().chain(sidecars);
    let mut ports = containers.flat_map(|it| object::list_at(it, "ports"));
    ports.find(|it| it["name"] == name && protocol(it) == protocol(port))?["containerPort"].as_i64()
}

/// Decides on the Endpoints object of one Service.
pub(crate) fn endpoints(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let existing = facts.world.find(kinds::ENDPOINTS, &key.namespace, &key.name);
    let Some(service) = facts.world.get(key).filter(|it| !object::is_deleted(it)) else {
        let ours = existing.filter(|it| object::label(it, ENDPOINTS_MANAGED_BY).is_some());
        return ours.map(|it| delete_endpoints(it)).into_iter().collect();
    };
    if !has_selector(service) {
        return Vec::new();
    }
    let subsets = subsets(facts, service);
    let mut labels = object::labels(service).cloned().unwrap_or_default();
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), "".into());
    }
    labels.insert(ENDPOINTS_MANAGED_BY.to_owned(), "endpoint-controller".into());
    match existing {
        None => {
            let mut object = json!({
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": { "name": key.name, "namespace": key.namespace, "labels": labels },
            });
            if !subsets.is_empty() {
                object["subsets"] = subsets.into();
            }
            vec![Action::Create { kind: kinds::ENDPOINTS, object, report: None }]
        }
        Some(existing) => {
            let mut new = (**existing).clone();
            new["metadata"]["labels"] = labels.into();
            if object::list_at(&new, "subsets") != subsets {
                new["subsets"] = subsets.into();
            }
            action::update(kinds::ENDPOINTS, existing, &new).into_iter().collect()
        }
    }
}

fn delete_endpoints(endpoints: &Value) -> Action {
    Action::Delete {
        target: Target::of(kinds::ENDPOINTS, endpoints),
        propagation: None,
        report: None,
    }
}

/// Ports with the same addresses share a subset.
fn subsets(facts: &Facts<'_>, service: &Value) -> Vec<Value> {
    let is_published = object::is_true_at(service, "spec.publishNotReadyAddresses");
    let mut by_port: BTreeMap<String, (Value, [Vec<Value>; 2])> = BTreeMap::new();
    for pod in selected(facts, service).filter(|it| is_published || !object::is_deleted(it)) {
        let is_ready = is_published || pod::is_ready(pod);
        let mut address = json!({ "ip": object::str_at(pod, "status.podIP"), "targetRef": target_reference(pod) });
        if !pod::node(pod).is_empty() {
            address["nodeName"] = pod::node(pod).into();
        }
        if let Some(hostname) = hostname(service, pod) {
            address["hostname"] = hostname.into();
        }
        let mut ports = slice_ports(service, pod);
        if object::list_at(service, "spec.ports").is_empty() && is_headless(service) {
            ports.push(Value::Null);
        }
        for mut port in ports {
            if port["name"] == ""
                && let Some(port) = port.as_object_mut()
            {
                port.remove("name");
            }
            let entry =
                by_port.entry(port.to_string()).or_insert_with(|| (port, Default::default()));
            entry.1[usize::from(!is_ready)].push(address.clone());
        }
    }
    let mut merged: BTreeMap<String, ([Vec<Value>; 2], Vec<Value>)> = BTreeMap::new();
    for (port, addresses) in by_port.into_values() {
        let key = json!(addresses).to_string();
        merged.entry(key).or_insert_with(|| (addresses, Vec::new())).1.push(port);
    }
    merged.into_values().map(|(addresses, ports)| subset(addresses, ports)).collect()
}

fn subset([ready, not_ready]: [Vec<Value>; 2], ports: Vec<Value>) -> Value {
    let mut subset = json!({});
    for (field, items) in [("addresses", ready), ("notReadyAddresses", not_ready), ("ports", ports)]
    {
        let items: Vec<Value> = items.into_iter().filter(|it| !it.is_null()).collect();
        if !items.is_empty() {
            subset[field] = items.into();
        }
    }
    subset
}
