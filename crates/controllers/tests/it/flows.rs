//! From what a user writes to what the controllers make of it.

use std::path::Path;

use controllers::Config;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fake::{Fake, State};

const PODS: &str = "/api/v1/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const SETS: &str = "/apis/apps/v1/replicasets";
const NAMESPACES: &str = "/api/v1/namespaces";
const CLAIMS: &str = "/api/v1/persistentvolumeclaims";

/// A cluster of one node, with the controllers running until the guard is dropped.
fn start() -> (Fake, DropGuard, tempfile::TempDir) {
    let fake = Fake::new();
    fake.create(
        "/api/v1/nodes",
        json!({
            "metadata": { "name": "zarpa", "labels": { "kubernetes.io/hostname": "zarpa" } },
            "status": { "allocatable": { "cpu": "2", "memory": "1Gi", "pods": "110" } },
        }),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let guard = run(&fake, folder.path());
    (fake, guard, folder)
}

fn run(fake: &Fake, volumes_dir: &Path) -> DropGuard {
    let config = Config {
        node_name: "zarpa".to_owned(),
        ca: "CA".to_owned(),
        volumes_dir: volumes_dir.to_owned(),
        ingress: Some(([127, 0, 0, 1].into(), 8080)),
    };
    let shutdown = CancellationToken::new();
    tokio::spawn(controllers::run(fake.client(), config, shutdown.clone()));
    shutdown.drop_guard()
}

fn deployment(replicas: i64) -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "d" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [] } },
        },
    })
}

fn n_bound(state: &State) -> usize {
    state.list(PODS).filter(|it| it["spec"]["nodeName"] == "zarpa").count()
}

fn web(state: &State) -> &Value {
    state.get(DEPLOYMENTS, "d", "web").expect("it is there")
}

#[tokio::test]
async fn a_deployment_becomes_bound_pods_and_nothing_more() {
    let (fake, _guard, _folder) = start();
    fake.create(DEPLOYMENTS, deployment(3));
    fake.until("three pods are bound", |it| n_bound(it) == 3).await;
    fake.until("the status counts them", |it| web(it)["status"]["replicas"] == 3).await;
    fake.until("the scaling is told", |it| {
        it.list("/api/v1/events").any(|it| it["reason"] == "ScalingReplicaSet")
    })
    .await;
    let state = fake.state();
    assert_eq!(state.list(PODS).count(), 3);
    assert_eq!(web(&state)["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    assert_eq!(web(&state)["status"]["observedGeneration"], 1);
}

#[tokio::test]
async fn after_a_restart_only_what_is_missing_is_done() {
    let (fake, guard, folder) = start();
    fake.create(DEPLOYMENTS, deployment(3));
    fake.until("the status is complete", |it| web(it)["status"]["replicas"] == 3).await;
    drop(guard);
    fake.create(DEPLOYMENTS, {
        let mut other = deployment(1);
        other["metadata"]["name"] = "other".into();
        other["spec"]["selector"]["matchLabels"]["app"] = "other".into();
        other["spec"]["template"]["metadata"]["labels"]["app"] = "other".into();
        other
    });
    let name = fake.state().list(PODS).next().expect("one of three")["metadata"]["name"].clone();
    fake.delete(PODS, "d", name.as_str().expect("a name"));
    let _guard = run(&fake, folder.path());
    fake.until("both are as they should be", |it| n_bound(it) == 4).await;
    assert_eq!(fake.state().list(PODS).count(), 4);
    assert_eq!(fake.state().list(SETS).count(), 2);
}

#[tokio::test]
async fn conflicts_are_decided_again() {
    let (fake, _guard, _folder) = start();
    fake.state().n_conflicts = 5;
    fake.create(DEPLOYMENTS, deployment(2));
    fake.until("the status is written in the end", |it| web(it)["status"]["replicas"] == 2).await;
    assert_eq!(fake.state().list(PODS).count(), 2);
}

#[tokio::test]
async fn what_a_deployment_owns_goes_with_it() {
    let (fake, _guard, _folder) = start();
    fake.create(DEPLOYMENTS, deployment(2));
    fake.until("two pods are bound", |it| n_bound(it) == 2).await;
    fake.delete(DEPLOYMENTS, "d", "web");
    fake.until("nothing is left", |it| {
        it.list(PODS).next().is_none() && it.list(SETS).next().is_none()
    })
    .await;
}

#[tokio::test]
async fn an_owner_that_was_never_seen_is_looked_for_before_its_dependent_goes() {
    let (fake, _guard, _folder) = start();
    let owner =
        json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "gone", "uid": "gone" });
    fake.create(
        PODS,
        json!({ "metadata": { "name": "a", "namespace": "d", "ownerReferences": [owner] } }),
    );
    fake.until("the pod is collected", |it| it.list(PODS).next().is_none()).await;
}

#[tokio::test]
async fn a_namespace_is_furnished_and_emptied() {
    let (fake, _guard, _folder) = start();
    fake.create(
        NAMESPACES,
        json!({ "metadata": { "name": "d" }, "spec": { "finalizers": ["kubernetes"] } }),
    );
    fake.until("it has its account and its certificate", |it| {
        it.get("/api/v1/serviceaccounts", "d", "default").is_some()
            && it
                .get("/api/v1/configmaps", "d", "kube-root-ca.crt")
                .is_some_and(|it| it["data"]["ca.crt"] == "CA")
    })
    .await;
    fake.create(DEPLOYMENTS, deployment(2));
    fake.until("two pods are bound", |it| n_bound(it) == 2).await;
    fake.delete(NAMESPACES, "", "d");
    fake.until("it is gone", |it| it.get(NAMESPACES, "", "d").is_none()).await;
    assert_eq!(fake.state().list(PODS).count(), 0);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the folder is what is tested")]
async fn a_claim_gets_its_folder_when_its_pod_is_placed() {
    let (fake, _guard, folder) = start();
    fake.create(
        "/apis/storage.k8s.io/v1/storageclasses",
        json!({
            "metadata": { "name": "standard" },
            "provisioner": controllers::PROVISIONER,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
        }),
    );
    fake.create(
        CLAIMS,
        json!({
            "metadata": { "name": "data", "namespace": "d" },
            "spec": {
                "storageClassName": "standard",
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } },
            },
        }),
    );
    fake.until("it waits", |it| {
        it.get(CLAIMS, "d", "data").is_some_and(|it| it["status"]["phase"] == "Pending")
    })
    .await;
    fake.create(PODS, json!({
        "metadata": { "name": "a", "namespace": "d" },
        "spec": { "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }] },
    }));
    fake.until("the pod is bound", |it| n_bound(it) == 1).await;
    let volume =
        fake.state().get(CLAIMS, "d", "data").expect("it is there")["spec"]["volumeName"].clone();
    let volume = folder.path().join(volume.as_str().expect("it is bound"));
    assert!(volume.is_dir());

    // A claim that nothing protects may go before its pod; the volume stays for as long as the pod does.
    fake.delete(CLAIMS, "d", "data");
    fake.until("the volume is released", |it| {
        it.list("/api/v1/persistentvolumes").all(|it| it["status"]["phase"] == "Released")
    })
    .await;
    assert!(volume.is_dir());
    fake.delete(PODS, "d", "a");
    fake.until("the volume goes", |it| it.list("/api/v1/persistentvolumes").next().is_none()).await;
    assert!(!volume.exists());
}

#[tokio::test]
async fn services_and_ingresses_are_told_where_they_are_reached() {
    let (fake, _guard, _folder) = start();
    fake.create(
        "/api/v1/services",
        json!({
            "metadata": { "name": "web", "namespace": "d" },
            "spec": {
                "clusterIP": "10.96.0.2",
                "selector": { "app": "web" },
                "ports": [{ "port": 80, "targetPort": "http", "protocol": "TCP", "name": "" }],
            },
        }),
    );
    fake.create(
        "/apis/networking.k8s.io/v1/ingresses",
        json!({ "metadata": { "name": "web", "namespace": "d" } }),
    );
    fake.create(PODS, json!({
        "metadata": { "name": "a", "namespace": "d", "labels": { "app": "web" } },
        "spec": { "containers": [{ "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }] }] },
        "status": {
            "phase": "Running",
            "podIP": "10.244.0.2",
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    }));
    fake.until("a slice has the pod", |it| {
        it.list("/apis/discovery.k8s.io/v1/endpointslices").any(|it| {
            it["endpoints"][0]["addresses"][0] == "10.244.0.2"
                && it["endpoints"][0]["conditions"]["ready"] == true
                && it["ports"][0]["port"] == 8080
        })
    })
    .await;
    fake.until("endpoints have it too", |it| {
        let endpoints = it.get("/api/v1/endpoints", "d", "web");
        endpoints.is_some_and(|it| it["subsets"][0]["addresses"][0]["ip"] == "10.244.0.2")
    })
    .await;
    fake.until("the ingress has its address", |it| {
        let ingress = it.get("/apis/networking.k8s.io/v1/ingresses", "d", "web");
        ingress.is_some_and(|it| {
            it["status"]["loadBalancer"]["ingress"][0]["ports"][0]["port"] == 8080
        })
    })
    .await;
}
