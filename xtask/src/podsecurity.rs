//! The restricted Pod Security standard (Kubernetes 1.34), as rules over rendered objects.
//! Source: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use serde_json::Value;

/// Volume types that the standard allows.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
/// Sysctls that are safe.
const SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The pod of an object: its own, or that of its template.
pub(crate) fn pod_spec(object: &Value) -> Option<&Value> {
    let spec = object.get("spec")?;
    match object["kind"].as_str()? {
        "Pod" => Some(spec),
        "CronJob" => spec.pointer("/jobTemplate/spec/template/spec"),
        _ => spec.pointer("/template/spec"),
    }
}

/// All that a pod has against the standard; nothing when it may run in a restricted namespace.
pub(crate) fn violations(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod[field] == true {
            found.push(format!("{field} is true"));
        }
    }
    for volume in list(&pod["volumes"]) {
        for kind in volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str()) {
            if kind != "name" && !VOLUMES.contains(&kind) {
                found.push(format!("volume {} is a {kind}", volume["name"]));
            }
        }
    }
    for sysctl in list(&pod["securityContext"]["sysctls"]) {
        if !sysctl["name"].as_str().is_some_and(|it| SYSCTLS.contains(&it)) {
            found.push(format!("sysctl {} is not safe", sysctl["name"]));
        }
    }
    for container in CONTAINERS.iter().flat_map(|it| list(&pod[*it])) {
        let own = container_violations(&pod["securityContext"], container);
        found.extend(own.into_iter().map(|it| format!("container {}: {it}", container["name"])));
    }
    found
}

fn container_violations(pod_context: &Value, container: &Value) -> Vec<String> {
    let context = &container["securityContext"];
    // What the container says itself goes before what the pod says.
    let either = |field: &str| match &context[field] {
        Value::Null => pod_context[field].clone(),
        own => own.clone(),
    };
    let added = list(&context["capabilities"]["add"]);
    let rules = [
        (context["privileged"] == true, "is privileged"),
        (context["allowPrivilegeEscalation"] != false, "allowPrivilegeEscalation is not false"),
        (
            !list(&context["capabilities"]["drop"]).iter().any(|it| it == "ALL"),
            "does not drop ALL capabilities",
        ),
        (added.iter().any(|it| it != "NET_BIND_SERVICE"), "adds a capability"),
        (either("runAsNonRoot") != true, "runAsNonRoot is not true"),
        (either("runAsUser") == 0, "runs as user 0"),
        (
            !["RuntimeDefault", "Localhost"]
                .iter()
                .any(|it| either("seccompProfile")["type"] == *it),
            "has no seccomp profile",
        ),
        (!matches!(context["procMount"].as_str(), None | Some("Default")), "has another /proc"),
        (
            list(&container["ports"]).iter().any(|it| it["hostPort"].as_u64().unwrap_or(0) != 0),
            "takes a port of the host",
        ),
        (context["windowsOptions"]["hostProcess"] == true, "is a process of the host"),
    ];
    rules.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, it)| it.to_owned()).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faro;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "securityContext": {
                "runAsNonRoot": true,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "c",
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
            "volumes": [{ "name": "v", "emptyDir": {} }],
        })
    }

    fn check(pointer: &str, value: Value, found: &str) {
        let mut pod = good();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[key] = value;
        assert_eq!(violations(&pod), [found], "{pointer}");
    }

    #[test]
    fn a_restricted_pod_has_nothing_against_it() {
        assert_eq!(violations(&good()), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_held_alone() {
        let context = "/containers/0/securityContext";
        check("/hostNetwork", json!(true), "hostNetwork is true");
        check("/volumes/0/hostPath", json!({ "path": "/" }), r#"volume "v" is a hostPath"#);
        check(
            "/securityContext/sysctls",
            json!([{ "name": "kernel.msgmax", "value": "1" }]),
            r#"sysctl "kernel.msgmax" is not safe"#,
        );
        check("/securityContext/runAsUser", json!(0), r#"container "c": runs as user 0"#);
        check(
            "/securityContext/runAsNonRoot",
            json!(false),
            r#"container "c": runAsNonRoot is not true"#,
        );
        check(
            "/securityContext/seccompProfile",
            json!({ "type": "Unconfined" }),
            r#"container "c": has no seccomp profile"#,
        );
        for (field, value, found) in [
            ("privileged", json!(true), "is privileged"),
            ("allowPrivilegeEscalation", json!(null), "allowPrivilegeEscalation is not false"),
            ("capabilities", json!({}), "does not drop ALL capabilities"),
            ("capabilities", json!({ "drop": ["ALL"], "add": ["NET_ADMIN"] }), "adds a capability"),
            ("procMount", json!("Unmasked"), "has another /proc"),
            ("windowsOptions", json!({ "hostProcess": true }), "is a process of the host"),
        ] {
            let found = format!(r#"container "c": {found}"#);
            check(&format!("{context}/{field}"), value, &found);
        }
        let ports = json!([{ "containerPort": 80, "hostPort": 80 }]);
        check("/containers/0/ports", ports, r#"container "c": takes a port of the host"#);
    }

    #[test]
    fn all_pods_of_the_chart_are_restricted() {
        for file in faro::value_files().unwrap() {
            let rendered = faro::rendered(std::slice::from_ref(&file), &[]).unwrap();
            let objects = faro::objects(&rendered).unwrap();
            let pods: Vec<&Value> = objects.iter().filter_map(pod_spec).collect();
            assert!(!pods.is_empty(), "{}", file.display());
            for pod in pods {
                assert_eq!(violations(pod), Vec::<String>::new(), "{}", file.display());
            }
        }
    }

    #[test]
    fn the_charts_pods_go_beyond_the_standard() {
        for file in faro::value_files().unwrap() {
            let rendered = faro::rendered(std::slice::from_ref(&file), &[]).unwrap();
            for pod in faro::objects(&rendered).unwrap().iter().filter_map(pod_spec) {
                assert_eq!(pod["automountServiceAccountToken"], false);
                for container in list(&pod["containers"]) {
                    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
                    assert!(container["resources"]["requests"]["cpu"].is_string());
                    assert!(container["resources"]["limits"]["memory"].is_string());
                }
            }
        }
    }
}
