//! Events on pods: told once, counted when they happen again, and never more than readers can bear.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference, Pod},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::clock;

const COMPONENT: &str = "kubelet";
const NOTES_WAITING_MAX: usize = 1024;
const KNOWN_MAX: usize = 4096;
/// Source: Kubernetes 1.34, `client-go/tools/record/events_cache.go`.
const BURST: f64 = 25.0;
const REFILL_PER_S: f64 = 1.0 / 300.0;

/// Something that happened to a pod.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) pod: Arc<Pod>,
    /// `spec.containers{web}`, when it happened to a container.
    pub(crate) field_path: Option<String>,
    pub(crate) is_warning: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// Takes notes; clones write to the same queue.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    tx: mpsc::Sender<(Note, Timestamp)>,
}

impl Recorder {
    /// Returns the recorder, and the work that writes what it is told until all clones are gone.
    pub(crate) fn new(
        client: Client,
        node_name: String,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (tx, rx) = mpsc::channel(NOTES_WAITING_MAX);
        (Self { tx }, write_all(client, node_name, rx))
    }

    /// Notes an event; when the queue is full it is lost, as upstream loses it.
    pub(crate) fn record(&self, note: Note) {
        if let Err(error) = self.tx.try_send((note, clock::now())) {
            tracing::debug!(%error, "an event was dropped");
        }
    }
}

async fn write_all(client: Client, node_name: String, mut rx: mpsc::Receiver<(Note, Timestamp)>) {
    let mut ledger = Ledger::default();
    while let Some((note, now)) = rx.recv().await {
        let namespace = note.pod.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let result = match ledger.take(&note, now) {
            Entry::Refused => continue,
            Entry::New { name } => {
                let event = event(&note, &node_name, name, now);
                api.create(&PostParams::default(), &event).await.map(drop)
            }
            Entry::Again { name, count } => {
                let patch = json!({"count": count, "lastTimestamp": Time(now)});
                let params = PatchParams::default();
                api.patch(&name, &params, &Patch::Merge(patch)).await.map(drop)
            }
        };
        if let Err(error) = result {
            // Events are a courtesy: the next one that is like it begins anew.
            tracing::debug!(%error, reason = note.reason, "could not write an event");
            ledger.forget(&note);
        }
    }
}

fn event(note: &Note, node_name: &str, name: String, now: Timestamp) -> Event {
    let metadata = &note.pod.metadata;
    Event {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: metadata.namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: metadata.name.clone(),
            namespace: metadata.namespace.clone(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
            field_path: note.field_path.clone(),
        },
        type_: Some(if note.is_warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(note.reason.to_owned()),
        message: Some(note.message.clone()),
        count: Some(1),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        source: Some(EventSource {
            component: Some(COMPONENT.to_owned()),
            host: Some(node_name.to_owned()),
        }),
        reporting_component: Some(COMPONENT.to_owned()),
        reporting_instance: Some(node_name.to_owned()),
        ..Event::default()
    }
}

/// What makes two notes the same event.
type Key = (String, Option<String>, &'static str, String);

/// What was written, and how much each pod may still write.
#[derive(Debug, Default)]
struct Ledger {
    known: BTreeMap<Key, (String, i32)>,
    /// By pod: how many events it may have at once, and when that was so.
    allowances: BTreeMap<String, (f64, Timestamp)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    New { name: String },
    Again { name: String, count: i32 },
    Refused,
}

impl Ledger {
    fn take(&mut self, note: &Note, now: Timestamp) -> Entry {
        let key = key(note);
        if !self.allow(&key.0, now) {
            return Entry::Refused;
        }
        if let Some((name, count)) = self.known.get_mut(&key) {
            *count += 1;
            return Entry::Again { name: name.clone(), count: *count };
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
            self.allowances.clear();
        }
        let pod = note.pod.metadata.name.as_deref().unwrap_or_default();
        let mut nanos = now.as_nanosecond();
        let mut name = format!("{pod}.{nanos:x}");
        while self.known.values().any(|(it, _)| *it == name) {
            nanos += 1;
            name = format!("{pod}.{nanos:x}");
        }
        self.known.insert(key, (name.clone(), 1));
        Entry::New { name }
    }

    fn forget(&mut self, note: &Note) {
        self.known.remove(&key(note));
    }

    fn allow(&mut self, pod: &str, now: Timestamp) -> bool {
        let (tokens, since) = self.allowances.entry(pod.to_owned()).or_insert((BURST, now));
        let elapsed: SignedDuration = now.duration_since(*since);
        *tokens = (*tokens + elapsed.as_secs_f64() * REFILL_PER_S).min(BURST);
        *since = now;
        let is_allowed = *tokens >= 1.0;
        if is_allowed {
            *tokens -= 1.0;
        }
        is_allowed
    }
}

fn key(note: &Note) -> Key {
    let uid = note.pod.metadata.uid.clone().unwrap_or_default();
    (uid, note.field_path.clone(), note.reason, note.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(message: &str) -> Note {
        let metadata = ObjectMeta {
            name: Some("web".to_owned()),
            uid: Some("u".to_owned()),
            ..ObjectMeta::default()
        };
        Note {
            pod: Arc::new(Pod { metadata, ..Pod::default() }),
            field_path: None,
            is_warning: false,
            reason: "Pulled",
            message: message.to_owned(),
        }
    }

    #[test]
    fn the_same_event_is_counted() {
        let mut ledger = Ledger::default();
        let now = Timestamp::from_second(1).unwrap();
        let name = |nanos: &str| format!("web.{nanos}");
        assert_eq!(ledger.take(&note("a"), now), Entry::New { name: name("3b9aca00") });
        assert_eq!(ledger.take(&note("b"), now), Entry::New { name: name("3b9aca01") });
        let again = Entry::Again { name: name("3b9aca00"), count: 2 };
        assert_eq!(ledger.take(&note("a"), now), again);
    }

    #[test]
    fn a_pod_cannot_flood_the_store() {
        let mut ledger = Ledger::default();
        let at = |s| Timestamp::from_second(s).unwrap();
        let n_written =
            (0..100).filter(|_| ledger.take(&note("a"), at(0)) != Entry::Refused).count();
        assert_eq!(n_written, 25);
        assert_ne!(ledger.take(&note("a"), at(301)), Entry::Refused);
    }
}
