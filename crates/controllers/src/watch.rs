//! One watch of one kind: a list, then every change, for as long as the process runs.

use std::{pin::pin, time::Duration};

use futures_util::TryStreamExt as _;
use kube::core::WatchEvent;
use reconcile::Kind;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use crate::{engine::Event, request};

const RETRY_MS_MIN: u64 = 20;
const RETRY_MS_MAX: u64 = 5_000;

/// Sends all objects of a kind, then their changes, to the loop; ends when the loop has.
pub(crate) async fn watch(client: kube::Client, kind: Kind, events: mpsc::Sender<Event>) {
    let mut retry = Retry { ms: RETRY_MS_MIN };
    while !events.is_closed() {
        let Some(version) = list(&client, kind, &events).await else {
            retry.wait().await;
            continue;
        };
        follow(&client, kind, version, &events).await;
    }
}

struct Retry {
    ms: u64,
}

impl Retry {
    async fn wait(&mut self) {
        sleep(Duration::from_millis(self.ms)).await;
        self.ms = (self.ms * 2).min(RETRY_MS_MAX);
    }

    fn reset(&mut self) {
        self.ms = RETRY_MS_MIN;
    }
}

/// Lists a kind and gives the version to watch from; `None` when that failed.
async fn list(client: &kube::Client, kind: Kind, events: &mpsc::Sender<Event>) -> Option<String> {
    let mut list = match client.request::<Value>(request::list(kind)).await {
        Ok(list) => list,
        Err(kube::Error::Api(status)) if status.code == 404 => {
            tracing::debug!(kind = kind.plural, "the server does not serve this kind");
            let empty = Event::Listed { kind, items: Vec::new(), revision: "0".to_owned() };
            // A closed channel is how the loop ends this task.
            let _closed = events.send(empty).await;
            events.closed().await;
            return None;
        }
        Err(error) => {
            tracing::warn!(
                kind = kind.plural,
                error = &error as &dyn std::error::Error,
                "could not list"
            );
            return None;
        }
    };
    let items = match list["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    events.send(Event::Listed { kind, items, revision: revision.clone() }).await.ok()?;
    Some(revision)
}

/// Follows a kind from a version on, over as many requests as the server makes of it, until the version is too old.
async fn follow(
    client: &kube::Client,
    kind: Kind,
    mut version: String,
    events: &mpsc::Sender<Event>,
) {
    let mut retry = Retry { ms: RETRY_MS_MIN };
    while !events.is_closed() {
        let started = Instant::now();
        match follow_once(client, kind, &mut version, events).await {
            Ok(()) => {}
            Err(kube::Error::Api(status)) if status.code == 410 => return,
            Err(error) => {
                tracing::debug!(
                    kind = kind.plural,
                    error = &error as &dyn std::error::Error,
                    "watch ended"
                );
            }
        }
        if started.elapsed() > Duration::from_secs(1) {
            retry.reset();
        }
        retry.wait().await;
    }
}

async fn follow_once(
    client: &kube::Client,
    kind: Kind,
    version: &mut String,
    events: &mpsc::Sender<Event>,
) -> Result<(), kube::Error> {
    let mut stream = pin!(client.request_events::<Value>(request::watch(kind, version)).await?);
    while let Some(event) = tokio::select! {
        event = stream.try_next() => event?,
        () = events.closed() => None,
    } {
        let event = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                remember(version, &object);
                Event::Seen { kind, object }
            }
            WatchEvent::Deleted(object) => {
                remember(version, &object);
                Event::Gone { kind, object }
            }
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        };
        if events.send(event).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn remember(version: &mut String, object: &Value) {
    if let Some(seen) = object["metadata"]["resourceVersion"].as_str() {
        seen.clone_into(version);
    }
}
