//! Connections to pods through the API server.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use release::{
    object,
    verdict::{PodState, pod_state},
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    api::{self, ApiError, Detail, Select},
    cluster::Cluster,
};

#[derive(Debug, Error)]
pub enum ForwardError {
    #[error("could not read service `{service}`")]
    Service { service: String, source: ApiError },
    #[error("service `{service}` has no port `{port}`")]
    NoPort { service: String, port: String },
    #[error("service `{service}` selects no pods")]
    NoSelector { service: String },
    #[error("service `{service}` has no ready pod")]
    NoPod { service: String },
    #[error("could not forward port {port} of pod `{pod}`")]
    Forward { pod: String, port: u16, source: kube::Error },
    #[error("port {port} of pod `{pod}` was not forwarded")]
    NoStream { pod: String, port: u16 },
}

/// Connects to a ready pod behind a Service; `port` is the number or the name of one of the Service's ports.
pub async fn to_service(
    cluster: &Cluster,
    namespace: &str,
    service: &str,
    port: &str,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, ForwardError> {
    let reading = |source| ForwardError::Service { service: service.to_owned(), source };
    let reference = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": service, "namespace": namespace } });
    let path = cluster.path(&reference).await.map_err(reading)?;
    let found = api::get(cluster.client(), &path).await.map_err(reading)?;
    let target = target_port(&found, port).ok_or_else(|| ForwardError::NoPort {
        service: service.to_owned(),
        port: port.to_owned(),
    })?;
    let selector =
        selector(&found).ok_or_else(|| ForwardError::NoSelector { service: service.to_owned() })?;
    let pods = cluster.kind("v1", "Pod").await.map_err(reading)?.collection(Some(namespace));
    let pods = api::list(cluster.client(), &pods, &Select::labels(selector), Detail::Whole).await;
    let pods = pods.map_err(reading)?.items;
    let world = release::World::default();
    let ready = pods.iter().find(|it| pod_state(it, &world) == PodState::Ready);
    let pod = ready.ok_or_else(|| ForwardError::NoPod { service: service.to_owned() })?;
    let port = container_port(pod, &target).ok_or_else(|| ForwardError::NoPort {
        service: service.to_owned(),
        port: port.to_owned(),
    })?;
    to_pod(cluster, namespace, object::name(pod), port).await
}

/// Connects to a port of a pod.
pub async fn to_pod(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    port: u16,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, ForwardError> {
    let pods: Api<Pod> = Api::namespaced(cluster.client().clone(), namespace);
    let forwarded = pods.portforward(pod, &[port]).await;
    let mut forwarder =
        forwarded.map_err(|source| ForwardError::Forward { pod: pod.to_owned(), port, source })?;
    forwarder.take_stream(port).ok_or_else(|| ForwardError::NoStream { pod: pod.to_owned(), port })
}

/// What a Service's port leads to: a number, or the name of a container's port.
fn target_port(service: &Value, port: &str) -> Option<Value> {
    let is_meant = |it: &&Value| {
        it["name"] == port || it["port"].as_u64().is_some_and(|it| it.to_string() == port)
    };
    let found = object::items(&service["spec"]["ports"]).find(is_meant)?;
    Some(if found["targetPort"].is_null() {
        found["port"].clone()
    } else {
        found["targetPort"].clone()
    })
}

fn container_port(pod: &Value, target: &Value) -> Option<u16> {
    let number = match target {
        Value::String(name) => object::items(&pod["spec"]["containers"])
            .flat_map(|it| object::items(&it["ports"]))
            .find(|it| it["name"] == name.as_str())
            .and_then(|it| it["containerPort"].as_u64()),
        number => number.as_u64(),
    };
    u16::try_from(number?).ok()
}

/// A Service's selector as a query; none when it selects nothing.
fn selector(service: &Value) -> Option<String> {
    let labels = service["spec"]["selector"].as_object().filter(|it| !it.is_empty())?;
    let terms =
        labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    Some(terms.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{container_port, selector, target_port};

    #[test]
    fn port_is_found_by_number_and_name() {
        let service = json!({ "spec": { "selector": { "a": "b", "c": "d" }, "ports": [
            { "name": "http", "port": 80, "targetPort": "web" }, { "name": "raw", "port": 81 },
        ] } });
        let pod = json!({ "spec": { "containers": [{ "ports": [{ "name": "web", "containerPort": 8080 }] }] } });
        let check = |port| target_port(&service, port).and_then(|it| container_port(&pod, &it));
        assert_eq!(check("80"), Some(8080));
        assert_eq!(check("http"), Some(8080));
        assert_eq!(check("raw"), Some(81));
        assert_eq!(check("443"), None);
        assert_eq!(selector(&service).as_deref(), Some("a=b,c=d"));
    }
}
