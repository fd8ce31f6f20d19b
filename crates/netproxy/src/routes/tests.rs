//! Routing as a table: objects in, destinations out.

use std::net::SocketAddr;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::{Answer, IngressMatch, Routes};

fn service(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"namespace": "dev", "name": name}, "spec": spec})
}

fn slice(service: &str, endpoints: &Value) -> Value {
    json!({
        "metadata": {"namespace": "dev", "name": format!("{service}-x"),
            "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": endpoints,
    })
}

fn ingress(name: &str, host: Option<&str>, paths: &[(&str, &str, &str)]) -> Value {
    let paths: Vec<Value> = paths
        .iter()
        .map(|(path, kind, service)| {
            json!({"path": path, "pathType": kind,
                "backend": {"service": {"name": service, "port": {"number": 80}}}})
        })
        .collect();
    let mut rule = json!({"http": {"paths": paths}});
    if let Some(host) = host {
        rule["host"] = json!(host);
    }
    json!({"metadata": {"namespace": "dev", "name": name}, "spec": {"rules": [rule]}})
}

fn routes(services: &[Value], slices: &[Value], ingresses: &[Value]) -> Routes {
    fn typed<T: serde::de::DeserializeOwned>(values: &[Value]) -> Vec<T> {
        values.iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect()
    }
    Routes::new(&typed(services), &typed(slices), &typed(ingresses))
}

fn faro() -> Routes {
    let spec = json!({"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80}]});
    let endpoints = json!([
        {"addresses": ["10.244.0.3"], "conditions": {"ready": true}},
        {"addresses": ["10.244.0.2"]},
        {"addresses": ["10.244.0.4"], "conditions": {"ready": false}},
    ]);
    let rules = [("/", "Exact", "faro"), ("/api", "Prefix", "faro"), ("/gone", "Prefix", "gone")];
    let ingresses = [ingress("faro", None, &rules)];
    routes(&[service("faro", &spec)], &[slice("faro", &endpoints)], &ingresses)
}

#[test]
fn a_cluster_address_goes_to_what_is_ready() {
    let routes = faro();
    let address: SocketAddr = "10.96.0.7:80".parse().unwrap();
    let backends = routes.by_address(address).unwrap();
    assert_eq!(
        backends.ready,
        ["10.244.0.2:8080".parse().unwrap(), "10.244.0.3:8080".parse().unwrap()]
    );
    assert!(routes.by_address("10.96.0.7:81".parse().unwrap()).is_none());
    let by_name = routes.by_service("dev", "faro", &IntOrString::String("http".to_owned()));
    assert_eq!(by_name, Some(backends));
}

#[test]
fn endpoints_that_end_serve_when_no_other_does() {
    let spec = json!({"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80}]});
    let endpoints = json!([{"addresses": ["10.244.0.2"],
        "conditions": {"ready": false, "serving": true, "terminating": true}}]);
    let routes = routes(&[service("a", &spec)], &[slice("a", &endpoints)], &[]);
    assert_eq!(routes.by_address("10.96.0.7:80".parse().unwrap()).unwrap().ready.len(), 1);
}

#[test]
fn paths_match_exactly_or_by_whole_elements() {
    let routes = faro();
    let is_served =
        |path| matches!(routes.ingress("127.0.0.1", path), IngressMatch::Service { .. });
    assert!(is_served("/"));
    assert!(is_served("/api") && is_served("/api/users"));
    assert!(!is_served("/apis") && !is_served("/env"));
    let gone = IngressMatch::NoService { namespace: "dev", service: "gone" };
    assert_eq!(routes.ingress("127.0.0.1", "/gone"), gone);
}

#[test]
fn hosts_come_before_none_and_names_under_localhost_choose() {
    let spec = |ip: &str| json!({"clusterIP": ip, "ports": [{"name": "http", "port": 80}]});
    let services = [service("a", &spec("10.96.0.1")), service("b", &spec("10.96.0.2"))];
    let ingresses = [
        ingress("a", None, &[("/", "Prefix", "a")]),
        ingress("b", Some("b.example.com"), &[("/", "Prefix", "b")]),
        ingress("w", Some("*.wild.com"), &[("/", "Prefix", "b")]),
    ];
    let routes = routes(&services, &[], &ingresses);
    let found = |host| match routes.ingress(host, "/x") {
        IngressMatch::Service { service, .. } => service,
        _ => "none",
    };
    assert_eq!(found("b.example.com"), "b");
    assert_eq!(found("other.com"), "a");
    assert_eq!(found("x.wild.com"), "b");
    assert_eq!(found("x.y.wild.com"), "a");
    assert_eq!(found("a.localhost"), "a");
    assert_eq!(found("a.dev.localhost"), "a");
    assert_eq!(found("c.localhost"), "none");
}

#[test]
fn names_are_resolved_as_the_specification_says() {
    let headless = json!({"clusterIP": "None", "ports": [{"name": "http", "port": 80}]});
    let plain = json!({"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80}]});
    let external = json!({"type": "ExternalName", "externalName": "db.example.com"});
    let endpoints = json!([{"addresses": ["10.244.0.2"], "hostname": "web-0"}]);
    let services = [service("web", &headless), service("faro", &plain), service("db", &external)];
    let routes = routes(&services, &[slice("web", &endpoints)], &[]);
    let lookup = |name: &str| routes.lookup(name, "cluster.local");
    let addresses = |ip: &str| Answer::Addresses(vec![ip.parse().unwrap()]);
    assert_eq!(lookup("faro.dev.svc.cluster.local."), addresses("10.96.0.7"));
    assert_eq!(lookup("FARO.dev.svc.cluster.local"), addresses("10.96.0.7"));
    assert_eq!(lookup("web.dev.svc.cluster.local"), addresses("10.244.0.2"));
    assert_eq!(lookup("web-0.web.dev.svc.cluster.local"), addresses("10.244.0.2"));
    assert_eq!(lookup("10-1-2-3.dev.pod.cluster.local"), addresses("10.1.2.3"));
    assert_eq!(lookup("db.dev.svc.cluster.local"), Answer::Alias("db.example.com.".to_owned()));
    assert_eq!(lookup("no.dev.svc.cluster.local"), Answer::Unknown);
    assert_eq!(lookup("example.com"), Answer::Elsewhere);
    let target = "faro.dev.svc.cluster.local.".to_owned();
    let ports = Answer::Ports(vec![(80, target.clone())]);
    assert_eq!(lookup("_http._tcp.faro.dev.svc.cluster.local"), ports);
    assert_eq!(lookup("7.0.96.10.in-addr.arpa"), Answer::Name(target));
}
