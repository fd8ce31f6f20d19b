//! Reads the live objects that a plan is made from: one list for each kind, not one get for each object.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use release::{ObjectId, object, ownership};
use serde_json::Value;

use crate::{
    api::{self, ApiError, Detail, Select},
    cluster::{Cluster, Kind},
};

/// So many requests are under way at once.
pub(crate) const REQUESTS_MAX: usize = 16;
/// From so many missing objects on, one list of metadata is cheaper than asking for each.
const GETS_MAX: usize = 8;

/// Reads what exists of these objects.
///
/// Objects of Helm releases come by one list for each kind and namespace; others that exist under the name of a
/// `desired` object are looked for too, since they may not be taken over.
pub(crate) async fn read(
    cluster: &Cluster,
    desired: &[Value],
    previous: &[Value],
) -> Result<BTreeMap<ObjectId, Value>, ApiError> {
    let mut collections: BTreeMap<(Kind, Option<String>), BTreeSet<String>> = BTreeMap::new();
    for (is_desired, object) in
        desired.iter().map(|it| (true, it)).chain(previous.iter().map(|it| (false, it)))
    {
        let kind = match cluster.kind(object::api_version(object), object::kind(object)).await {
            // Its definition is gone, and its objects with it.
            Err(ApiError::UnknownKind { .. }) if !is_desired => continue,
            kind => kind?,
        };
        let namespace = object::namespace(object).map(str::to_owned);
        let names = collections.entry((kind, namespace)).or_default();
        let name = object::name(object);
        if is_desired && !name.is_empty() {
            names.insert(name.to_owned());
        }
    }
    let reads = collections.into_iter().map(|((kind, namespace), names)| async move {
        read_collection(cluster, &kind, namespace.as_deref(), names).await
    });
    let live: Vec<Vec<Value>> =
        stream::iter(reads).buffer_unordered(REQUESTS_MAX).try_collect().await?;
    Ok(live.into_iter().flatten().map(|it| (ObjectId::of(&it), it)).collect())
}

async fn read_collection(
    cluster: &Cluster,
    kind: &Kind,
    namespace: Option<&str>,
    mut names: BTreeSet<String>,
) -> Result<Vec<Value>, ApiError> {
    let path = kind.collection(namespace);
    let select = Select::labels(format!("{}={}", ownership::MANAGED_BY, ownership::HELM));
    let client = cluster.client();
    let mut found = match api::list(client, &path, &select, Detail::Whole).await {
        Ok(listed) => listed.items,
        // The kind is defined by this release and not there yet.
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    for object in &found {
        names.remove(object::name(object));
    }
    if names.len() > GETS_MAX {
        let there = api::list(client, &path, &Select::default(), Detail::Metadata).await?;
        let there: BTreeSet<String> =
            there.items.iter().map(|it| object::name(it).to_owned()).collect();
        names.retain(|it| there.contains(it));
    }
    let gets = names
        .into_iter()
        .map(|name| async move { api::find(client, &kind.path(namespace, &name)).await });
    let others: Vec<Option<Value>> =
        stream::iter(gets).buffer_unordered(REQUESTS_MAX).try_collect().await?;
    found.extend(others.into_iter().flatten());
    Ok(found)
}
