//! What the templates of a chart find in the cluster.

use serde_json::Value;

use crate::{
    api::{self, ApiError},
    cluster::{Cluster, root},
};

/// What Helm's `lookup` gives: an object, or for an empty name the list of them; nothing when there is none.
///
/// An empty namespace means all of them.
/// Source: Helm 4.1.4, `pkg/engine/lookup_func.go`.
///
/// # Errors
/// The cluster does not serve the version, does not let us look, or cannot be reached.
pub async fn lookup(
    cluster: &Cluster,
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Option<Value>, ApiError> {
    let kind = match cluster.kind(api_version, kind).await {
        Ok(kind) => kind,
        // Of a version that it serves, Helm does not mind a kind that is not there.
        Err(error @ ApiError::UnknownKind { .. }) => {
            let version = api::find(cluster.client(), &root(api_version)).await?;
            return version.map_or(Err(error), |_| Ok(None));
        }
        Err(error) => return Err(error),
    };
    let namespace = Some(namespace).filter(|it| !it.is_empty());
    let path = match name {
        "" => kind.collection(namespace),
        _ if kind.is_namespaced && namespace.is_none() => return Ok(None),
        name => kind.path(namespace, name),
    };
    api::find(cluster.client(), &path).await
}
