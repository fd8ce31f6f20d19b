//! Cases for volumes and their files.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::*;

const MACHINE: Machine =
    Machine { cpu_milli: 2000, memory_bytes: 1 << 30, disk_bytes: 0, pods_max: 110 };

fn pod(spec: &Value) -> Pod {
    let metadata = json!({"name": "p", "namespace": "ns", "labels": {"app": "faro"}});
    let mut spec = spec.clone();
    if spec["containers"].is_null() {
        spec["containers"] = json!([{"name": "c"}]);
    }
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

fn volume(value: &Value) -> Volume {
    let mut value = value.clone();
    value["name"] = json!("v");
    serde_json::from_value(value).unwrap()
}

fn check_kind(value: &Value, want: &Kind) {
    assert_eq!(kind(&pod(&json!({})), &volume(value)), *want, "{value}");
}

#[test]
fn kinds_are_told_apart_and_others_named() {
    check_kind(&json!({"emptyDir": {}}), &Kind::Empty);
    let memory = json!({"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}});
    check_kind(&memory, &Kind::Memory { size_bytes: 1 << 20 });
    let claim = Kind::Claim { name: "data".to_owned(), is_read_only: false };
    check_kind(&json!({"persistentVolumeClaim": {"claimName": "data"}}), &claim);
    let made = Kind::Claim { name: "p-v".to_owned(), is_read_only: false };
    check_kind(&json!({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}), &made);
    let nfs = json!({"nfs": {"server": "s", "path": "/"}});
    check_kind(&nfs, &Kind::Unsupported("nfs".to_owned()));
}

fn make(spec: &Value, value: &Value) -> Result<Vec<(String, String, u32)>, FilesError> {
    let config_map = json!({"data": {"a": "1", "b": "2"}, "binaryData": {"c": "Mw=="}});
    let secret = json!({"data": {"key": "aHVzaA=="}});
    let sources = Sources {
        config_maps: [("cm".to_owned(), serde_json::from_value(config_map).unwrap())].into(),
        secrets: [("s".to_owned(), serde_json::from_value(secret).unwrap())].into(),
    };
    let need = TokenNeed { audience: None, expiration_s: 3607 };
    let pod = pod(spec);
    let shown = Shown {
        pod: &pod,
        sources: &sources,
        tokens: &[(need, "token".to_owned())].into(),
        addresses: Addresses { pod: None, host: Ipv4Addr::LOCALHOST },
        machine: &MACHINE,
    };
    let files = files(&volume(value), &shown)?;
    let text = |it: &File| String::from_utf8(it.content.clone()).unwrap();
    Ok(files.iter().map(|(path, it)| (path.clone(), text(it), it.mode)).collect())
}

fn check(value: &Value, want: &[(&str, &str, u32)]) {
    let files = make(&json!({}), value).unwrap();
    let got: Vec<(&str, &str, u32)> =
        files.iter().map(|(path, text, mode)| (path.as_str(), text.as_str(), *mode)).collect();
    assert_eq!(got, want);
}

#[test]
fn config_maps_and_secrets_become_files() {
    check(
        &json!({"configMap": {"name": "cm", "defaultMode": 0o400}}),
        &[("a", "1", 0o400), ("b", "2", 0o400), ("c", "3", 0o400)],
    );
    let items = json!([{"key": "a", "path": "sub/x", "mode": 0o755}]);
    check(&json!({"configMap": {"name": "cm", "items": items}}), &[("sub/x", "1", 0o755)]);
    check(&json!({"secret": {"secretName": "s"}}), &[("key", "hush", 0o644)]);
    check(&json!({"secret": {"secretName": "none", "optional": true}}), &[]);
}

#[test]
fn projections_are_put_together() {
    let sources = json!([
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "cm", "items": [{"key": "a", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}},
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]);
    check(
        &json!({"projected": {"sources": sources, "defaultMode": 0o644}}),
        &[
            ("ca.crt", "1", 0o644),
            ("labels", "app=\"faro\"", 0o644),
            ("namespace", "ns", 0o644),
            ("token", "token", 0o644),
        ],
    );
}

#[test]
fn a_token_is_closed_when_the_pod_has_a_group() {
    let sources = json!([{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]);
    let spec = json!({"securityContext": {"fsGroup": 2000}});
    let files = make(&spec, &json!({"projected": {"sources": sources}})).unwrap();
    assert_eq!(files[0].2, 0o600);
}

fn check_error(value: &Value, want: &str) {
    assert_eq!(make(&json!({}), value).unwrap_err().to_string(), want);
}

#[test]
fn what_is_missing_is_named() {
    check_error(&json!({"configMap": {"name": "none"}}), "configmap \"none\" not found");
    check_error(&json!({"secret": {"secretName": "none"}}), "secret \"none\" not found");
    let items = json!([{"key": "z", "path": "z"}]);
    check_error(
        &json!({"configMap": {"name": "cm", "items": items}}),
        "configmap references non-existent configmap key: z",
    );
    let leaving = json!([{"key": "a", "path": "../z"}]);
    check_error(
        &json!({"configMap": {"name": "cm", "items": leaving}}),
        "path `../z` must be relative and stay inside its volume",
    );
}

#[test]
fn needs_are_listed_once() {
    let pod = pod(&json!({
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [
            {"name": "a", "configMap": {"name": "cm"}},
            {"name": "b", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "c", "projected": {"sources": [
                {"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "ca"}}]}},
        ],
        "containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "cm"}}],
            "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}],
    }));
    let want = Needs {
        config_maps: vec!["ca".to_owned(), "cm".to_owned()],
        secrets: vec!["pull".to_owned(), "s".to_owned()],
        claims: vec!["data".to_owned()],
        tokens: vec![TokenNeed { audience: None, expiration_s: 3600 }],
    };
    assert_eq!(needs(&pod), want);
}
