//! Frees a release by hand: the lock goes, and a revision that is left pending is marked failed.

use release::Owner;
use thiserror::Error;

use crate::{
    cluster::Cluster,
    deploy,
    lock::{self, LockError},
    records::{RecordError, Records},
};

#[derive(Debug, Error)]
pub enum UnlockError {
    #[error(transparent)]
    Lock(LockError),
    #[error("could not mark the stuck revision failed")]
    Record(#[source] RecordError),
}

/// What was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unlocked {
    pub had_lock: bool,
    /// The revision that was pending.
    pub stuck: Option<u32>,
}

/// Frees a release, whoever holds it: only for when that run is known to be over.
pub async fn unlock(cluster: &Cluster, owner: &Owner) -> Result<Unlocked, UnlockError> {
    let records = Records::of(cluster, owner);
    let history = records.history().await.map_err(UnlockError::Record)?;
    let stuck = history.last().filter(|it| it.status.is_pending()).map(|it| it.revision);
    if let Some(revision) = stuck {
        deploy::mark_stuck(records, revision, "it was unlocked")
            .await
            .map_err(UnlockError::Record)?;
    }
    let had_lock = lock::remove(cluster, owner).await.map_err(UnlockError::Lock)?;
    Ok(Unlocked { had_lock, stuck })
}
