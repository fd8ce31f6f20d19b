//! Rows as the real server prints them.

use super::*;
use crate::catalog::by_kind;

fn cells(api_version: &str, kind: &str, object: &Value) -> Value {
    let mut object = object.clone();
    object["kind"] = kind.into();
    object["metadata"]["name"] = "it".into();
    object["metadata"]["creationTimestamp"] = "2026-11-20T10:00:00Z".into();
    let now = "2026-11-20T10:03:20Z".parse().unwrap();
    let table = table(by_kind(api_version, kind).unwrap(), &[&object], now);
    let n_columns = table["columnDefinitions"].as_array().unwrap().len();
    let cells = table["rows"][0]["cells"].clone();
    assert_eq!(cells.as_array().unwrap().len(), n_columns, "{kind}");
    cells
}

#[test]
fn every_kind_fills_its_columns_from_nothing() {
    for resource in crate::catalog::all() {
        cells(&resource.api_version(), &resource.kind, &json!({}));
    }
}

fn pod(status: &Value) -> Value {
    let pod = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}],
        "nodeName": "zarpa"}, "status": status});
    let cells = cells("v1", "Pod", &pod);
    json!(cells.as_array().unwrap()[1..4])
}

#[test]
fn pods_are_summed_up() {
    let running = json!({"phase": "Running", "containerStatuses": [
        {"name": "a", "ready": true, "restartCount": 0, "state": {"running": {}}},
        {"name": "b", "ready": true, "restartCount": 2, "state": {"running": {}},
         "lastState": {"terminated": {"finishedAt": "2026-11-20T10:02:20Z"}}}]});
    assert_eq!(pod(&running), json!(["2/2", "Running", "2 (60s ago)"]));
    assert_eq!(pod(&json!({"phase": "Pending"})), json!(["0/2", "Pending", "0"]));
    let crashing = json!({"phase": "Running", "containerStatuses": [
        {"name": "a", "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    assert_eq!(pod(&crashing), json!(["0/2", "CrashLoopBackOff", "1"]));
    let init = json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]});
    assert_eq!(pod(&init), json!(["0/2", "Init:0/1", "0"]));
    let failed = json!({"phase": "Pending", "initContainerStatuses": [
        {"name": "i", "state": {"terminated": {"exitCode": 3}}}]});
    assert_eq!(pod(&failed), json!(["0/2", "Init:ExitCode:3", "0"]));
    let done = json!({"phase": "Succeeded", "containerStatuses": [
        {"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]});
    assert_eq!(pod(&done), json!(["0/2", "Completed", "0"]));
}

#[test]
fn deleted_pods_terminate() {
    let object = json!({"metadata": {"deletionTimestamp": "2026-11-20T10:00:00Z"}, "status": {"phase": "Running"}});
    assert_eq!(cells("v1", "Pod", &object)[2], "Terminating");
}

#[test]
fn finished_pods_are_marked() {
    let object = json!({"kind": "Pod", "status": {"phase": "Failed"}});
    let now = "2026-11-20T10:03:20Z".parse().unwrap();
    let table = table(by_kind("v1", "Pod").unwrap(), &[&object], now);
    assert_eq!(table["rows"][0]["conditions"][0]["reason"], "Failed");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[test]
fn workloads_are_counted() {
    let template = json!({"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:2"}]}});
    let deployment = json!({"spec": {"replicas": 3, "selector": {"matchLabels": {"b": "2", "a": "1"}}, "template": template},
        "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}});
    assert_eq!(
        cells("apps/v1", "Deployment", &deployment),
        json!(["it", "2/3", 3, 2, "3m20s", "a,b", "x:1,y:2", "a=1,b=2"])
    );
    let job = json!({"spec": {"completions": 1, "template": template}, "status": {"succeeded": 1,
        "startTime": "2026-11-20T10:00:00Z", "completionTime": "2026-11-20T10:00:07Z",
        "conditions": [{"type": "Complete", "status": "True"}]}});
    assert_eq!(
        cells("batch/v1", "Job", &job),
        json!(["it", "Complete", "1/1", "7s", "3m20s", "a,b", "x:1,y:2", "<none>"])
    );
    let autoscaler = json!({"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 5,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}]},
        "status": {"currentReplicas": 2, "currentMetrics": [{"type": "Resource", "resource": {"current": {"averageUtilization": 7}}}]}});
    assert_eq!(
        cells("autoscaling/v2", "HorizontalPodAutoscaler", &autoscaler),
        json!(["it", "Deployment/web", "cpu: 7%/80%", "1", 5, 2, "3m20s"])
    );
}

#[test]
fn services_and_ingresses_show_their_addresses() {
    let service = json!({"spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "clusterIP": "10.96.0.7",
        "ports": [{"port": 80, "nodePort": 30001, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}], "selector": {"a": "b"}}});
    assert_eq!(
        cells("v1", "Service", &service),
        json!([
            "it",
            "LoadBalancer",
            "10.96.0.7",
            "<pending>",
            "80:30001/TCP,53/UDP",
            "3m20s",
            "a=b"
        ])
    );
    let ingress = json!({"spec": {"ingressClassName": "zarpa", "rules": [{"host": "a"}, {"host": "b"}, {"host": "c"}, {"host": "d"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}});
    assert_eq!(
        cells("networking.k8s.io/v1", "Ingress", &ingress),
        json!(["it", "zarpa", "a,b,c + 1 more...", "127.0.0.1", "80", "3m20s"])
    );
    let endpoints = json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "ports": [{"port": 80}]}]});
    assert_eq!(cells("v1", "Endpoints", &endpoints)[1], "10.0.0.1:80,10.0.0.2:80");
}

#[test]
fn claims_show_their_volume() {
    let claim = json!({"spec": {"volumeName": "pv", "storageClassName": "standard", "volumeMode": "Filesystem"},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}});
    assert_eq!(
        cells("v1", "PersistentVolumeClaim", &claim),
        json!(["it", "Bound", "pv", "1Gi", "RWO", "standard", "<unset>", "3m20s", "Filesystem"])
    );
}

#[test]
fn nodes_and_events_are_shown() {
    let node = json!({"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.34.4"},
        "addresses": [{"type": "InternalIP", "address": "10.244.0.1"}]}});
    assert_eq!(
        cells("v1", "Node", &node),
        json!([
            "it",
            "Ready",
            "control-plane",
            "3m20s",
            "v1.34.4",
            "10.244.0.1",
            "<none>",
            "<unknown>",
            "<unknown>",
            "<unknown>"
        ])
    );
    let event = json!({"type": "Warning", "reason": "BackOff", "message": "slow ", "involvedObject": {"kind": "Pod", "name": "web"},
        "firstTimestamp": "2026-11-20T10:00:00Z", "lastTimestamp": "2026-11-20T10:03:00Z", "count": 4,
        "source": {"component": "kubelet", "host": "zarpa"}});
    assert_eq!(
        cells("v1", "Event", &event),
        json!([
            "20s",
            "Warning",
            "BackOff",
            "pod/web",
            "",
            "kubelet, zarpa",
            "slow",
            "3m20s",
            4,
            "it"
        ])
    );
}

#[test]
fn kinds_without_columns_show_when_they_were_made() {
    assert_eq!(
        cells("rbac.authorization.k8s.io/v1", "Role", &json!({})),
        json!(["it", "2026-11-20T10:00:00Z"])
    );
}
