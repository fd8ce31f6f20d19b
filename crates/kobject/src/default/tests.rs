//! Defaults as a real 1.34 server answers them.

use serde_json::json;

use super::*;
use crate::catalog::by_kind;

fn defaulted(api_version: &str, kind: &str, object: &Value) -> Value {
    let mut object = object.clone();
    let resource = by_kind(api_version, kind).unwrap();
    apply_defaults(resource, &mut object);
    let once = object.clone();
    apply_defaults(resource, &mut object);
    assert_eq!(object, once, "defaulting twice is defaulting once");
    object
}

#[test]
fn deployment_and_its_template_are_filled() {
    let object = json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
            {"name": "web", "image": "nginx", "ports": [{"containerPort": 80}],
             "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
             "livenessProbe": {"httpGet": {"port": 80}},
             "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}],
            "volumes": [{"name": "tmp"}, {"name": "c", "configMap": {"name": "c"}}]}}}});
    assert_eq!(
        defaulted("apps/v1", "Deployment", &object)["spec"],
        json!({"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "securityContext": {},
                "terminationGracePeriodSeconds": 30, "schedulerName": "default-scheduler",
                "containers": [{"name": "web", "image": "nginx", "imagePullPolicy": "Always",
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
                    "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                        "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                    "env": [{"name": "A", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}]}],
                "volumes": [{"name": "tmp", "emptyDir": {}},
                    {"name": "c", "configMap": {"name": "c", "defaultMode": 420}}]}}})
    );
}

#[test]
fn pods_request_what_they_limit() {
    let object = json!({"spec": {"serviceAccountName": "robot", "containers": [{"name": "a", "image": "b:1",
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}}]}});
    let pod = defaulted("v1", "Pod", &object);
    assert_eq!(
        pod["spec"]["containers"][0]["resources"]["requests"],
        json!({"cpu": "100m", "memory": "1Gi"})
    );
    assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
    assert_eq!(pod["spec"]["enableServiceLinks"], true);
    assert_eq!(pod["spec"]["serviceAccount"], "robot");
    assert_eq!(pod["status"], json!({"phase": "Pending"}));
}

#[test]
fn service_ports_target_themselves() {
    let object = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}, {"port": 81, "targetPort": "http"}]}});
    let service = defaulted("v1", "Service", &object);
    assert_eq!(
        service["spec"],
        json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 81, "protocol": "TCP", "targetPort": "http"}]})
    );
    assert_eq!(service["status"], json!({"loadBalancer": {}}));
}

#[test]
fn secrets_take_in_their_string_data() {
    let object = json!({"stringData": {"a": "b"}, "data": {"c": "ZA=="}});
    assert_eq!(
        defaulted("v1", "Secret", &object),
        json!({"type": "Opaque", "data": {"a": "Yg==", "c": "ZA=="}, "metadata": {}})
    );
}

#[test]
fn jobs_complete_once() {
    let object = json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}}});
    let job = defaulted("batch/v1", "Job", &object);
    assert_eq!(job["spec"]["completions"], 1);
    assert_eq!(job["spec"]["backoffLimit"], 6);
    assert_eq!(job["spec"]["podReplacementPolicy"], "TerminatingOrFailed");
    assert_eq!(job["metadata"]["labels"], json!({"a": "b"}));
    let work_queue = defaulted("batch/v1", "Job", &json!({"spec": {"parallelism": 3}}));
    assert_eq!(work_queue["spec"].get("completions"), None);
}

#[test]
fn other_kinds_are_filled() {
    let set = defaulted(
        "apps/v1",
        "StatefulSet",
        &json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "d"}}]}}),
    );
    assert_eq!(
        set["spec"]["updateStrategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    );
    assert_eq!(set["spec"]["volumeClaimTemplates"][0]["spec"]["volumeMode"], "Filesystem");
    assert_eq!(set["spec"]["volumeClaimTemplates"][0]["status"], json!({"phase": "Pending"}));
    let daemon = defaulted("apps/v1", "DaemonSet", &json!({"spec": {}}));
    assert_eq!(
        daemon["spec"]["updateStrategy"]["rollingUpdate"],
        json!({"maxSurge": 0, "maxUnavailable": 1})
    );
    assert_eq!(daemon["status"]["desiredNumberScheduled"], 0);
    let hpa =
        defaulted("autoscaling/v2", "HorizontalPodAutoscaler", &json!({"spec": {"behavior": {}}}));
    assert_eq!(hpa["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
    assert_eq!(hpa["spec"]["behavior"]["scaleUp"]["policies"][0]["value"], 4);
    let namespace = defaulted("v1", "Namespace", &json!({"metadata": {"name": "dev"}}));
    assert_eq!(namespace["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "dev"}));
    let binding = json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"},
        {"kind": "ServiceAccount", "name": "s"}]});
    let binding = defaulted("rbac.authorization.k8s.io/v1", "RoleBinding", &binding);
    assert_eq!(binding["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(binding["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(binding["subjects"][1].get("apiGroup"), None);
    let class = defaulted("storage.k8s.io/v1", "StorageClass", &json!({}));
    assert_eq!(class["volumeBindingMode"], "Immediate");
    let definition = json!({"spec": {"names": {"kind": "Car", "plural": "cars"}, "versions": [{"name": "v1", "storage": true}]}});
    let definition = defaulted("apiextensions.k8s.io/v1", "CustomResourceDefinition", &definition);
    assert_eq!(definition["spec"]["names"]["listKind"], "CarList");
    assert_eq!(definition["status"]["storedVersions"], json!(["v1"]));
}

#[test]
fn every_kind_can_be_defaulted_from_nothing() {
    for resource in crate::catalog::all() {
        defaulted(&resource.api_version(), &resource.kind, &json!({}));
    }
}

#[test]
fn custom_resources_take_their_schemas_defaults() {
    let schema = Schema::from_openapi(
        "x.dev",
        "Car",
        &json!({"type": "object", "properties": {"spec": {
        "type": "object", "properties": {"wheels": {"type": "integer", "default": 4},
        "engine": {"type": "object", "default": {}, "properties": {"power": {"type": "integer", "default": 90}}}}}}}),
    );
    let mut car = json!({"metadata": {"name": "a"}, "spec": {"wheels": null}});
    apply_schema_defaults(&schema, &mut car);
    assert_eq!(
        car,
        json!({"metadata": {"name": "a"}, "spec": {"wheels": 4, "engine": {"power": 90}}})
    );
}
