//! A kube client in the same process: what controllers, kubelet and deploy hold.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{AttachParams, DeleteParams, LogParams, Patch, PatchParams, PostParams, WatchParams},
    runtime::watcher,
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Cluster, PODS, pod};

fn client(it: &Cluster) -> Client {
    Client::new(it.service.clone(), "dev")
}

fn map(name: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    map.data = Some(BTreeMap::from([("a".to_owned(), "1".to_owned())]));
    map
}

#[tokio::test]
async fn typed_objects_go_in_and_out() {
    let it = Cluster::start().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&it));
    maps.create(&PostParams::default(), &map("a")).await.unwrap();
    let params = PatchParams::apply("test").force();
    let patch = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "b": "2" } });
    let patched = maps.patch("a", &params, &Patch::Apply(patch)).await.unwrap();
    assert_eq!(patched.data.unwrap().len(), 2);
    assert_eq!(maps.list(&Default::default()).await.unwrap().items.len(), 1);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let error = maps.get("a").await.unwrap_err();
    assert!(matches!(error, kube::Error::Api(ref status) if status.is_not_found()), "{error}");
}

#[tokio::test]
async fn a_watch_and_both_kinds_of_watchers_see_objects() {
    let it = Cluster::start().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&it));
    maps.create(&PostParams::default(), &map("a")).await.unwrap();
    let mut events = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    assert!(events.try_next().await.unwrap().is_some());
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut events = watcher(maps.clone(), config).boxed();
        let mut seen = Vec::new();
        while let Some(event) = events.try_next().await.unwrap() {
            match event {
                watcher::Event::InitApply(map) => seen.push(map.name_any()),
                watcher::Event::InitDone => break,
                _ => {}
            }
        }
        assert_eq!(seen, ["a"]);
    }
}

async fn running_pod(it: &Cluster) -> Api<Pod> {
    it.create(PODS, pod("web")).await;
    let binding = json!({ "target": { "kind": "Node", "name": "zarpa" } });
    it.post(&format!("{PODS}/web/binding"), binding).await.expect(201);
    let status = json!({ "status": { "phase": "Running", "containerStatuses": [{
        "name": "web", "ready": true, "restartCount": 0, "image": "web:1", "imageID": "",
        "state": { "running": { "startedAt": "2026-11-20T10:00:00Z" } },
    }] } });
    it.merge(&format!("{PODS}/web/status"), status).await.expect(200);
    Api::default_namespaced(client(it))
}

#[tokio::test]
async fn logs_come_from_the_node() {
    let it = Cluster::start().await;
    let pods = running_pod(&it).await;
    let params = LogParams { tail_lines: Some(3), ..LogParams::default() };
    assert_eq!(pods.logs("web", &params).await.unwrap(), "web/web follow=false tail=Some(3)\n");
    let other = LogParams { container: Some("other".to_owned()), ..LogParams::default() };
    let error = pods.logs("web", &other).await.unwrap_err().to_string();
    assert!(error.contains("container other is not valid for pod web"), "{error}");
    it.create(PODS, pod("waiting")).await;
    let error = pods.logs("waiting", &LogParams::default()).await.unwrap_err().to_string();
    assert!(error.contains("pod waiting does not have a host assigned"), "{error}");
}

#[tokio::test]
async fn a_port_is_forwarded() {
    let it = Cluster::start().await;
    let pods = running_pod(&it).await;
    let mut forwarder = pods.portforward("web", &[8080, 1]).await.unwrap();
    let mut stream = forwarder.take_stream(8080).unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut echoed = [0; 5];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"hello");
    let error = forwarder.take_error(1).unwrap().await.unwrap();
    assert!(error.contains("could not connect to port 1 of pod \"web\""), "{error}");
}

#[tokio::test]
async fn a_command_runs_with_its_streams_and_exit_code() {
    let it = Cluster::start().await;
    let pods = running_pod(&it).await;
    for (command, status) in [(vec!["sh"], "Success"), (vec!["sh", "-c"], "Failure")] {
        let params = AttachParams::default().stdin(true).stderr(false);
        let mut process = pods.exec("web", command, &params).await.unwrap();
        let mut stdin = process.stdin().unwrap();
        let mut stdout = process.stdout().unwrap();
        let ended = process.take_status().unwrap();
        stdin.write_all(b"hello").await.unwrap();
        stdin.shutdown().await.unwrap();
        drop(stdin);
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "HELLO");
        assert_eq!(ended.await.unwrap().status.as_deref(), Some(status));
    }
}
