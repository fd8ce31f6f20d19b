//! What users get wrong, in the words of the real server.

use serde_json::json;

use super::*;
use crate::{catalog::by_kind, default::apply_defaults};

fn prepared(api_version: &str, kind: &str, object: &Value) -> (&'static Resource, Value) {
    let resource = by_kind(api_version, kind).unwrap();
    let mut object = object.clone();
    let metadata = crate::meta::metadata_mut(&mut object);
    metadata.entry("name").or_insert_with(|| "it".into());
    if resource.is_namespaced {
        metadata.entry("namespace").or_insert_with(|| "default".into());
    }
    apply_defaults(resource, &mut object);
    (resource, object)
}

fn check(api_version: &str, kind: &str, object: &Value, expect: &[&str]) {
    let (resource, object) = prepared(api_version, kind, object);
    let found: Vec<String> =
        validate(resource, &object, None).iter().map(ToString::to_string).collect();
    assert_eq!(found, expect);
}

fn check_update(api_version: &str, kind: &str, (old, new): (&Value, &Value), expect: &[&str]) {
    let (resource, old) = prepared(api_version, kind, old);
    let (_, new) = prepared(api_version, kind, new);
    let found: Vec<String> =
        validate(resource, &new, Some(&old)).iter().map(ToString::to_string).collect();
    assert_eq!(found, expect);
}

fn deployment(containers: &Value) -> Value {
    json!({"spec": {"selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}}})
}

#[test]
fn sound_objects_pass() {
    let containers = json!([{"name": "web", "image": "nginx", "ports": [{"containerPort": 80, "name": "http"}],
        "env": [{"name": "A", "value": "b"}, {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1", "example.com/gpu": "1"}},
        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}}}]);
    check("apps/v1", "Deployment", &deployment(&containers), &[]);
    check("v1", "ConfigMap", &json!({"data": {"a.b_c-D": "x"}}), &[]);
    check("v1", "Service", &json!({"spec": {"ports": [{"port": 80}]}}), &[]);
    check("v1", "Namespace", &json!({}), &[]);
}

#[test]
fn required_fields_are_named_with_their_path() {
    check(
        "apps/v1",
        "Deployment",
        &deployment(&json!([{"name": "web"}, {"image": "x"}])),
        &[
            "spec.template.spec.containers[0].image: Required value",
            "spec.template.spec.containers[1].name: Required value",
        ],
    );
    check(
        "apps/v1",
        "Deployment",
        &deployment(&json!([])),
        &["spec.template.spec.containers: Required value"],
    );
}

#[test]
fn names_are_checked() {
    let (resource, mut object) = prepared("v1", "ConfigMap", &json!({}));
    object["metadata"]["name"] = "My_Config".into();
    let errors = validate(resource, &object, None);
    assert_eq!(
        errors[0].to_string(),
        "metadata.name: Invalid value: \"My_Config\": a lowercase RFC 1123 subdomain must consist of lower case \
         alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
         'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    );
    assert_eq!(errors[0].reason.as_str(), "FieldValueInvalid");
    let (resource, mut object) =
        prepared("v1", "Service", &json!({"spec": {"ports": [{"port": 80}]}}));
    object["metadata"]["name"] = "1web".into();
    assert!(
        validate(resource, &object, None)[0].to_string().contains("a DNS-1035 label must consist")
    );
}

#[test]
fn selectors_must_match_and_stay() {
    let mut object = deployment(&json!([{"name": "web", "image": "x"}]));
    object["spec"]["selector"]["matchLabels"]["app"] = "db".into();
    check(
        "apps/v1",
        "Deployment",
        &object,
        &[
            "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
        ],
    );
    let old = deployment(&json!([{"name": "web", "image": "x"}]));
    let mut new = old.clone();
    new["spec"]["selector"]["matchLabels"]["app"] = "db".into();
    new["spec"]["template"]["metadata"]["labels"]["app"] = "db".into();
    check_update(
        "apps/v1",
        "Deployment",
        (&old, &new),
        &["spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"db\"}}: field is immutable"],
    );
}

#[test]
fn containers_are_checked() {
    let container = json!({"name": "Web", "image": "x", "imagePullPolicy": "Sometimes",
        "ports": [{"containerPort": 70000}], "volumeMounts": [{"name": "none", "mountPath": "/a"}],
        "env": [{"name": "A", "valueFrom": {}}], "readinessProbe": {},
        "resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}});
    let (resource, object) = prepared("apps/v1", "Deployment", &deployment(&json!([container])));
    let found: Vec<String> = validate(resource, &object, None)
        .iter()
        .map(|it| it.to_string().replace("spec.template.spec.containers[0].", ""))
        .collect();
    assert!(
        found[0].starts_with("name: Invalid value: \"Web\": a lowercase RFC 1123 label"),
        "{found:?}"
    );
    assert_eq!(
        found[1..],
        [
            "ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            "env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, \
             `configMapKeyRef` or `secretKeyRef`",
            "volumeMounts[0].name: Not found: \"none\"",
            "imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            "resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi",
            "readinessProbe: Required value: must specify a handler type",
        ]
    );
}

#[test]
fn pods_keep_their_spec() {
    let pod = |image: &str, port: u16| json!({"spec": {"containers": [{"name": "a", "image": image, "ports": [{"containerPort": port}]}]}});
    check_update("v1", "Pod", (&pod("a:1", 80), &pod("a:2", 80)), &[]);
    let (resource, old) = prepared("v1", "Pod", &pod("a:1", 80));
    let (_, new) = prepared("v1", "Pod", &pod("a:1", 81));
    let errors = validate(resource, &new, Some(&old));
    assert!(
        errors[0]
            .to_string()
            .starts_with("spec: Forbidden: pod updates may not change fields other than")
    );
}

#[test]
fn jobs_may_not_restart_always() {
    let object = json!({"spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}});
    check(
        "batch/v1",
        "Job",
        &object,
        &[
            "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
        ],
    );
    let cron = json!({"spec": {"schedule": "* * *", "jobTemplate": {"spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "a", "image": "x"}]}}}}}});
    check(
        "batch/v1",
        "CronJob",
        &cron,
        &["spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]"],
    );
}

#[test]
fn services_and_ingresses_are_checked() {
    check("v1", "Service", &json!({"spec": {}}), &["spec.ports: Required value"]);
    check(
        "v1",
        "Service",
        &json!({"spec": {"ports": [{"port": 80}, {"port": 80, "name": "b"}]}}),
        &[
            "spec.ports[0].name: Required value",
            "spec.ports[1]: Duplicate value: {\"name\":\"b\",\"port\":80,\"protocol\":\"TCP\",\"targetPort\":80}",
        ],
    );
    let old = json!({"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]}});
    let new = json!({"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8"]}});
    check_update(
        "v1",
        "Service",
        (&old, &new),
        &["spec.clusterIPs: Invalid value: [\"10.96.0.8\"]: may not change once set"],
    );
    let ingress = json!({"spec": {"rules": [{"host": "10.0.0.1", "http": {"paths": [
        {"path": "x", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {}}}}, {"path": "/"}]}}]}});
    check(
        "networking.k8s.io/v1",
        "Ingress",
        &ingress,
        &[
            "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address",
            "spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path",
            "spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
            "spec.rules[0].http.paths[1].pathType: Required value: pathType must be specified",
        ],
    );
}

#[test]
fn claims_secrets_and_bindings_are_checked() {
    check(
        "v1",
        "PersistentVolumeClaim",
        &json!({"spec": {}}),
        &[
            "spec.accessModes: Required value: at least 1 access mode is required",
            "spec.resources[storage]: Required value",
        ],
    );
    check(
        "v1",
        "Secret",
        &json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ=="}}),
        &["data[tls.key]: Required value"],
    );
    let frozen = |value: &str| json!({"immutable": true, "data": {"a": value}});
    check_update(
        "v1",
        "ConfigMap",
        (&frozen("1"), &frozen("2")),
        &["data: Forbidden: field is immutable when `immutable` is set"],
    );
    let binding = |role: &str| json!({"roleRef": {"kind": "Role", "name": role}, "subjects": [{"kind": "User"}]});
    check_update(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        (&binding("a"), &binding("b")),
        &[
            "subjects[0].name: Required value",
            "roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"b\"}: cannot change roleRef",
        ],
    );
}

#[test]
fn scaling_is_checked() {
    check(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        &json!({"spec": {"minReplicas": 3, "maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment"}}}),
        &[
            "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`",
            "spec.scaleTargetRef.name: Required value",
        ],
    );
    check(
        "policy/v1",
        "PodDisruptionBudget",
        &json!({"spec": {"maxUnavailable": "120%"}}),
        &["spec.maxUnavailable: Invalid value: \"120%\": must not be greater than 100%"],
    );
}

#[test]
fn stateful_sets_know_the_volumes_of_their_claims() {
    let set = json!({"spec": {"serviceName": "db", "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
            {"name": "db", "image": "x", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}}]}});
    check("apps/v1", "StatefulSet", &set, &[]);
    let mut renamed = set.clone();
    renamed["spec"]["serviceName"] = "other".into();
    let (resource, old) = prepared("apps/v1", "StatefulSet", &set);
    let (_, new) = prepared("apps/v1", "StatefulSet", &renamed);
    assert!(
        validate(resource, &new, Some(&old))[0]
            .to_string()
            .starts_with("spec: Forbidden: updates to statefulset")
    );
}

#[test]
fn problems_are_joined_as_a_status_joins_them() {
    let error = |field: &str| FieldError {
        field: field.to_owned(),
        reason: Reason::Required,
        value: None,
        detail: String::new(),
    };
    assert_eq!(aggregate(&[error("a")]), "a: Required value");
    assert_eq!(
        aggregate(&[error("a"), error("a"), error("b")]),
        "[a: Required value, b: Required value]"
    );
}
