//! What other objects have to say about a write.

use serde_json::json;

use super::{Cluster, MAPS, PODS, SERVICES, config_map, pod};

#[tokio::test]
async fn nothing_comes_into_a_namespace_that_is_missing_or_going() {
    let it = Cluster::start().await;
    let path = "/api/v1/namespaces/nowhere/configmaps";
    let missing = it.post(path, config_map("a", &json!({}))).await;
    assert_eq!(missing.refusal(), (404, "NotFound", "namespaces \"nowhere\" not found"));

    it.delete("/api/v1/namespaces/dev", json!({})).await.expect(200);
    let going = it.post(MAPS, config_map("a", &json!({}))).await;
    assert_eq!(
        going.refusal(),
        (
            403,
            "Forbidden",
            "configmaps \"a\" is forbidden: unable to create new content in namespace dev because it is being terminated"
        )
    );
    assert_eq!(going.body["details"]["causes"][0]["reason"], "NamespaceTerminating");
}

#[tokio::test]
async fn a_namespace_goes_when_it_is_finalized() {
    let it = Cluster::start().await;
    it.delete("/api/v1/namespaces/dev", json!({})).await.expect(200);
    let mut namespace = it.get("/api/v1/namespaces/dev").await.expect(200);
    assert_eq!(namespace["status"]["phase"], "Terminating");
    namespace["spec"]["finalizers"] = json!([]);
    it.put("/api/v1/namespaces/dev/finalize", namespace).await.expect(200);
    assert_eq!(it.get("/api/v1/namespaces/dev").await.code, 404);
    let kept = it.delete("/api/v1/namespaces/default", json!({})).await;
    assert_eq!(
        kept.refusal().2,
        "namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
}

#[tokio::test]
async fn a_pod_runs_as_its_account_with_its_token() {
    let it = Cluster::start().await;
    let made = it.create(PODS, pod("web")).await;
    assert_eq!(made["spec"]["serviceAccountName"], "default");
    let mount = &made["spec"]["containers"][0]["volumeMounts"][0];
    assert_eq!(mount["mountPath"], "/var/run/secrets/kubernetes.io/serviceaccount");
    assert_eq!(made["spec"]["volumes"][0]["name"], mount["name"]);
    assert_eq!(made["spec"]["priority"], 0);
    assert_eq!(made["spec"]["tolerations"].as_array().unwrap().len(), 2);

    let mut other = pod("other");
    other["spec"]["serviceAccountName"] = "nobody".into();
    let refused = it.post(PODS, other).await;
    assert_eq!(
        refused.refusal().2,
        "pods \"other\" is forbidden: error looking up service account dev/nobody: serviceaccount \"nobody\" not found"
    );
    let mut important = pod("important");
    important["spec"]["priorityClassName"] = "system-cluster-critical".into();
    assert_eq!(it.create(PODS, important).await["spec"]["priority"], 2_000_000_000);
}

#[tokio::test]
async fn the_first_pod_of_a_namespace_waits_for_its_account() {
    let it = Cluster::start().await;
    it.create("/api/v1/namespaces", json!({ "metadata": { "name": "new" } })).await;
    let creating = tokio::spawn({
        let it = it.clone();
        async move { it.post("/api/v1/namespaces/new/pods", pod("first")).await.code }
    });
    tokio::task::yield_now().await;
    let account = json!({ "metadata": { "name": "default" } });
    it.create("/api/v1/namespaces/new/serviceaccounts", account).await;
    assert_eq!(creating.await.unwrap(), 201);
}

#[tokio::test]
async fn services_share_addresses_and_ports() {
    let it = Cluster::start().await;
    let service =
        |name: &str, spec: serde_json::Value| json!({ "metadata": { "name": name }, "spec": spec });
    let ports = json!([{ "port": 80 }]);
    let first = it.create(SERVICES, service("a", json!({ "ports": ports }))).await;
    let address = first["spec"]["clusterIP"].clone();
    assert!(address.as_str().unwrap().starts_with("10.96."));
    let same = service("b", json!({ "ports": ports, "clusterIP": address }));
    let refused = it.post(SERVICES, same).await;
    assert_eq!(refused.refusal().0, 422);
    assert!(refused.refusal().2.contains("provided IP is already allocated"), "{}", refused.body);

    let spec = json!({ "type": "NodePort", "ports": ports });
    let node_port = it.create(SERVICES, service("c", spec)).await;
    assert_eq!(node_port["spec"]["ports"][0]["nodePort"], 30000);
    let path = format!("{SERVICES}/c");
    let kept = it.put(&path, service("c", json!({ "type": "NodePort", "ports": ports }))).await;
    assert_eq!(kept.expect(200)["spec"]["ports"][0]["nodePort"], 30000);
    let inner = it.merge(&path, json!({ "spec": { "type": "ClusterIP" } })).await.expect(200);
    assert!(inner["spec"]["ports"][0].get("nodePort").is_none(), "{inner}");
    let headless = service("d", json!({ "ports": ports, "clusterIP": "None" }));
    assert_eq!(it.create(SERVICES, headless).await["spec"]["clusterIPs"], json!(["None"]));
}

#[tokio::test]
async fn classes_have_defaults() {
    let it = Cluster::start().await;
    let claim = json!({ "metadata": { "name": "a" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
    } });
    let path = "/api/v1/namespaces/dev/persistentvolumeclaims";
    assert_eq!(it.create(path, claim).await["spec"]["storageClassName"], "standard");
    let ingress = json!({ "metadata": { "name": "a" }, "spec": {
        "defaultBackend": { "service": { "name": "a", "port": { "number": 80 } } },
    } });
    let path = "/apis/networking.k8s.io/v1/namespaces/dev/ingresses";
    assert_eq!(it.create(path, ingress).await["spec"]["ingressClassName"], "zarpa");
}

#[tokio::test]
async fn what_the_cluster_does_not_do_is_said() {
    let it = Cluster::start().await;
    let definition = json!({ "metadata": { "name": "unicorns.example.com" }, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": { "plural": "unicorns", "kind": "Unicorn" },
        "versions": [{ "name": "v1", "served": true, "storage": true }],
    } });
    let refused =
        it.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
    assert!(
        refused
            .refusal()
            .2
            .ends_with("this cluster does not support CustomResourceDefinitions yet")
    );
    let quota = json!({ "metadata": { "name": "a" }, "spec": { "hard": { "pods": "1" } } });
    let told = it.post("/api/v1/namespaces/dev/resourcequotas", quota).await;
    assert_eq!(
        told.warnings,
        ["299 - \"this cluster stores a ResourceQuota but does not enforce it\""]
    );
    let attach = it.post(&format!("{PODS}/a/attach"), json!({})).await;
    assert_eq!(
        attach.refusal(),
        (501, "NotImplemented", "this cluster does not support pods/attach yet")
    );
}

#[tokio::test]
async fn an_eviction_spends_the_budget() {
    let it = Cluster::start().await;
    it.create(PODS, pod("web")).await;
    let running = json!({ "status": { "phase": "Running" } });
    it.merge(&format!("{PODS}/web/status"), running).await.expect(200);
    let budget = json!({ "metadata": { "name": "web" }, "spec": {
        "minAvailable": 1, "selector": { "matchLabels": { "app": "web" } },
    } });
    let budgets = "/apis/policy/v1/namespaces/dev/poddisruptionbudgets";
    it.create(budgets, budget).await;
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "web" },
    });
    let refused = it.post(&format!("{PODS}/web/eviction"), eviction.clone()).await;
    assert_eq!((refused.refusal().0, refused.refusal().1), (429, "TooManyRequests"));
    assert_eq!(refused.body["details"]["causes"][0]["reason"], "DisruptionBudget");
    let allowed = json!({ "status": { "disruptionsAllowed": 1 } });
    it.merge(&format!("{budgets}/web/status"), allowed).await.expect(200);
    it.post(&format!("{PODS}/web/eviction"), eviction).await.expect(201);
    assert_eq!(it.get(&format!("{PODS}/web")).await.code, 404);
}

#[tokio::test]
async fn events_are_the_same_in_both_groups() {
    let it = Cluster::start().await;
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "name": "a" }, "eventTime": "2026-11-20T10:00:00.000000Z",
        "reportingController": "test", "reportingInstance": "test", "action": "Test",
        "reason": "Tested", "type": "Normal", "note": "it works",
        "regarding": { "kind": "Pod", "namespace": "dev", "name": "web" },
    });
    it.create("/apis/events.k8s.io/v1/namespaces/dev/events", event).await;
    let core = it.get("/api/v1/namespaces/dev/events/a").await.expect(200);
    assert_eq!((&core["apiVersion"], &core["message"]), (&json!("v1"), &json!("it works")));
    assert_eq!(core["involvedObject"]["name"], "web");
    let list = it.get("/apis/events.k8s.io/v1/events").await.expect(200);
    assert_eq!(list["items"][0]["note"], "it works");
}

#[tokio::test]
async fn a_namespace_demands_secure_pods_by_its_labels() {
    let it = Cluster::start().await;
    let labels = json!({ "metadata": { "labels": {
        "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
    } } });
    it.merge("/api/v1/namespaces/dev", labels).await.expect(200);
    let refused = it.post(PODS, pod("web")).await;
    assert_eq!(refused.refusal().0, 403);
    let message = refused.refusal().2;
    assert!(message.starts_with("pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false"), "{message}");
    let told = it.post(super::DEPLOYMENTS, super::deployment("web")).await;
    assert_eq!(told.code, 201);
    assert!(told.warnings[0].contains("would violate PodSecurity"), "{:?}", told.warnings);
    let other =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "baseline" } } });
    it.merge("/api/v1/namespaces/dev", other).await.expect(200);
    it.create(PODS, pod("web")).await;
}
