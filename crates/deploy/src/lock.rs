//! Takes the lock of a release, keeps it alive, and gives it back.

use std::time::Duration;

use thiserror::Error;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use release::{
    Owner,
    lock::{self, Claim, LEASE_SECONDS},
};

use crate::{
    api::{self, ApiError, PatchKind},
    cluster::Cluster,
    machine,
};

#[derive(Debug, Error)]
pub enum LockError {
    #[error("release `{release}` is being changed by {by}{}", since.map(|it| format!(" since {it:.0}")).unwrap_or_default())]
    Held { release: String, by: String, since: Option<jiff::Timestamp> },
    #[error("could not {step} of release `{release}`")]
    Api { step: &'static str, release: String, source: ApiError },
}

/// The lock of a release, held until it is released.
///
/// Dropped without that, as when the process dies, it is taken over by the next run.
#[derive(Debug)]
pub(crate) struct Lock {
    path: String,
    renewing: JoinHandle<()>,
    /// Why somebody else's lock was taken over, if it was.
    pub(crate) taken_over: Option<&'static str>,
}

impl Lock {
    /// Takes the lock; a missing namespace is made.
    pub(crate) async fn acquire(cluster: &Cluster, owner: &Owner) -> Result<Self, LockError> {
        let step =
            |step| move |source| LockError::Api { step, release: owner.name.clone(), source };
        let me = machine::holder();
        let lease =
            |existing| lock::lease(&owner.name, &owner.namespace, &me, machine::now(), existing);
        let first = lease(None);
        let collection = cluster.collection(&first).await.map_err(step("find the lock"))?;
        let path = cluster.path(&first).await.map_err(step("find the lock"))?;
        let client = cluster.client();
        let mut taken_over = None;
        match api::create(client, &collection, &first).await {
            Ok(_) => {}
            Err(error) if error.is_already_there() => {
                let existing = api::get(client, &path).await.map_err(step("read the lock"))?;
                match lock::judge(&existing, &me, machine::is_alive, machine::now()) {
                    Claim::Ours => {}
                    Claim::Abandoned { why } => taken_over = Some(why),
                    Claim::Held { by, since } => {
                        return Err(LockError::Held { release: owner.name.clone(), by, since });
                    }
                }
                api::update(client, &path, &lease(Some(&existing)))
                    .await
                    .map_err(step("take over the lock"))?;
            }
            Err(error) => return Err(step("take the lock")(error)),
        }
        let renewing = tokio::spawn(renew(cluster.clone(), path.clone()));
        Ok(Self { path, renewing, taken_over })
    }

    /// Gives the lock back; what fails is left to expire.
    pub(crate) async fn release(self, cluster: &Cluster) {
        self.renewing.abort();
        if let Err(error) = api::delete(cluster.client(), &self.path).await {
            tracing::warn!(%error, "could not give the lock back; it expires by itself");
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Removes the lock of a release, whoever holds it.
pub(crate) async fn remove(cluster: &Cluster, owner: &Owner) -> Result<bool, LockError> {
    let step = |step| move |source| LockError::Api { step, release: owner.name.clone(), source };
    let lease =
        lock::lease(&owner.name, &owner.namespace, &machine::holder(), machine::now(), None);
    let path = cluster.path(&lease).await.map_err(step("find the lock"))?;
    api::delete(cluster.client(), &path).await.map_err(step("remove the lock"))
}

async fn renew(cluster: Cluster, path: String) {
    let seconds = u64::try_from(LEASE_SECONDS / 3).unwrap_or(10);
    let mut ticks = interval(Duration::from_secs(seconds));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let renewal = lock::renewal(machine::now());
        let renewed = api::patch(
            cluster.client(),
            &path,
            PatchKind::Merge,
            release::fields::MANAGER,
            &renewal,
        )
        .await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "could not renew the lock");
        }
    }
}
