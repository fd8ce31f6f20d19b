//! What is said about pods; the texts were compared with those of a real 1.34.4 server.

use serde_json::json;

use super::*;

#[track_caller]
fn check(level: Level, spec: &Value, expect: &str) {
    assert_eq!(violations(level, spec).unwrap_or_default(), expect);
}

#[test]
fn a_careless_pod_is_told_all_that_restricted_demands() {
    let spec = json!({ "containers": [{ "name": "a" }, { "name": "b" }] });
    check(Level::Baseline, &spec, "");
    check(
        Level::Restricted,
        &spec,
        "allowPrivilegeEscalation != false (containers \"a\", \"b\" must set securityContext.allowPrivilegeEscalation=false), \
         unrestricted capabilities (containers \"a\", \"b\" must set securityContext.capabilities.drop=[\"ALL\"]), \
         runAsNonRoot != true (pod or containers \"a\", \"b\" must set securityContext.runAsNonRoot=true), \
         seccompProfile (pod or containers \"a\", \"b\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
    );
}

#[test]
fn a_careful_pod_passes() {
    let spec = json!({
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{ "name": "a", "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"], "add": ["NET_BIND_SERVICE"] },
        } }],
        "volumes": [{ "name": "v", "emptyDir": {} }],
    });
    check(Level::Restricted, &spec, "");
}

#[test]
fn a_powerful_pod_is_told_all_that_baseline_forbids() {
    let spec = json!({
        "hostNetwork": true,
        "securityContext": {
            "seccompProfile": { "type": "Unconfined" },
            "sysctls": [{ "name": "kernel.msgmax", "value": "1" }],
        },
        "containers": [{
            "name": "a",
            "ports": [{ "containerPort": 80, "hostPort": 80 }],
            "securityContext": {
                "privileged": true, "capabilities": { "add": ["NET_ADMIN"] }, "runAsUser": 0,
            },
        }],
        "volumes": [{ "name": "v", "hostPath": { "path": "/" } }],
    });
    check(
        Level::Baseline,
        &spec,
        "non-default capabilities (container \"a\" must not include \"NET_ADMIN\" in securityContext.capabilities.add), \
         host namespaces (hostNetwork=true), hostPath volumes (volume \"v\"), \
         hostPort (container \"a\" uses hostPort 80), \
         privileged (container \"a\" must not set securityContext.privileged=true), \
         seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\"), \
         forbidden sysctls (kernel.msgmax)",
    );
    let told = violations(Level::Restricted, &spec).unwrap();
    assert!(
        told.contains(
            "restricted volume types (volume \"v\" uses restricted volume type \"hostPath\")"
        ),
        "{told}"
    );
    assert!(told.contains("runAsUser=0 (container \"a\" must not set runAsUser=0)"), "{told}");
}
