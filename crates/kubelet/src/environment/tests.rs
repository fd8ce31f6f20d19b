//! Cases for the environment of a container.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::*;

const MACHINE: Machine =
    Machine { cpu_milli: 2000, memory_bytes: 1 << 30, disk_bytes: 0, pods_max: 110 };

fn sources() -> Sources {
    let config_map = json!({"data": {"color": "blue", "size": "7"}});
    let secret = json!({"data": {"password": "aHVzaA=="}});
    Sources {
        config_maps: [("config".to_owned(), serde_json::from_value(config_map).unwrap())].into(),
        secrets: [("secret".to_owned(), serde_json::from_value(secret).unwrap())].into(),
    }
}

fn make(container: &Value) -> Result<Vec<(String, String)>, EnvironmentError> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "ns"},
        "spec": {"containers": [container]},
    }))
    .unwrap();
    let services = [("DB_SERVICE_HOST".to_owned(), "10.96.0.7".to_owned())].into();
    let facts = Facts {
        sources: &sources(),
        services: &services,
        addresses: Addresses {
            pod: Some(Ipv4Addr::new(10, 244, 0, 2)),
            host: Ipv4Addr::new(10, 244, 0, 1),
        },
        machine: &MACHINE,
    };
    variables(&pod, &pod.spec.as_ref().unwrap().containers[0], &facts)
}

fn check(container: &Value, want: &[(&str, &str)]) {
    let variables = make(container).unwrap();
    let got: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(got, want);
}

#[test]
fn declared_variables_come_first_and_may_use_the_earlier_ones() {
    let env = json!([
        {"name": "B", "value": "b"},
        {"name": "A", "value": "$(B)-$(DB_SERVICE_HOST)-$(LATER)"},
        {"name": "LATER", "value": "x"},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ]);
    check(
        &json!({"name": "c", "env": env}),
        &[
            ("B", "b"),
            ("A", "b-10.96.0.7-$(LATER)"),
            ("LATER", "x"),
            ("IP", "10.244.0.2"),
            ("CPU", "2"),
            ("DB_SERVICE_HOST", "10.96.0.7"),
        ],
    );
}

#[test]
fn sources_are_read_whole_and_by_key() {
    let container = json!({
        "name": "c",
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "config"}},
            {"secretRef": {"name": "secret"}}, {"secretRef": {"name": "none", "optional": true}}],
        "env": [
            {"name": "P_color", "value": "$(P_size) red"},
            {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "color"}}},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "password"}}},
            {"name": "O", "valueFrom":
                {"secretKeyRef": {"name": "none", "key": "x", "optional": true}}},
        ],
    });
    check(
        &container,
        &[
            ("P_color", "7 red"),
            ("K", "blue"),
            ("S", "hush"),
            ("DB_SERVICE_HOST", "10.96.0.7"),
            ("P_size", "7"),
            ("password", "hush"),
        ],
    );
}

fn check_error(container: &Value, want: &str) {
    assert_eq!(make(container).unwrap_err().to_string(), want);
}

#[test]
fn what_is_missing_is_named_as_upstream_names_it() {
    let reference = |kind: &str, name: &str, key: &str| json!({"name": "c", "env": [{"name": "X", "valueFrom": {kind: {"name": name, "key": key}}}]});
    check_error(&reference("configMapKeyRef", "none", "k"), "configmap \"none\" not found");
    check_error(&reference("secretKeyRef", "none", "k"), "secret \"none\" not found");
    let no_key = "couldn't find key k in ConfigMap ns/config";
    check_error(&reference("configMapKeyRef", "config", "k"), no_key);
    let all = json!({"name": "c", "envFrom": [{"configMapRef": {"name": "none"}}]});
    check_error(&all, "configmap \"none\" not found");
}

#[test]
fn services_are_seen_by_namespace_and_link() {
    let service = |namespace: &str, name: &str, ip: &str| -> Service {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"clusterIP": ip, "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
        }))
        .unwrap()
    };
    let services = [
        service("default", "kubernetes", "10.96.0.1"),
        service("ns", "my-db", "10.96.0.9"),
        service("ns", "headless", "None"),
        service("other", "far", "10.96.0.8"),
    ];
    let linked = service_variables(services.iter(), "ns", true);
    assert_eq!(linked["KUBERNETES_SERVICE_HOST"], "10.96.0.1");
    assert_eq!(linked["MY_DB_SERVICE_PORT_HTTP"], "80");
    assert_eq!(linked["MY_DB_PORT_80_TCP"], "tcp://10.96.0.9:80");
    assert_eq!(linked.len(), 16, "two services with one named port each");
    let unlinked = service_variables(services.iter(), "ns", false);
    assert!(unlinked.keys().all(|it| it.starts_with("KUBERNETES_")));
}
