//! Watches: what happens, selected, from any moment that is remembered.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::{Cluster, MAPS, config_map};

/// A watch that is being read.
struct Watching {
    body: apiserver::Body,
    read: Vec<u8>,
}

impl Watching {
    async fn start(it: &Cluster, path: &str) -> Self {
        let request = Request::get(path).body(Full::<Bytes>::default()).unwrap();
        let response = it.send(request).await;
        assert_eq!(response.status(), 200);
        Self { body: response.into_body(), read: Vec::new() }
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.read.iter().position(|it| *it == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return serde_json::from_slice(&line).unwrap();
            }
            let frame = self.body.frame().await.expect("the watch goes on").unwrap();
            self.read.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// Type and name of the next event.
    async fn short(&mut self) -> (String, String) {
        let event = self.next().await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }
}

fn event(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

#[tokio::test]
async fn a_watch_tells_what_happens_after_a_list() {
    let it = Cluster::start().await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    let list = it.get(MAPS).await.expect(200);
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{MAPS}?watch=true&resourceVersion={version}");
    let mut watch = Watching::start(&it, &path).await;
    it.create(MAPS, config_map("b", &json!({}))).await;
    it.merge(&format!("{MAPS}/a"), json!({ "data": { "b": "1" } })).await.expect(200);
    it.delete(&format!("{MAPS}/a"), json!({})).await.expect(200);
    assert_eq!(watch.short().await, event("ADDED", "b"));
    assert_eq!(watch.short().await, event("MODIFIED", "a"));
    let deleted = watch.next().await;
    assert_eq!(deleted["type"], "DELETED");
    assert_eq!(deleted["object"]["kind"], "ConfigMap");
    assert_eq!(deleted["object"]["metadata"]["resourceVersion"], it.store.revision().to_string());
}

#[tokio::test]
async fn a_selector_turns_changes_into_comings_and_goings() {
    let it = Cluster::start().await;
    let path = format!("{MAPS}?watch=1&labelSelector=app%3Dweb");
    let mut watch = Watching::start(&it, &path).await;
    it.create(MAPS, config_map("a", &json!({ "app": "other" }))).await;
    let label = |value: &str| json!({ "metadata": { "labels": { "app": value } } });
    it.merge(&format!("{MAPS}/a"), label("web")).await.expect(200);
    it.merge(&format!("{MAPS}/a"), json!({ "data": { "b": "1" } })).await.expect(200);
    it.merge(&format!("{MAPS}/a"), label("other")).await.expect(200);
    it.delete(&format!("{MAPS}/a"), json!({})).await.expect(200);
    it.create(MAPS, config_map("b", &json!({ "app": "web" }))).await;
    assert_eq!(watch.short().await, event("ADDED", "a"));
    assert_eq!(watch.short().await, event("MODIFIED", "a"));
    assert_eq!(watch.short().await, event("DELETED", "a"));
    assert_eq!(watch.short().await, event("ADDED", "b"));
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let it = Cluster::start().await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    let path = format!(
        "{MAPS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    );
    let mut watch = Watching::start(&it, &path).await;
    assert_eq!(watch.short().await, event("ADDED", "a"));
    let bookmark = watch.next().await;
    assert_eq!(bookmark["type"], "BOOKMARK");
    let metadata = &bookmark["object"]["metadata"];
    assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(metadata["resourceVersion"], it.store.revision().to_string());
    let wrong = it.get(&format!("{MAPS}?watch=true&sendInitialEvents=true")).await;
    assert_eq!(wrong.refusal().0, 422);
}

#[tokio::test]
async fn a_forgotten_moment_is_gone() {
    let it = Cluster::start().await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    for n in 0..5000 {
        let map = it.store.get("/core/configmaps/dev/a").unwrap();
        let mut object = map.object();
        object["data"]["n"] = n.to_string().into();
        it.store.update("/core/configmaps/dev/a", object, map.mod_revision).await.unwrap();
    }
    let mut watch = Watching::start(&it, &format!("{MAPS}?watch=true&resourceVersion=2")).await;
    let error = watch.next().await;
    assert_eq!(error["type"], "ERROR");
    assert_eq!(
        (&error["object"]["code"], &error["object"]["reason"]),
        (&json!(410), &json!("Expired"))
    );
    assert!(watch.body.frame().await.is_none(), "the watch ends");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_is_told_how_far_it_has_come() {
    let it = Cluster::start().await;
    let path = format!("{MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=90");
    let mut watch = Watching::start(&it, &path).await;
    let bookmark = watch.next().await;
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"]["resourceVersion"], it.store.revision().to_string());
    assert!(watch.body.frame().await.is_none(), "the watch ends with its time");
}

#[tokio::test]
async fn one_object_can_be_watched_as_a_table() {
    let it = Cluster::start().await;
    let request = Request::get(format!("{MAPS}?watch=true&fieldSelector=metadata.name%3Da"))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = it.send(request).await;
    let mut watch = Watching { body: response.into_body(), read: Vec::new() };
    it.create(MAPS, config_map("ab", &json!({}))).await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    it.merge(&format!("{MAPS}/a"), json!({ "data": { "b": "1" } })).await.expect(200);
    let first = watch.next().await;
    assert_eq!(first["object"]["rows"][0]["cells"][0], "a");
    assert_ne!(first["object"]["columnDefinitions"], json!([]));
    assert_eq!(watch.next().await["object"]["columnDefinitions"], json!([]));
}
