//! Puts an earlier revision back, as a new revision, from what its record holds.

use release::{
    Operation, Owner, Plan, Record, Status, digest,
    plan::{self, Inputs},
};
use thiserror::Error;

use crate::{
    cluster::Cluster,
    deploy::{self, Aftermath, DeployError, Ended, Run},
    live,
    prepare::{self, PrepareError},
    progress::{Context, Progress},
    records::{RecordError, Records},
    request::Options,
};

#[derive(Debug, Error)]
pub enum RollbackError {
    #[error("could not read the release's history")]
    History(#[source] RecordError),
    #[error("release `{release}` has no earlier revision to go back to")]
    Nothing { release: String },
    #[error("could not plan the way back to revision {to}")]
    Prepare { to: u32, source: PrepareError },
    #[error("could not go back to revision {to}")]
    Deploy { to: u32, source: DeployError },
}

/// Goes back to a revision, or to the last good one before the deployed one; the new revision's number.
///
/// Nothing is rendered: the stored manifest and hooks are applied. A stuck release is freed by it.
pub async fn rollback(
    cluster: &Cluster,
    owner: &Owner,
    to: Option<u32>,
    options: &Options,
    ctx: Context<'_>,
) -> Result<u32, RollbackError> {
    let history = Records::of(cluster, owner).history().await.map_err(RollbackError::History)?;
    let to = to.or_else(|| history.before_deployed().map(|it| it.revision));
    let to = to.ok_or_else(|| RollbackError::Nothing { release: owner.name.clone() })?;
    let deploying = |source| RollbackError::Deploy { to, source };
    let lock = deploy::acquire(cluster, owner, ctx).await.map_err(deploying)?;
    let done = go_back(cluster, owner, to, options, ctx).await;
    lock.release(cluster).await;
    match done? {
        Ended::Done(record) => Ok(record.revision),
        Ended::Failed(failed) => Err(deploying(DeployError::Failed(failed))),
    }
}

/// Goes back after a failed upgrade, while its lock is held.
///
/// An interruption that comes now does not stop it: half of it would be worse than either end.
pub(crate) async fn after_failure(run: Run<'_>, owner: &Owner, to: u32) -> Aftermath {
    let never = tokio_util::sync::CancellationToken::new();
    let ctx = Context { cancel: &never, evidence: &Unkept, ..run.ctx };
    ctx.tell(Progress::RollingBack { to });
    match go_back(run.cluster, owner, to, run.options, ctx).await {
        Ok(Ended::Done(record)) => {
            ctx.tell(Progress::RolledBack { to, revision: record.revision });
            Aftermath::RolledBack { to, revision: record.revision }
        }
        Ok(Ended::Failed(failed)) => Aftermath::RollbackFailed { to, cause: failed.cause },
        Err(error) => Aftermath::RollbackFailed { to, cause: with_sources(&error) },
    }
}

async fn go_back(
    cluster: &Cluster,
    owner: &Owner,
    to: u32,
    options: &Options,
    ctx: Context<'_>,
) -> Result<Ended, RollbackError> {
    let records = Records::of(cluster, owner);
    let history = records.history().await.map_err(RollbackError::History)?;
    let target = records.load(to).await.map_err(RollbackError::History)?;
    let earlier = prepare::earlier(records, &history).await.map_err(RollbackError::History)?;
    let record = next_record(&target, &earlier, history.next_revision());
    let plan = plan(cluster, owner, (to, &record), &earlier, options)
        .await
        .map_err(|source| RollbackError::Prepare { to, source })?;
    let deploying = |source| RollbackError::Deploy { to, source };
    for revision in history.pruned(options.history_max).into_iter().filter(|it| *it != to) {
        records.delete(revision).await.map_err(RollbackError::History)?;
    }
    let run = Run { cluster, records, plan: &plan, options, ctx };
    let ended = run.carry_out(record, &[], &[]).await.map_err(deploying)?;
    if let Ended::Done(record) = &ended {
        run.supersede(record.revision, &history, earlier).await.map_err(deploying)?;
    }
    Ok(ended)
}

async fn plan(
    cluster: &Cluster,
    owner: &Owner,
    (to, record): (u32, &Record),
    earlier: &[Record],
    options: &Options,
) -> Result<Plan, PrepareError> {
    let desired =
        prepare::previous_objects(cluster, std::slice::from_ref(record), &owner.namespace).await?;
    let previous = prepare::previous_objects(cluster, earlier, &owner.namespace).await?;
    let live = live::read(cluster, &desired, &previous).await.map_err(PrepareError::Live)?;
    plan::plan(&Inputs {
        owner,
        operation: Operation::Rollback { to },
        revision: record.revision,
        desired: &desired,
        previous: &previous,
        previous_was_applied: prepare::was_applied(earlier),
        live: &live,
        hooks: if options.runs_hooks { &record.hooks } else { &[] },
        // What was the release's once may be taken back, as Helm has it.
        takes_ownership: true,
    })
    .map_err(PrepareError::Plan)
}

/// The content of the target under a new number.
fn next_record(target: &Record, earlier: &[Record], revision: u32) -> Record {
    let mut record = target.clone();
    record.revision = revision;
    record.info.first_deployed =
        earlier.last().map_or(target.info.first_deployed, |it| it.info.first_deployed);
    deploy::stamp(&mut record, Status::PendingRollback, format!("Rollback to {}", target.revision));
    digest::carry_over(target, &mut record);
    record
}

/// The chain of an error in one line, for a record that keeps one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line = format!("{line}: {error}");
        source = error.source();
    }
    line
}

/// The evidence of the failure that is rolled back is what counts, and is not written over.
struct Unkept;

impl crate::progress::EvidenceSink for Unkept {
    fn write(&self, name: &str, content: &[u8]) -> std::io::Result<()> {
        tracing::debug!(name, bytes = content.len(), "evidence of the rollback is not kept");
        Ok(())
    }
}
