//! What must be there before a release is: its namespace, and the definitions of the chart's `crds/`.

use release::{ObjectId, object, plan::Action, plan::Change};
use serde_json::{Value, json};

use crate::{
    api::{self, ApiError},
    apply::{self, ApplyError},
    cluster::Cluster,
    progress::{Context, Progress},
    request::Options,
};

/// Makes a namespace as `helm --create-namespace` does; the release does not own it.
pub(crate) async fn create(
    cluster: &Cluster,
    name: &str,
    ctx: Context<'_>,
) -> Result<(), ApiError> {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "name": name } },
    });
    let path = cluster.collection(&namespace).await?;
    match api::create(cluster.client(), &path, &namespace).await {
        Ok(_) => ctx.tell(Progress::NamespaceCreated { namespace: name.to_owned() }),
        Err(error) if error.is_already_there() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Creates the definitions of `crds/` that are not there, and waits until they are established.
///
/// As Helm 3 did, one that exists is left alone: upgrading definitions is a decision of its own.
pub(crate) async fn define(
    cluster: &Cluster,
    definitions: &[Value],
    options: &Options,
    ctx: Context<'_>,
) -> Result<(), ApplyError> {
    let mut changes = Vec::new();
    for definition in definitions {
        let id = ObjectId::of(definition);
        let failed = |source| ApplyError::Api { id: id.clone(), source };
        let path = cluster.path(definition).await.map_err(failed)?;
        if api::find(cluster.client(), &path).await.map_err(failed)?.is_none() {
            let object = definition.clone();
            changes.push(Change {
                id: id.clone(),
                action: Action::Create,
                object,
                managed_fields: None,
            });
        } else {
            tracing::info!(name = object::name(definition), "definition exists and is left alone");
        }
    }
    apply::apply(cluster, &changes, options, ctx).await.map(drop)
}
