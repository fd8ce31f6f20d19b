//! From watches to workers: who runs, who is told what, what is left of pods that are gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use futures_util::{Stream, StreamExt as _, future, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolumeClaim, Pod, Secret, Service};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    runtime::{
        WatchStreamExt as _, reflector,
        watcher::{self, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    addresses::Addresses,
    config::Config,
    disk,
    kubelet::{Handle, Shared},
    mount::Workshop,
    names::Dns,
    node::Facts,
    recorder::Recorder,
    register,
    text::chain,
    worker::{self, Context, Event, ObjectKind, Snapshot},
};

const MAILBOX_MAX: usize = 256;

/// A change of something that pods may read: kind, namespace, name.
type Change = (ObjectKind, String, String);

/// Runs until `shutdown`, then waits for the workers to put down what they hold.
pub(crate) async fn run(
    client: Client,
    config: Config,
    facts: Facts,
    (shared, node): (Arc<Shared>, Node),
    shutdown: CancellationToken,
) {
    let (recorder, writing) = Recorder::new(client.clone(), config.node_name.clone());
    let (services, writer) = reflector::store::<Service>();
    let listing = watcher(Api::<Service>::all(client.clone()), watcher::Config::default());
    let listing = reflector(writer, listing.default_backoff());
    let mut helpers = JoinSet::new();
    helpers.spawn(writing);
    helpers.spawn(listing.for_each(|_| future::ready(())));
    helpers.spawn(register::keep_lease(client.clone(), node));
    let context = Arc::new(context(&client, &config, &facts, &shared, (recorder, services)));
    let mut dispatcher = Dispatcher {
        context,
        shared,
        shutdown: shutdown.clone(),
        workers: JoinSet::new(),
        listed: BTreeSet::new(),
        has_cleaned: false,
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = dispatcher.serve(&client, &config.node_name) => {}
    }
    while dispatcher.workers.join_next().await.is_some() {}
    helpers.shutdown().await;
}

fn context(
    client: &Client,
    config: &Config,
    facts: &Facts,
    shared: &Shared,
    (recorder, services): (Recorder, reflector::Store<Service>),
) -> Context {
    let network = config.node.config();
    let addresses = Addresses::new(network.pod_network, network.gateway);
    claim_leftovers(&addresses, &pods_dir(config));
    Context {
        client: client.clone(),
        node: config.node.clone(),
        host_address: network.gateway,
        pods_dir: pods_dir(config),
        images: shared.images.clone(),
        recorder,
        addresses,
        services,
        workshop: Workshop {
            client: client.clone(),
            machine: facts.machine,
            dns: Dns {
                server: config.cluster_dns,
                domain: config.cluster_domain.clone(),
                host_resolv_conf: disk::text(Path::new("/etc/resolv.conf")),
            },
        },
    }
}

fn pods_dir(config: &Config) -> PathBuf {
    config.dir.join("pods")
}

/// Notes the addresses of all pods that an earlier process left, before the first new pod is given one.
fn claim_leftovers(addresses: &Addresses, pods_dir: &Path) {
    for uid in disk::folders(pods_dir) {
        match sandbox::Pod::config_in(&pods_dir.join(&uid)) {
            Ok(pod) if !pod.host_network => addresses.claim(&uid, pod.address),
            // It has no address of its own, or was never made.
            Ok(_) | Err(_) => {}
        }
    }
}

struct Dispatcher {
    context: Arc<Context>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
    workers: JoinSet<String>,
    /// The uids that a listing has brought so far.
    listed: BTreeSet<String>,
    has_cleaned: bool,
}

impl Dispatcher {
    async fn serve(&mut self, client: &Client, node_name: &str) {
        let mine = watcher::Config::default().fields(&format!("spec.nodeName={node_name}"));
        let pods = watcher(Api::<Pod>::all(client.clone()), mine).default_backoff();
        let mut pods = std::pin::pin!(pods);
        let mut changes = stream::select(
            changes::<ConfigMap>(client, ObjectKind::ConfigMap),
            stream::select(
                changes::<Secret>(client, ObjectKind::Secret),
                changes::<PersistentVolumeClaim>(client, ObjectKind::Claim),
            ),
        );
        loop {
            tokio::select! {
                Some(event) = pods.next() => match event {
                    Ok(event) => self.take(event).await,
                    Err(error) => tracing::warn!(error = %chain(&error), "could not watch pods"),
                },
                Some(change) = changes.next() => self.tell(change).await,
                Some(ended) = self.workers.join_next() => self.forget(ended),
                else => return,
            }
        }
    }

    async fn take(&mut self, event: watcher::Event<Pod>) {
        match event {
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(pod) => {
                self.listed.extend(pod.uid());
                self.apply(pod).await;
            }
            watcher::Event::Apply(pod) => self.apply(pod).await,
            watcher::Event::Delete(pod) => {
                let uid = pod.uid().unwrap_or_default();
                // The last version says how long the pod may take to end.
                self.send(&uid, Event::Pod(Arc::new(pod))).await;
                self.send(&uid, Event::Removed).await;
            }
            watcher::Event::InitDone => self.finish_listing().await,
        }
    }

    async fn apply(&mut self, pod: Pod) {
        let uid = pod.uid().unwrap_or_default();
        if pod.spec.is_none() || self.send(&uid, Event::Pod(Arc::new(pod.clone()))).await {
            return;
        }
        let (tx, rx) = mpsc::channel(MAILBOX_MAX);
        let (publisher, snapshot) = watch::channel(Snapshot::default());
        let handle = Handle {
            namespace: pod.namespace().unwrap_or_default(),
            name: pod.name_any(),
            tx,
            snapshot,
        };
        self.handles().insert(uid, handle);
        let context = Arc::clone(&self.context);
        let shutdown = self.shutdown.clone();
        self.workers.spawn(worker::run(context, Arc::new(pod), rx, publisher, shutdown));
    }

    /// Pods that a listing does not name are gone.
    async fn finish_listing(&mut self) {
        let gone: Vec<String> =
            self.handles().keys().filter(|it| !self.listed.contains(*it)).cloned().collect();
        for uid in gone {
            self.send(&uid, Event::Removed).await;
        }
        if !std::mem::replace(&mut self.has_cleaned, true) {
            self.remove_leftovers();
        }
    }

    /// Ends what an earlier process left running of pods that are gone meanwhile.
    fn remove_leftovers(&mut self) {
        let dir = self.context.pods_dir.clone();
        let leftovers = disk::folders(&dir).into_iter().filter(|it| !self.listed.contains(it));
        for uid in leftovers.collect::<Vec<_>>() {
            let (context, dir) = (Arc::clone(&self.context), dir.join(&uid));
            self.workers.spawn(async move {
                let destroyed = match sandbox::Pod::adopt(&context.node, &dir).await {
                    Ok(pod) => pod.destroy().await,
                    Err(_) => sandbox::Pod::discard(&dir).await,
                };
                if let Err(error) = destroyed {
                    tracing::warn!(error = %chain(&error), "could not end a pod that is gone");
                    return uid;
                }
                context.addresses.release(&uid);
                let removed = tokio::task::spawn_blocking(move || disk::remove_tree(&dir)).await;
                if let Ok(Err(error)) = removed {
                    tracing::warn!(error = %chain(&error), "could not remove a pod's folder");
                }
                uid
            });
        }
    }

    async fn tell(&self, (kind, namespace, name): Change) {
        let of_namespace: Vec<mpsc::Sender<Event>> = self
            .handles()
            .values()
            .filter(|it| it.namespace == namespace)
            .map(|it| it.tx.clone())
            .collect();
        for tx in of_namespace {
            // A worker that has ended needs no news.
            drop(tx.send(Event::Changed(kind, name.clone())).await);
        }
    }

    /// Returns false when there is no such worker, or not any more: it may have failed.
    async fn send(&self, uid: &str, event: Event) -> bool {
        let tx = self.handles().get(uid).map(|it| it.tx.clone());
        let Some(tx) = tx else { return false };
        let is_sent = tx.send(event).await.is_ok();
        if !is_sent {
            self.handles().remove(uid);
        }
        is_sent
    }

    fn forget(&self, ended: Result<String, tokio::task::JoinError>) {
        match ended {
            Ok(uid) => drop(self.handles().remove(&uid)),
            Err(error) => tracing::error!(%error, "a pod's worker failed"),
        }
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Handle>> {
        self.shared.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything of a kind that is made, changed or removed, but for what is there at first.
fn changes<K>(client: &Client, kind: ObjectKind) -> impl Stream<Item = Change> + Unpin + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let all = watcher(Api::<K>::all(client.clone()), watcher::Config::default());
    let changes = all.default_backoff().filter_map(move |event| {
        let changed = match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object)) => Some(object),
            // After a break nobody knows what was missed.
            Ok(watcher::Event::InitApply(object)) => Some(object),
            Ok(watcher::Event::Init | watcher::Event::InitDone) => None,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "could not watch what pods read");
                None
            }
        };
        let named = changed.map(|it| (kind, it.namespace().unwrap_or_default(), it.name_any()));
        future::ready(named)
    });
    Box::pin(changes)
}
