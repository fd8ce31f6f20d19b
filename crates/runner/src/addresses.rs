//! Where a release is reached: what its ingresses say of themselves.

use std::time::Duration;

use bytes::Bytes;
use deploy::{Cluster, status::ReleaseStatus};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use k8s_openapi::api::networking::v1::Ingress;
use kube::{Api, ResourceExt as _, api::ListParams};
use release::Owner;
use serde_json::Value;

use crate::up::Connected;

const HTTP_PORT: u16 = 80;
/// An address that answers slower is not shown.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);
const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// The annotation by which helm's objects name their release.
const RELEASE_NAME: &str = "meta.helm.sh/release-name";

/// The addresses of a release that is deployed; none when they cannot be read.
pub async fn addresses(cluster: &Cluster, release: &ReleaseStatus) -> Vec<String> {
    own(cluster, &release.owner).await.iter().flat_map(of).collect()
}

/// Where the ingress of a release that is deployed already listens: host and port.
pub(crate) async fn entry(cluster: &Cluster, owner: &Owner) -> Option<(String, u16)> {
    own(cluster, owner).await.iter().find_map(|it| points(it).next())
}

async fn own(cluster: &Cluster, owner: &Owner) -> Vec<Ingress> {
    let api: Api<Ingress> = Api::namespaced(cluster.client().clone(), &owner.namespace);
    let found = api.list(&ListParams::default()).await;
    let mut ingresses = found.map(|it| it.items).unwrap_or_default();
    ingresses.retain(|it| it.annotations().get(RELEASE_NAME) == Some(&owner.name));
    ingresses
}

/// The addresses of what was just deployed.
pub(crate) async fn addresses_of(
    cluster: &Cluster,
    objects: &[Value],
    namespace: &str,
    connected: &Connected,
) -> Vec<String> {
    let names = objects.iter().filter(|it| it["kind"] == "Ingress");
    let names: Vec<&str> = names.filter_map(|it| it["metadata"]["name"].as_str()).collect();
    let found = read(cluster, &names, namespace).await;
    match &connected.ingress {
        Some((host, port)) if found.is_empty() && !names.is_empty() => {
            vec![address(host, *port, None)]
        }
        _ => found,
    }
}

/// What an address shows: the status and the beginning of the first line; `None` when nobody answers.
pub(crate) async fn shown(address: &str) -> Option<String> {
    let http = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let ask = async {
        let response = http.get(address.parse().ok()?).await.ok()?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), SHOWN_BYTES_MAX).collect().await.ok();
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&body);
        let line: String = text.lines().next().unwrap_or_default().chars().take(100).collect();
        Some(format!("{address} shows {status}: {line}"))
    };
    tokio::time::timeout(SHOWN_WITHIN, ask).await.ok().flatten()
}

async fn read(cluster: &Cluster, names: &[&str], namespace: &str) -> Vec<String> {
    let api: Api<Ingress> = Api::namespaced(cluster.client().clone(), namespace);
    let mut found = Vec::new();
    for name in names {
        if let Ok(ingress) = api.get_status(name).await {
            found.extend(of(&ingress));
        }
    }
    found
}

/// One address for each host of the ingress at each address of its status.
fn of(ingress: &Ingress) -> Vec<String> {
    let rules = ingress.spec.as_ref().and_then(|it| it.rules.as_ref()).into_iter().flatten();
    let mut hosts: Vec<Option<&str>> = rules.map(|it| it.host.as_deref()).collect();
    hosts.dedup();
    let mut found = Vec::new();
    for (host, port) in points(ingress) {
        found.extend(hosts.iter().map(|it| address(&host, port, *it)));
    }
    found
}

/// The addresses of an ingress's status, each with its first port.
fn points(ingress: &Ingress) -> impl Iterator<Item = (String, u16)> {
    let status = ingress.status.as_ref().and_then(|it| it.load_balancer.as_ref());
    let points = status.and_then(|it| it.ingress.as_ref()).into_iter().flatten();
    points.filter_map(|it| {
        let host = it.ip.as_ref().or(it.hostname.as_ref())?.clone();
        let port = it.ports.iter().flatten().find_map(|it| u16::try_from(it.port).ok());
        Some((host, port.unwrap_or(HTTP_PORT)))
    })
}

fn address(host: &str, port: u16, rule: Option<&str>) -> String {
    let host = rule.filter(|it| !it.is_empty() && !it.contains('*')).unwrap_or(host);
    if port == HTTP_PORT { format!("http://{host}/") } else { format!("http://{host}:{port}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_from_the_status_with_its_port() {
        let ingress = serde_json::json!({"metadata": {"name": "a"},
            "spec": {"rules": [{"http": {"paths": []}}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1",
                "ports": [{"port": 8080, "protocol": "TCP"}]}]}}});
        let ingress: Ingress = serde_json::from_value(ingress).unwrap();
        assert_eq!(of(&ingress), ["http://127.0.0.1:8080/"]);
    }

    #[test]
    fn a_rule_s_host_replaces_the_address() {
        assert_eq!(address("10.0.0.1", 80, Some("a.example.com")), "http://a.example.com/");
        assert_eq!(address("10.0.0.1", 80, None), "http://10.0.0.1/");
    }
}
