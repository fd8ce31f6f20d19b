//! Watches the kinds that a wait needs, and hands on what changes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, future::try_join_all};
use kube::core::WatchEvent;
use release::{
    ObjectId, World, object,
    verdict::{is_watched, watched_with},
};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    api::{self, ApiError, Detail, Listed, Select},
    cluster::{Cluster, Kind},
};

/// More changes than this wait in the stream of one kind until they are looked at.
const CHANGES_MAX: usize = 256;

/// A collection to watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<String>,
    pub(crate) select: Select,
}

/// Something that changed.
#[derive(Debug)]
pub(crate) enum Seen {
    Put(Value),
    Gone(ObjectId),
}

/// Running watches; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    changes: mpsc::Receiver<Seen>,
    _tasks: JoinSet<()>,
}

impl Watch {
    /// Lists every collection once, then watches it; the world is what the lists held.
    pub(crate) async fn start(
        cluster: &Cluster,
        sources: BTreeSet<Source>,
    ) -> Result<(Self, World), ApiError> {
        let listed = sources.into_iter().map(|source| async move {
            let listed = list(cluster, &source).await?;
            Ok::<_, ApiError>((source, listed))
        });
        let listed = try_join_all(listed).await?;
        let (tx, changes) = mpsc::channel(CHANGES_MAX);
        let mut world = World::default();
        let mut tasks = JoinSet::new();
        for (source, listed) in listed {
            let known: BTreeSet<ObjectId> = listed.items.iter().map(ObjectId::of).collect();
            listed.items.into_iter().for_each(|it| world.insert(slim(it)));
            let follower = Follower { cluster: cluster.clone(), source, known, tx: tx.clone() };
            tasks.spawn(follower.run(listed.version));
        }
        Ok((Self { changes, _tasks: tasks }, world))
    }

    /// Waits for a change and brings it and all others that are there into the world.
    ///
    /// Never ends while nothing changes; cancel safe.
    pub(crate) async fn update(&mut self, world: &mut World) {
        match self.changes.recv().await {
            Some(seen) => put(world, seen),
            // Every follower ended, which only happens when the runtime shuts down.
            None => std::future::pending().await,
        }
        while let Ok(seen) = self.changes.try_recv() {
            put(world, seen);
        }
    }
}

fn put(world: &mut World, seen: Seen) {
    match seen {
        Seen::Put(object) => world.insert(object),
        Seen::Gone(id) => world.remove(&id),
    }
}

/// Events are only wanted from now on; of everything else what is there counts.
async fn list(cluster: &Cluster, source: &Source) -> Result<Listed, ApiError> {
    let path = source.kind.collection(source.namespace.as_deref());
    if source.kind.kind == "Event" {
        let path = format!("{path}?limit=1");
        let listed =
            api::list(cluster.client(), &path, &Select::default(), Detail::Metadata).await?;
        return Ok(Listed { items: Vec::new(), ..listed });
    }
    let listed = api::list(cluster.client(), &path, &source.select, Detail::Whole).await;
    match listed {
        // The namespace or the definition of a custom resource is yet to come.
        Err(error) if error.is_not_found() => {
            Ok(Listed { items: Vec::new(), version: String::new() })
        }
        listed => listed,
    }
}

/// Follows one collection for ever.
struct Follower {
    cluster: Cluster,
    source: Source,
    known: BTreeSet<ObjectId>,
    tx: mpsc::Sender<Seen>,
}

impl Follower {
    async fn run(mut self, version: String) {
        let mut version = Some(version);
        let mut n_failures = 0;
        while !self.tx.is_closed() {
            let from = match version.take() {
                Some(version) => version,
                None => match self.relist().await {
                    Ok(version) => version,
                    Err(error) => {
                        tracing::debug!(%error, kind = %self.source.kind.kind, "list failed, trying again");
                        tokio::time::sleep(api::backoff(n_failures)).await;
                        n_failures += 1;
                        continue;
                    }
                },
            };
            match self.follow(&from).await {
                Ok(latest) => {
                    n_failures = 0;
                    version = latest;
                }
                Err(error) => {
                    tracing::debug!(%error, kind = %self.source.kind.kind, "watch failed, trying again");
                    tokio::time::sleep(api::backoff(n_failures)).await;
                    n_failures += 1;
                }
            }
        }
    }

    /// Watches until the server ends it; the version to go on from, or none when it is too old.
    async fn follow(&mut self, from: &str) -> Result<Option<String>, ApiError> {
        let path = self.source.kind.collection(self.source.namespace.as_deref());
        let events = api::watch(self.cluster.client(), &path, &self.source.select, from).await?;
        let mut events = std::pin::pin!(events);
        let mut version = from.to_owned();
        while let Some(event) = events.next().await {
            match event? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    object["metadata"]["resourceVersion"]
                        .as_str()
                        .unwrap_or_default()
                        .clone_into(&mut version);
                    self.known.insert(ObjectId::of(&object));
                    self.send(Seen::Put(slim(object))).await;
                }
                WatchEvent::Deleted(object) => {
                    object["metadata"]["resourceVersion"]
                        .as_str()
                        .unwrap_or_default()
                        .clone_into(&mut version);
                    self.known.remove(&ObjectId::of(&object));
                    self.send(Seen::Gone(ObjectId::of(&object))).await;
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Error(_) => return Ok(None),
            }
        }
        Ok(Some(version))
    }

    /// Lists again after a gap, and says what went meanwhile.
    async fn relist(&mut self) -> Result<String, ApiError> {
        let listed = list(&self.cluster, &self.source).await?;
        let now: BTreeSet<ObjectId> = listed.items.iter().map(ObjectId::of).collect();
        // Old events are not listed, and stay true.
        if self.source.kind.kind != "Event" {
            for gone in self.known.difference(&now).cloned().collect::<Vec<_>>() {
                self.send(Seen::Gone(gone)).await;
            }
            self.known = now;
        }
        for object in listed.items {
            self.send(Seen::Put(slim(object))).await;
        }
        Ok(listed.version)
    }

    async fn send(&self, seen: Seen) {
        // Nobody listens any more: the task is about to be ended.
        drop(self.tx.send(seen).await);
    }
}

/// Leaves out who owns which field: nobody who watches asks, and it is half of an object.
fn slim(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// The collections to watch for these objects, with what tells why they are not ready.
pub(crate) async fn sources(
    cluster: &Cluster,
    targets: &[Value],
) -> Result<BTreeSet<Source>, ApiError> {
    let targets: Vec<Value> =
        targets.iter().filter(|it| is_watched(&ObjectId::of(it))).cloned().collect();
    let mut sources = sources_of(cluster, &targets).await?;
    for id in targets.iter().map(ObjectId::of) {
        for (api_version, kind) in watched_with(&id) {
            let kind = cluster.kind(api_version, kind).await?;
            sources.retain(|it| it.kind != kind || it.namespace != id.namespace);
            sources.insert(Source {
                kind,
                namespace: id.namespace.clone(),
                select: Select::default(),
            });
        }
    }
    Ok(sources)
}

/// The collections of these objects alone; a single object of its kind is watched by its name.
pub(crate) async fn sources_of(
    cluster: &Cluster,
    objects: &[Value],
) -> Result<BTreeSet<Source>, ApiError> {
    let mut names: BTreeMap<(Kind, Option<String>), BTreeSet<&str>> = BTreeMap::new();
    for object in objects {
        let kind = cluster.kind(object::api_version(object), object::kind(object)).await?;
        let namespace = object::namespace(object).map(str::to_owned);
        names.entry((kind, namespace)).or_default().insert(object::name(object));
    }
    let source = |((kind, namespace), names): ((Kind, Option<String>), BTreeSet<&str>)| {
        let select = match names.first() {
            Some(name) if names.len() == 1 && !name.is_empty() => Select::name(name),
            _ => Select::default(),
        };
        Source { kind, namespace, select }
    };
    Ok(names.into_iter().map(source).collect())
}
