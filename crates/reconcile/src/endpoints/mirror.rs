//! EndpointSlices of a Service without selector: what its Endpoints say, for those who read only slices.
//!
//! Source: Kubernetes 1.34, `pkg/controller/endpointslicemirroring`; IPv4 addresses only, like the cluster.

use serde_json::{Value, json};

use super::{MANAGED_BY, MIRROR, SERVICE_NAME};
use crate::{facts::Facts, kinds, object, world::Key};

/// One slice for each subset of the Endpoints of this name.
pub(super) fn wanted_slices(facts: &Facts<'_>, key: &Key) -> Vec<Value> {
    let endpoints = facts.world.find(kinds::ENDPOINTS, &key.namespace, &key.name);
    let Some(endpoints) = endpoints.filter(|it| is_mirrored(it)) else { return Vec::new() };
    object::list_at(endpoints, "subsets").iter().map(|it| slice(endpoints, it)).collect()
}

fn is_mirrored(endpoints: &Value) -> bool {
    object::label(endpoints, "endpointslice.kubernetes.io/skip-mirror") != Some("true")
        && object::annotation(endpoints, "control-plane.alpha.kubernetes.io/leader").is_none()
        && !object::is_deleted(endpoints)
}

fn slice(endpoints: &Value, subset: &Value) -> Value {
    let name = object::name(endpoints);
    let mut labels = object::labels(endpoints).cloned().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), name.into());
    labels.insert(MANAGED_BY.to_owned(), MIRROR.into());
    let sides = [("addresses", true), ("notReadyAddresses", false)];
    let all = sides.iter().flat_map(|(field, is_ready)| {
        object::list_at(subset, field).iter().map(|address| endpoint(address, *is_ready))
    });
    let ports = object::list_at(subset, "ports").iter().map(|port| {
        let mut wanted = json!({
            "name": object::str_at(port, "name"),
            "port": port["port"],
            "protocol": super::protocol(port),
        });
        if let Some(protocol) = object::at(port, "appProtocol") {
            wanted["appProtocol"] = protocol.clone();
        }
        wanted
    });
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{name}-"),
            "namespace": object::namespace(endpoints),
            "labels": labels,
            "ownerReferences": [object::controller_reference(kinds::ENDPOINTS, endpoints)],
        },
        "addressType": "IPv4",
        "endpoints": all.collect::<Vec<_>>(),
        "ports": ports.collect::<Vec<_>>(),
    })
}

fn endpoint(address: &Value, is_ready: bool) -> Value {
    let mut endpoint = json!({
        "addresses": [object::str_at(address, "ip")],
        "conditions": { "ready": is_ready },
    });
    for field in ["targetRef", "nodeName", "hostname"] {
        if let Some(value) = object::at(address, field) {
            endpoint[field] = value.clone();
        }
    }
    endpoint
}
