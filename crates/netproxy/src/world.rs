//! What the cluster says of its Services, watched, as the latest [`Routes`].

use std::{pin::pin, sync::Arc};

use futures_util::{Stream, StreamExt as _, stream};
use k8s_openapi::api::{core::v1::Service, discovery::v1::EndpointSlice, networking::v1::Ingress};
use kube::{
    Api, Client, Resource,
    runtime::{WatchStreamExt as _, reflector, reflector::Store, watcher},
};
use tokio::sync::watch;

use crate::routes::Routes;

/// Follows the three kinds for ever, and makes the routes anew whenever one of them changed.
pub(crate) async fn follow(client: Client, routes: watch::Sender<Arc<Routes>>) {
    let (services, service_changes) = reflect::<Service>(&client);
    let (slices, slice_changes) = reflect::<EndpointSlice>(&client);
    let (ingresses, ingress_changes) = reflect::<Ingress>(&client);
    let changes = [service_changes.boxed(), slice_changes.boxed(), ingress_changes.boxed()];
    let changes = stream::select_all(changes);
    // What came at once is answered at once.
    let mut changes = pin!(changes.ready_chunks(64));
    while changes.next().await.is_some() {
        let next = Routes::new(&sorted(&services), &sorted(&slices), &sorted(&ingresses));
        routes.send_replace(Arc::new(next));
    }
}

fn reflect<K>(client: &Client) -> (Store<K>, impl Stream<Item = ()> + Send + 'static)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + Sync + 'static,
    K: serde::de::DeserializeOwned,
{
    let (store, writer) = reflector::store();
    let events = watcher(Api::<K>::all(client.clone()), watcher::Config::default());
    let events = events.default_backoff().reflect(writer);
    (
        store,
        events.map(|it| {
            if let Err(error) = it {
                tracing::warn!(kind = %K::kind(&()), %error, "watch interrupted");
            }
        }),
    )
}

/// By namespace and name, so that the same cluster gives the same routes.
fn sorted<K>(store: &Store<K>) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let mut objects: Vec<K> = store.state().iter().map(|it| K::clone(it)).collect();
    objects.sort_by(|a, b| {
        let key = |it: &K| (it.meta().namespace.clone(), it.meta().name.clone());
        key(a).cmp(&key(b))
    });
    objects
}
