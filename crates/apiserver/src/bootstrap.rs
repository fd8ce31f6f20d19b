//! The objects that every cluster has from its first moment.

use std::net::SocketAddr;

use futures_util::future::join_all;
use kobject::{
    catalog, default,
    managed::{self, Writer},
    meta, schema,
};
use serde_json::{Value, json};
use store::WriteError;

use crate::{
    api::{Api, key},
    clock,
    config::ServiceNetwork,
    service::ApiService,
    strategy::{self, Birth},
};

/// The manager of these objects in `managedFields`.
const MANAGER: &str = "zarpa";

/// Why the first objects could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the first objects of the cluster")]
pub struct BootstrapError {
    #[source]
    source: WriteError,
}

/// Writes what is missing of the first objects, all with one synchronisation, and where the server is now.
pub async fn bootstrap(service: &ApiService) -> Result<(), BootstrapError> {
    let api = service.api();
    let missing = objects(&api.config.services).into_iter().filter_map(|it| prepare(api, it));
    let created = missing.map(|(key, object)| async move { api.store.create(&key, object).await });
    for result in join_all(created).await {
        match result {
            Ok(_) | Err(WriteError::AlreadyExists { .. }) => {}
            Err(source) => return Err(BootstrapError { source }),
        }
    }
    for object in endpoints(api.config.advertise) {
        advertise(api, object).await.map_err(|source| BootstrapError { source })?;
    }
    Ok(())
}

/// The object as it is stored and its key; none when it is there already.
fn prepare(api: &Api, mut object: Value) -> Option<(String, Value)> {
    let resource = catalog::by_kind(meta::api_version(&object), meta::kind(&object))
        .expect("the first objects are of built-in kinds");
    let key = key(resource, meta::namespace(&object), meta::name(&object));
    if api.store.get(&key).is_some() {
        return None;
    }
    let now = clock::now();
    default::apply_defaults(resource, &mut object);
    let api_version = resource.api_version();
    let writer = Writer { manager: MANAGER, api_version: &api_version, subresource: "", now };
    let mut object = managed::update(&schema::of(resource), None, object, &writer);
    strategy::prepare_create(resource, &mut object, &Birth { uid: &clock::uid(), now });
    Some((key, object))
}

/// Writes where the server is, when it is elsewhere than at the last start.
async fn advertise(api: &Api, object: Value) -> Result<(), WriteError> {
    let resource = catalog::by_kind(meta::api_version(&object), meta::kind(&object))
        .expect("the first objects are of built-in kinds");
    let key = key(resource, meta::namespace(&object), meta::name(&object));
    let Some(entry) = api.store.get(&key) else {
        let created = match prepare(api, object) {
            Some((key, object)) => api.store.create(&key, object).await.map(drop),
            None => Ok(()),
        };
        return created;
    };
    let mut live = entry.object();
    let mut is_changed = false;
    for name in ["subsets", "endpoints", "ports"] {
        if let Some(value) = object.get(name)
            && live[name] != *value
        {
            live[name] = value.clone();
            is_changed = true;
        }
    }
    if is_changed {
        api.store.update(&key, live, entry.mod_revision).await?;
    }
    Ok(())
}

fn objects(services: &ServiceNetwork) -> Vec<Value> {
    let namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];
    let namespace = |name: &&str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let mut objects: Vec<Value> = namespaces.iter().map(namespace).collect();
    objects.push(kubernetes_service(services));
    objects.push(json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": "zarpa.dev/local",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }));
    objects.push(json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {
            "name": "zarpa",
            "annotations": { "ingressclass.kubernetes.io/is-default-class": "true" },
        },
        "spec": { "controller": "zarpa.dev/ingress" },
    }));
    objects.extend(priority_classes());
    objects
}

fn kubernetes_service(services: &ServiceNetwork) -> Value {
    let address = services.kubernetes.to_string();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": { "component": "apiserver", "provider": "kubernetes" },
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }],
        },
    })
}

/// Source: kubernetes 1.34, `pkg/apis/scheduling/v1/helpers.go`.
fn priority_classes() -> [Value; 2] {
    let class = |name: &str, value: i64, description: &str| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": { "name": name },
            "value": value,
            "description": description,
        })
    };
    [
        class(
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
        class(
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
    ]
}

/// Where Service `default/kubernetes` leads.
fn endpoints(advertise: SocketAddr) -> [Value; 2] {
    let (address, port) = (advertise.ip().to_string(), advertise.port());
    let ports = json!([{ "name": "https", "port": port, "protocol": "TCP" }]);
    [
        json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": { "endpointslice.kubernetes.io/skip-mirror": "true" },
            },
            "subsets": [{ "addresses": [{ "ip": address }], "ports": ports }],
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": { "kubernetes.io/service-name": "kubernetes" },
            },
            "addressType": "IPv4",
            "endpoints": [{ "addresses": [address], "conditions": { "ready": true } }],
            "ports": ports,
        }),
    ]
}
