//! Sends the changes and deletes of a plan, kind by kind, the objects of one kind at once.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use release::{
    ObjectId, Target, Want, object,
    plan::{Action, Change, ObjectDelete},
};
use serde_json::Value;

use crate::{
    api::{self, ApiError, PatchKind},
    cluster::Cluster,
    live::REQUESTS_MAX,
    progress::{Context, Progress},
    request::Options,
    wait::{Wait, WaitError},
    watch::{self, Watch},
};

/// Why changes could not all be sent.
#[derive(Debug)]
pub(crate) enum ApplyError {
    Api { id: ObjectId, source: ApiError },
    Wait(WaitError),
    Cancelled,
}

/// Applies changes in their order; the objects as the server holds them now.
///
/// Runs of one kind go in parallel and the next kind waits, so that what a kind needs is there.
/// Custom resources find their definitions established.
pub(crate) async fn apply(
    cluster: &Cluster,
    changes: &[Change],
    options: &Options,
    ctx: Context<'_>,
) -> Result<Vec<Value>, ApplyError> {
    let mut applied = Vec::with_capacity(changes.len());
    for run in changes.chunk_by(|a, b| a.id.kind == b.id.kind) {
        if ctx.cancel.is_cancelled() {
            return Err(ApplyError::Cancelled);
        }
        let sends =
            run.iter().map(|change| apply_one(cluster, change, options.forces_conflicts, ctx));
        let sent: Vec<Value> = stream::iter(sends).buffered(REQUESTS_MAX).try_collect().await?;
        if run.iter().any(|it| it.id.kind == "CustomResourceDefinition") {
            until_established(cluster, &sent, options, ctx).await?;
        }
        applied.extend(sent);
    }
    Ok(applied)
}

/// Deletes objects in their order; those that are gone already are passed over.
pub(crate) async fn delete(
    cluster: &Cluster,
    deletes: &[ObjectDelete],
    ctx: Context<'_>,
) -> Result<(), ApplyError> {
    for run in deletes.chunk_by(|a, b| a.id.kind == b.id.kind) {
        let sends = run.iter().map(|it| async move {
            let failed = |source| ApplyError::Api { id: it.id.clone(), source };
            let path = cluster.path(&it.object).await.map_err(failed)?;
            if api::delete(cluster.client(), &path).await.map_err(failed)? {
                ctx.tell(Progress::Deleted { id: it.id.clone() });
            }
            Ok(())
        });
        stream::iter(sends).buffer_unordered(REQUESTS_MAX).try_collect::<Vec<()>>().await?;
    }
    Ok(())
}

async fn apply_one(
    cluster: &Cluster,
    change: &Change,
    is_forced: bool,
    ctx: Context<'_>,
) -> Result<Value, ApplyError> {
    let failed = |source| ApplyError::Api { id: change.id.clone(), source };
    let client = cluster.client();
    let applied = if object::name(&change.object).is_empty() {
        // `generateName`: every deploy makes a new one.
        let path = cluster.collection(&change.object).await.map_err(failed)?;
        api::create(client, &path, &change.object).await.map_err(failed)?
    } else {
        let path = cluster.path(&change.object).await.map_err(failed)?;
        if let Some(patch) = &change.managed_fields {
            api::patch(client, &path, PatchKind::Json, release::fields::MANAGER, patch)
                .await
                .map_err(failed)?;
        }
        apply_again(cluster, &path, &change.object, is_forced).await.map_err(failed)?
    };
    ctx.tell(Progress::Applied { id: change.id.clone(), is_new: change.action == Action::Create });
    Ok(applied)
}

/// A conflict over a quota's bookkeeping passes, as Helm knows; any other is the caller's.
async fn apply_again(
    cluster: &Cluster,
    path: &str,
    object: &Value,
    is_forced: bool,
) -> Result<Value, ApiError> {
    const TRIES_MAX: usize = 5;
    let mut n_tries = 1;
    loop {
        match api::apply(cluster.client(), path, object, is_forced).await {
            Err(ApiError::Refused { code: 409, message, .. })
                if n_tries < TRIES_MAX && message.contains("resourcequotas") =>
            {
                n_tries += 1;
            }
            applied => return applied,
        }
    }
}

async fn until_established(
    cluster: &Cluster,
    definitions: &[Value],
    options: &Options,
    ctx: Context<'_>,
) -> Result<(), ApplyError> {
    let sources = watch::sources(cluster, definitions)
        .await
        .map_err(|it| ApplyError::Wait(WaitError::Watch(it)))?;
    let started = Watch::start(cluster, sources).await;
    let (mut watch, mut world) = started.map_err(|it| ApplyError::Wait(WaitError::Watch(it)))?;
    let targets: Vec<Target> = definitions.iter().map(|it| target(it, Want::Ready)).collect();
    let wait = Wait::new(&targets, options.timeout);
    wait.until_ready(&mut watch, &mut world, ctx).await.map_err(ApplyError::Wait)
}

/// What to wait for after an object was applied: at least this generation of it.
pub(crate) fn target(object: &Value, want: Want) -> Target {
    Target { id: ObjectId::of(object), want, generation: object["metadata"]["generation"].as_i64() }
}
