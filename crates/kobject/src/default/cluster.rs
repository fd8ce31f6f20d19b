//! Defaults of services, storage, access and the other things that pods use.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{Object, child, items, set, set_zero, text};

pub(super) fn fill_core(kind: &str, map: &mut Object) {
    match kind {
        "core.v1.Service" => service(map),
        "core.v1.Secret" => secret(map),
        "core.v1.Namespace" => namespace(map),
        "core.v1.PersistentVolume" => {
            let spec = child(map, "spec");
            set_zero(spec, "persistentVolumeReclaimPolicy", "Retain");
            set(spec, "volumeMode", "Filesystem");
            set_zero(child(map, "status"), "phase", "Pending");
        }
        "core.v1.PersistentVolumeClaim" => set_zero(child(map, "status"), "phase", "Pending"),
        "core.v1.PersistentVolumeClaimSpec" => set(map, "volumeMode", "Filesystem"),
        "core.v1.EndpointPort" => set_zero(map, "protocol", "TCP"),
        "core.v1.NodeStatus" => {
            if let Some(capacity) = map.get("capacity").cloned() {
                set(map, "allocatable", capacity);
            }
        }
        "core.v1.LimitRangeItem" => limit_range_item(map),
        "core.v1.ReplicationController" => replication_controller(map),
        _ => {}
    }
}

pub(super) fn fill_other(kind: &str, map: &mut Object) {
    match kind {
        "networking.v1.NetworkPolicyPort" => set(map, "protocol", "TCP"),
        "networking.v1.NetworkPolicy" => network_policy(child(map, "spec")),
        "networking.v1.IngressClassParametersReference" => set(map, "scope", "Cluster"),
        "rbac.v1.RoleBinding" | "rbac.v1.ClusterRoleBinding" => {
            set_zero(child(map, "roleRef"), "apiGroup", "rbac.authorization.k8s.io");
        }
        "rbac.v1.Subject" => {
            if matches!(text(map, "kind"), "User" | "Group") {
                set_zero(map, "apiGroup", "rbac.authorization.k8s.io");
            }
        }
        "storage.v1.StorageClass" => {
            set(map, "reclaimPolicy", "Delete");
            set(map, "volumeBindingMode", "Immediate");
        }
        "storage.v1.CSIDriverSpec" => {
            set(map, "attachRequired", true);
            set(map, "podInfoOnMount", false);
            set(map, "storageCapacity", false);
            set(map, "fsGroupPolicy", "ReadWriteOnceWithFSType");
            set_zero(map, "volumeLifecycleModes", json!(["Persistent"]));
            set(map, "requiresRepublish", false);
            set(map, "seLinuxMount", false);
        }
        "scheduling.v1.PriorityClass" => set(map, "preemptionPolicy", "PreemptLowerPriority"),
        "discovery.v1.EndpointPort" => {
            set(map, "name", "");
            set(map, "protocol", "TCP");
        }
        "apiregistration.v1.ServiceReference" => set(map, "port", 443),
        _ => {}
    }
}

fn service(map: &mut Object) {
    let spec = child(map, "spec");
    set_zero(spec, "sessionAffinity", "None");
    if text(spec, "sessionAffinity") == "ClientIP" {
        let config = child(child(spec, "sessionAffinityConfig"), "clientIP");
        set(config, "timeoutSeconds", 10_800);
    } else {
        spec.remove("sessionAffinityConfig");
    }
    set_zero(spec, "type", "ClusterIP");
    for port in items(spec, "ports") {
        set_zero(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or_default();
        set_zero(port, "targetPort", number);
    }
    let kind = text(spec, "type").to_owned();
    let has_external_ips =
        spec.get("externalIPs").and_then(Value::as_array).is_some_and(|it| !it.is_empty());
    let is_exposed = matches!(&*kind, "NodePort" | "LoadBalancer");
    if is_exposed || (kind == "ClusterIP" && has_external_ips) {
        set_zero(spec, "externalTrafficPolicy", "Cluster");
    }
    if is_exposed || kind == "ClusterIP" {
        set(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
        for ingress in items(child(child(map, "status"), "loadBalancer"), "ingress") {
            if !text(ingress, "ip").is_empty() {
                set(ingress, "ipMode", "VIP");
            }
        }
    }
}

/// `stringData` is for writing only: it goes into `data`.
fn secret(map: &mut Object) {
    set_zero(map, "type", "Opaque");
    if let Some(Value::Object(plain)) = map.remove("stringData") {
        let data = child(map, "data");
        for (key, value) in plain {
            let encoded = BASE64_STANDARD.encode(value.as_str().unwrap_or_default());
            data.insert(key, encoded.into());
        }
    }
}

fn namespace(map: &mut Object) {
    let metadata = child(map, "metadata");
    let name = text(metadata, "name").to_owned();
    if !name.is_empty() {
        child(metadata, "labels").insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
    set_zero(child(map, "status"), "phase", "Active");
}

fn limit_range_item(map: &mut Object) {
    if text(map, "type") != "Container" {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")]
    {
        let amounts = map.get(from).and_then(Value::as_object).cloned().unwrap_or_default();
        if amounts.is_empty() {
            continue;
        }
        let target = child(map, to);
        for (resource, amount) in amounts {
            target.entry(resource).or_insert(amount);
        }
    }
}

fn replication_controller(map: &mut Object) {
    let spec = child(map, "spec");
    set(spec, "replicas", 1);
    let labels = spec.get("template").map(|it| it["metadata"]["labels"].clone());
    if let Some(Value::Object(labels)) = labels {
        let is_empty =
            |it: Option<&Value>| it.and_then(Value::as_object).is_none_or(Object::is_empty);
        if is_empty(spec.get("selector")) {
            spec.insert("selector".to_owned(), labels.clone().into());
        }
        let metadata = child(map, "metadata");
        if is_empty(metadata.get("labels")) {
            metadata.insert("labels".to_owned(), labels.into());
        }
    }
}

fn network_policy(spec: &mut Object) {
    let has_egress = spec.get("egress").and_then(Value::as_array).is_some_and(|it| !it.is_empty());
    let types = if has_egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    set_zero(spec, "policyTypes", types);
}
