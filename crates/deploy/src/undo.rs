//! Removes what a first install created, when it failed.

use release::{order, plan::Action, plan::ObjectDelete};

use crate::{
    apply::{self, ApplyError},
    deploy::{Aftermath, Run},
    progress::Context,
};
use tokio_util::sync::CancellationToken;

/// Deletes what the plan created; its record stays as failed.
pub(crate) async fn created(run: Run<'_>) -> Aftermath {
    let created = run.plan.changes.iter().filter(|it| it.action == Action::Create);
    let mut deletes: Vec<ObjectDelete> = created
        .filter(|it| !release::ownership::is_kept_stored(&it.object))
        .map(|it| ObjectDelete { id: it.id.clone(), object: it.object.clone() })
        .collect();
    order::sort_uninstall(&mut deletes, |it| &it.object);
    // What failed is removed even when it is interrupted now.
    let never = CancellationToken::new();
    let ctx = Context { cancel: &never, ..run.ctx };
    match apply::delete(run.cluster, &deletes, ctx).await {
        Ok(()) => Aftermath::Removed,
        Err(ApplyError::Api { id, source }) => Aftermath::RemovalFailed {
            cause: format!("could not delete {id}: {}", source.summary()),
        },
        Err(ApplyError::Wait(error)) => Aftermath::RemovalFailed { cause: error.to_string() },
        Err(ApplyError::Cancelled) => Aftermath::Left,
    }
}
