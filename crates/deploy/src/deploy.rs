//! Carries a deploy out: lock, record, hooks, changes, wait, checks; and on failure evidence, then the way back.

use std::fmt;

use release::{Cause, Operation, Record, Status, plan::Plan};
use serde::Serialize;
use thiserror::Error;

use crate::{
    api::ApiError,
    apply::ApplyError,
    cluster::Cluster,
    evidence::{self, Evidence},
    hooks::{HookError, Hooks, Scene},
    lock::{Lock, LockError},
    machine, namespace,
    prepare::{self, PrepareError, Prepared, Standing},
    progress::{Context, Progress},
    records::{RecordError, Records},
    request::{Options, Request},
    rollback,
    smoke::{self, SmokeError},
    undo,
    wait::{Wait, WaitError},
    watch::{self, Watch},
};

#[derive(Debug, Error)]
pub enum DeployError {
    #[error("could not make namespace `{namespace}`")]
    Namespace { namespace: String, source: ApiError },
    /// Another writer changed what the manifest sets; `forces_conflicts` takes it back.
    #[error("other writers set fields of the manifest otherwise: {}", fields.join("; "))]
    Conflicts { fields: Vec<String> },
    #[error(transparent)]
    Lock(LockError),
    #[error(
        "another operation (install/upgrade/rollback) is in progress: revision {revision} of release `{release}` is {status}"
    )]
    Pending { release: String, revision: u32, status: Status },
    #[error(transparent)]
    Prepare(PrepareError),
    #[error("could not keep the record of the release")]
    Record(#[source] RecordError),
    #[error("{0}")]
    Failed(Box<Failed>),
}

/// A deploy that failed after its revision was written.
#[derive(Debug)]
pub struct Failed {
    pub release: String,
    pub revision: u32,
    /// One line.
    pub cause: String,
    pub step: StepError,
    pub evidence: Evidence,
    pub aftermath: Aftermath,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

/// The step of a deploy that failed.
#[derive(Debug, Error)]
pub enum StepError {
    #[error("could not apply {id}: {}", source.summary())]
    Apply { id: release::ObjectId, source: ApiError },
    #[error(transparent)]
    Wait(WaitError),
    #[error(transparent)]
    Hook(HookError),
    #[error(transparent)]
    Smoke(SmokeError),
    #[error("could not watch the cluster: {}", .0.summary())]
    Watch(ApiError),
    #[error("interrupted")]
    Cancelled,
}

impl StepError {
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::Wait(WaitError::Cancelled)
                | Self::Smoke(SmokeError::Cancelled)
                | Self::Hook(HookError::Wait { source: WaitError::Cancelled, .. })
        )
    }

    fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Wait(WaitError::Failed(cause))
            | Self::Hook(HookError::Wait { source: WaitError::Failed(cause), .. }) => Some(cause),
            _ => None,
        }
    }
}

impl From<ApplyError> for StepError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Api { id, source } => Self::Apply { id, source },
            ApplyError::Wait(error) => Self::Wait(error),
            ApplyError::Cancelled => Self::Cancelled,
        }
    }
}

/// What became of the release after a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aftermath {
    /// The last good revision is back, as a new revision.
    RolledBack {
        to: u32,
        revision: u32,
    },
    RollbackFailed {
        to: u32,
        cause: String,
    },
    /// A first install: what it created is gone, its failed record stays.
    Removed,
    RemovalFailed {
        cause: String,
    },
    /// Nothing was put back, since it was interrupted or not asked for.
    Left,
}

/// What a deploy came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The deployed revision already is what was asked for.
    Unchanged {
        revision: u32,
    },
    Deployed {
        revision: u32,
    },
}

/// Deploys what was prepared.
///
/// The revision counts as deployed only after everything is ready and every check passed.
/// On failure the evidence is collected first, then the last good revision is put back.
/// However it ends, the record has a terminal status, unless the process or the cluster dies.
pub async fn deploy(
    cluster: &Cluster,
    request: &Request,
    prepared: Prepared,
    ctx: Context<'_>,
) -> Result<Outcome, DeployError> {
    if let Standing::Current { revision } = prepared.standing {
        let records = Records::of(cluster, &request.owner);
        let run = Run { cluster, records, plan: &prepared.plan, options: &request.options, ctx };
        // A run that was killed before its very last write left the revision before deployed, too.
        run.supersede(revision, &prepared.history, prepared.earlier).await?;
        return Ok(Outcome::Unchanged { revision });
    }
    let conflicts = prepared.plan.conflicts();
    if !conflicts.is_empty() && !request.options.forces_conflicts {
        return Err(DeployError::Conflicts { fields: conflicts });
    }
    let lock = acquire(cluster, &request.owner, ctx).await?;
    let taken_over = lock.taken_over;
    let outcome = locked(cluster, request, prepared, taken_over, ctx).await;
    lock.release(cluster).await;
    outcome
}

/// Takes a release's lock, making its namespace when it is missing.
pub(crate) async fn acquire(
    cluster: &Cluster,
    owner: &release::Owner,
    ctx: Context<'_>,
) -> Result<Lock, DeployError> {
    let lock = match Lock::acquire(cluster, owner).await {
        Err(LockError::Api { source, .. }) if source.is_not_found() => {
            let made = namespace::create(cluster, &owner.namespace, ctx).await;
            made.map_err(|source| DeployError::Namespace {
                namespace: owner.namespace.clone(),
                source,
            })?;
            Lock::acquire(cluster, owner).await
        }
        acquired => acquired,
    };
    let lock = lock.map_err(DeployError::Lock)?;
    if let Some(why) = lock.taken_over {
        ctx.tell(Progress::LockTakenOver { why: why.to_owned() });
    }
    Ok(lock)
}

async fn locked(
    cluster: &Cluster,
    request: &Request,
    mut prepared: Prepared,
    taken_over: Option<&'static str>,
    ctx: Context<'_>,
) -> Result<Outcome, DeployError> {
    let records = Records::of(cluster, &request.owner);
    if prepared.history.last().is_some_and(|it| it.status.is_pending()) {
        unstick(records, &prepared, taken_over, ctx).await?;
        prepared = prepare::prepare(cluster, request).await.map_err(DeployError::Prepare)?;
    }
    if let Standing::Unready { revision, .. } = prepared.standing {
        return recheck(cluster, request, &prepared, revision, ctx).await;
    }
    let Prepared { plan, history, record, earlier, .. } = prepared;
    for revision in history.pruned(request.options.history_max) {
        records.delete(revision).await.map_err(DeployError::Record)?;
    }
    let run = Run { cluster, records, plan: &plan, options: &request.options, ctx };
    let revision = record.revision;
    let definitions =
        if plan.operation == Operation::Install { request.crds.as_slice() } else { &[] };
    match run.carry_out(record, definitions, &request.checks).await? {
        Ended::Done(record) => {
            run.supersede(record.revision, &history, earlier).await?;
            ctx.tell(Progress::Deployed { revision });
            Ok(Outcome::Deployed { revision })
        }
        Ended::Failed(mut failed) => {
            if !failed.step.is_cancelled() && request.options.rolls_back {
                let last_good = history.last_good().map(|it| it.revision);
                failed.aftermath = match last_good {
                    Some(to) => rollback::after_failure(run, &request.owner, to).await,
                    None => undo::created(run).await,
                };
            }
            Err(DeployError::Failed(failed))
        }
    }
}

/// Marks a revision failed that a dead run left pending; one without a lock of ours may be Helm's own.
pub(crate) async fn unstick(
    records: Records<'_>,
    prepared: &Prepared,
    taken_over: Option<&'static str>,
    ctx: Context<'_>,
) -> Result<(), DeployError> {
    let Some(last) = prepared.history.last() else { return Ok(()) };
    let Some(why) = taken_over else {
        let release = prepared.record.name.clone();
        return Err(DeployError::Pending { release, revision: last.revision, status: last.status });
    };
    mark_stuck(records, last.revision, why).await.map_err(DeployError::Record)?;
    ctx.tell(Progress::StuckRevision { revision: last.revision });
    Ok(())
}

pub(crate) async fn mark_stuck(
    records: Records<'_>,
    revision: u32,
    why: &str,
) -> Result<(), RecordError> {
    let mut record = records.load(revision).await?;
    let was = record.info.status;
    record.set_status(Status::Failed, format!("Left {was} by a run that did not end: {why}"));
    records.update(&record).await
}

/// Waits for a revision that is deployed and not ready; nothing is changed, and nothing put back.
async fn recheck(
    cluster: &Cluster,
    request: &Request,
    prepared: &Prepared,
    revision: u32,
    ctx: Context<'_>,
) -> Result<Outcome, DeployError> {
    let records = Records::of(cluster, &request.owner);
    let run = Run { cluster, records, plan: &prepared.plan, options: &request.options, ctx };
    let mut scene = Scene::default();
    match run.roll_out(&mut scene, &request.checks).await {
        Ok(()) => Ok(Outcome::Unchanged { revision }),
        Err(step) => {
            let failed = run.explain(&request.owner.name, revision, step, &scene).await;
            Err(DeployError::Failed(failed))
        }
    }
}

/// One plan being carried out.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) records: Records<'a>,
    pub(crate) plan: &'a Plan,
    pub(crate) options: &'a Options,
    pub(crate) ctx: Context<'a>,
}

/// How carrying out ended; the record has its terminal status.
pub(crate) enum Ended {
    Done(Box<Record>),
    Failed(Box<Failed>),
}

impl Run<'_> {
    /// Writes the pending revision, does everything, and marks the revision deployed or failed.
    pub(crate) async fn carry_out(
        self,
        mut record: Record,
        definitions: &[serde_json::Value],
        checks: &[smoke::Check],
    ) -> Result<Ended, DeployError> {
        self.records.create(&record).await.map_err(DeployError::Record)?;
        let status = record.info.status.to_string();
        self.ctx.tell(Progress::RevisionCreated { revision: record.revision, status });
        let mut scene = Scene::default();
        match self.steps(&mut record, definitions, checks, &mut scene).await {
            Ok(()) => {
                let description = match self.plan.operation {
                    Operation::Install => "Install complete".to_owned(),
                    Operation::Upgrade => "Upgrade complete".to_owned(),
                    Operation::Rollback { to } => format!("Rollback to {to}"),
                };
                record.set_status(Status::Deployed, description);
                self.records.update(&record).await.map_err(DeployError::Record)?;
                Ok(Ended::Done(Box::new(record)))
            }
            Err(step) => {
                let failed = self.explain(&record.name, record.revision, step, &scene).await;
                let description = match self.plan.operation {
                    Operation::Install => {
                        format!("Release {:?} failed: {}", record.name, failed.cause)
                    }
                    Operation::Upgrade => {
                        format!("Upgrade {:?} failed: {}", record.name, failed.cause)
                    }
                    Operation::Rollback { .. } => {
                        format!("Rollback {:?} failed: {}", record.name, failed.cause)
                    }
                };
                record.set_status(Status::Failed, description);
                self.records.update(&record).await.map_err(DeployError::Record)?;
                self.clean_hooks(&record).await;
                Ok(Ended::Failed(failed))
            }
        }
    }

    async fn steps(
        self,
        record: &mut Record,
        definitions: &[serde_json::Value],
        checks: &[smoke::Check],
        scene: &mut Scene,
    ) -> Result<(), StepError> {
        namespace::define(self.cluster, definitions, self.options, self.ctx).await?;
        self.hooks().run(record, &self.plan.hooks_before, scene).await.map_err(StepError::Hook)?;
        self.roll_out(scene, &[]).await?;
        self.hooks()
            .run(record, &self.plan.hooks_after, &mut Scene::default())
            .await
            .map_err(StepError::Hook)?;
        smoke::run(self.cluster, checks, self.ctx).await.map_err(StepError::Smoke)
    }

    /// Sends changes and deletes, and waits until everything is ready and the checks pass.
    async fn roll_out(self, scene: &mut Scene, checks: &[smoke::Check]) -> Result<(), StepError> {
        let sources =
            watch::sources(self.cluster, &self.plan.objects).await.map_err(StepError::Watch)?;
        let (mut watch, world) =
            Watch::start(self.cluster, sources).await.map_err(StepError::Watch)?;
        *scene = Scene { world, targets: prepare::targets(&self.plan.objects) };
        let applied =
            crate::apply::apply(self.cluster, &self.plan.changes, self.options, self.ctx).await?;
        crate::apply::delete(self.cluster, &self.plan.deletes, self.ctx).await?;
        for object in &applied {
            let target = crate::apply::target(object, release::Want::Ready);
            if let Some(planned) = scene.targets.iter_mut().find(|it| it.id == target.id) {
                planned.generation = target.generation;
            }
        }
        let wait = Wait::new(&scene.targets, self.options.timeout);
        wait.until_ready(&mut watch, &mut scene.world, self.ctx).await.map_err(StepError::Wait)?;
        smoke::run(self.cluster, checks, self.ctx).await.map_err(StepError::Smoke)
    }

    /// Collects the evidence of a failed step, and says its cause in one line.
    async fn explain(
        self,
        release: &str,
        revision: u32,
        step: StepError,
        scene: &Scene,
    ) -> Box<Failed> {
        let mut cause =
            if step.is_cancelled() { "interrupted".to_owned() } else { step.to_string() };
        let evidence = if step.is_cancelled() {
            Evidence::default()
        } else {
            evidence::collect(self.cluster, scene, (&cause, step.cause()), self.ctx).await
        };
        // The last thing that a crashed program said is most often why.
        let is_crash = step.cause().is_some_and(|it| it.text.contains("exit code"));
        if let Some(last) =
            evidence.log.iter().rev().find(|it| !it.trim().is_empty()).filter(|_| is_crash)
        {
            cause = format!("{cause}: {}", last.trim());
        }
        self.ctx.tell(Progress::Failed { cause: cause.clone() });
        let release = release.to_owned();
        Box::new(Failed { release, revision, cause, step, evidence, aftermath: Aftermath::Left })
    }

    async fn clean_hooks(self, record: &Record) {
        for planned in [&self.plan.hooks_before, &self.plan.hooks_after] {
            if let Err(error) = self.hooks().clean_failed(record, planned).await {
                tracing::warn!(%error, "could not delete a failed hook");
            }
        }
    }

    fn hooks(&self) -> Hooks<'_> {
        Hooks {
            cluster: self.cluster,
            records: self.records,
            namespace: &self.plan.owner.namespace,
            options: self.options,
            ctx: self.ctx,
        }
    }

    /// Marks every other deployed revision superseded.
    pub(crate) async fn supersede(
        self,
        deployed: u32,
        history: &release::History,
        mut loaded: Vec<Record>,
    ) -> Result<(), DeployError> {
        let others = history.entries.iter().filter(|it| it.status == Status::Deployed);
        for other in others.filter(|it| it.revision != deployed) {
            let mut record = match loaded.iter().position(|it| it.revision == other.revision) {
                Some(position) => loaded.swap_remove(position),
                None => self.records.load(other.revision).await.map_err(DeployError::Record)?,
            };
            record.info.status = Status::Superseded;
            self.records.update(&record).await.map_err(DeployError::Record)?;
        }
        Ok(())
    }
}

/// What the release holds at this moment, to write the next revision on.
pub(crate) fn stamp(record: &mut Record, status: Status, description: String) {
    record.set_status(status, description);
    record.info.last_deployed = Some(machine::now());
}
