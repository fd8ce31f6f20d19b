//! Kubeconfigs whose users are programs, as those of EKS and GKE are: one of our own hands out what lets in.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    address::body,
    machine::{Machine, run},
    project::Project,
};

/// Hands out what lies beside it, and notes that it was asked.
const PLUGIN: &str = r#"#!/bin/sh
set -eu
dir=$(dirname "$0")
if [ "$CLUSTER" != embedded ]; then
    echo "plugin: you are not logged in to $CLUSTER" >&2
    exit 1
fi
echo "$1" >>"$dir/asked"
line() { awk '{ printf "%s\\n", $0 }' "$dir/$1"; }
case $1 in
    certificate) status="\"clientCertificateData\":\"$(line cert.pem)\",\"clientKeyData\":\"$(line key.pem)\"" ;;
    token) status="\"token\":\"$(cat "$dir/token")\"" ;;
esac
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{%s}}' "$status"
"#;

#[test]
fn users_that_are_plugins_are_let_in_by_certificate_and_by_token() {
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    let config = kubeconfig(&machine);
    let zarpa = |context: &str, command: &[&str]| {
        let args = ["--kubeconfig", &config, "--context", context, "--namespace", "cloud"];
        machine.zarpa(project.path(), &[command, &args].concat())
    };
    let up = zarpa("by-certificate", &["up"]).good();
    assert_eq!(body(up.last_line(), "/"), "Hello\n");
    zarpa("by-token", &["status"]).good().says("web in cloud: revision 1 deployed");
    let asked = fs::read_to_string(machine.path().join("asked")).unwrap();
    assert!(asked.contains("certificate") && asked.contains("token"), "{asked}");
    let refused = zarpa("logged-out", &["status"]).failed();
    refused.says("plugin");
}

/// The embedded cluster's kubeconfig, with plugins for users.
fn kubeconfig(machine: &Machine) -> String {
    let dir = machine.path();
    let plugin = dir.join("plugin");
    fs::write(&plugin, PLUGIN).unwrap();
    fs::set_permissions(&plugin, Permissions::from_mode(0o755)).unwrap();
    let text = machine.kubectl(&["config", "view", "--raw", "--output", "json"]);
    let config: Value = serde_json::from_str(&text).unwrap();
    let user = &config["users"][0]["user"];
    for (key, file) in [("client-certificate-data", "cert.pem"), ("client-key-data", "key.pem")] {
        let coded = dir.join(format!("{file}.base64"));
        fs::write(&coded, user[key].as_str().unwrap()).unwrap();
        let decoded = run(Command::new("base64").arg("--decode").arg(&coded)).good().out;
        fs::write(dir.join(file), decoded).unwrap();
    }
    let token = machine.kubectl(&["create", "token", "default", "--namespace", "dev"]);
    fs::write(dir.join("token"), token.trim()).unwrap();

    let user = |name: &str, word: &str, cluster: &str| {
        json!({"name": name, "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": plugin,
            "args": [word],
            "env": [{"name": "CLUSTER", "value": cluster}],
            "interactiveMode": "Never",
        }}})
    };
    let users = [
        user("by-certificate", "certificate", "embedded"),
        user("by-token", "token", "embedded"),
        user("logged-out", "token", "elsewhere"),
    ];
    let cluster = &config["clusters"][0]["name"];
    let context = |it: &Value| json!({"name": it["name"], "context": {"cluster": cluster, "user": it["name"]}});
    let contexts: Vec<Value> = users.iter().map(context).collect();
    let file = dir.join("plugins.kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "clusters": config["clusters"],
        "users": users, "contexts": contexts, "current-context": "",
    });
    fs::write(&file, config.to_string()).unwrap();
    file.display().to_string()
}
