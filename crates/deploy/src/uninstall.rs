//! Removes a release: its objects in uninstall order, then its records.

use release::{
    ObjectId, Owner, Record, Status, hook,
    manifest::{self, ManifestError},
    object, order, ownership,
    plan::{ObjectDelete, PlannedHook},
    record::HookEvent,
};
use thiserror::Error;

use crate::{
    api::ApiError,
    apply::{self, ApplyError},
    cluster::Cluster,
    deploy::{self, DeployError},
    hooks::{HookError, Hooks, Scene},
    live, machine,
    progress::Context,
    records::{RecordError, Records},
    request::Options,
    wait::{self, WaitError},
    watch::{self, Watch},
};

#[derive(Debug, Error)]
pub enum UninstallError {
    #[error("could not keep the records of the release")]
    Record(#[source] RecordError),
    #[error("could not take the release's lock")]
    Lock(#[source] Box<DeployError>),
    #[error("could not read the manifest of revision {revision}")]
    Manifest { revision: u32, source: ManifestError },
    #[error("could not read the cluster")]
    Live(#[source] ApiError),
    #[error(transparent)]
    Hook(HookError),
    #[error("could not delete {id}: {}", source.summary())]
    Delete { id: ObjectId, source: ApiError },
    #[error("not everything is gone")]
    Wait(#[source] WaitError),
}

/// What an uninstall left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uninstalled {
    /// The release was there.
    pub was_there: bool,
    pub n_deleted: usize,
    /// What its resource policy keeps.
    pub kept: Vec<ObjectId>,
    /// What belongs to another release by now.
    pub foreign: Vec<ObjectId>,
}

/// Removes a release with its history; a release that is not there is no error.
///
/// Its pods may still be ending when it returns: they are not the release's own objects.
pub async fn uninstall(
    cluster: &Cluster,
    owner: &Owner,
    options: &Options,
    ctx: Context<'_>,
) -> Result<Uninstalled, UninstallError> {
    let records = Records::of(cluster, owner);
    let history = records.history().await.map_err(UninstallError::Record)?;
    let Some(last) = history.last() else {
        return Ok(Uninstalled {
            was_there: false,
            n_deleted: 0,
            kept: Vec::new(),
            foreign: Vec::new(),
        });
    };
    let lock = deploy::acquire(cluster, owner, ctx)
        .await
        .map_err(|it| UninstallError::Lock(Box::new(it)))?;
    let removal = Removal { cluster, owner, records, options, ctx };
    let removed = removal.run(last.revision, &history).await;
    lock.release(cluster).await;
    removed
}

#[derive(Clone, Copy)]
struct Removal<'a> {
    cluster: &'a Cluster,
    owner: &'a Owner,
    records: Records<'a>,
    options: &'a Options,
    ctx: Context<'a>,
}

impl Removal<'_> {
    async fn run(
        self,
        last: u32,
        history: &release::History,
    ) -> Result<Uninstalled, UninstallError> {
        let mut record = self.records.load(last).await.map_err(UninstallError::Record)?;
        let mut done =
            Uninstalled { was_there: true, n_deleted: 0, kept: Vec::new(), foreign: Vec::new() };
        if record.info.status != Status::Uninstalled {
            record.set_status(Status::Uninstalling, "Deletion in progress (or silently failed)");
            record.info.deleted = Some(machine::now());
            self.hooks(&mut record, HookEvent::PreDelete).await?;
            self.records.update(&record).await.map_err(UninstallError::Record)?;
            let deletes = self.deletes(history, &record, &mut done).await?;
            done.n_deleted = deletes.len();
            self.delete(&deletes).await?;
            self.hooks(&mut record, HookEvent::PostDelete).await?;
        }
        for entry in &history.entries {
            self.records.delete(entry.revision).await.map_err(UninstallError::Record)?;
        }
        Ok(done)
    }

    /// What exists of the release's objects, also of revisions that failed after the deployed one.
    async fn deletes(
        self,
        history: &release::History,
        last: &Record,
        done: &mut Uninstalled,
    ) -> Result<Vec<ObjectDelete>, UninstallError> {
        let mut objects = Vec::new();
        let baseline = history.baseline().map_or(last.revision, |it| it.revision);
        for entry in history
            .entries
            .iter()
            .filter(|it| it.revision >= baseline && it.revision < last.revision)
        {
            let record = self.records.load(entry.revision).await.map_err(UninstallError::Record)?;
            objects.extend(self.objects(&record).await?);
        }
        objects.extend(self.objects(last).await?);
        let live = live::read(self.cluster, &[], &objects).await.map_err(UninstallError::Live)?;
        let mut deletes: Vec<ObjectDelete> = Vec::new();
        for object in objects.into_iter().rev() {
            let id = ObjectId::of(&object);
            let Some(live) = live.get(&id) else { continue };
            if deletes.iter().any(|it| it.id == id)
                || done.kept.contains(&id)
                || done.foreign.contains(&id)
            {
                continue;
            }
            if ownership::is_kept_stored(&object) {
                done.kept.push(id);
            } else if !ownership::problems(live, self.owner).is_empty() {
                done.foreign.push(id);
            } else {
                deletes.push(ObjectDelete { id, object: live.clone() });
            }
        }
        order::sort_uninstall(&mut deletes, |it| &it.object);
        Ok(deletes)
    }

    async fn objects(self, record: &Record) -> Result<Vec<serde_json::Value>, UninstallError> {
        let objects = manifest::objects(&record.manifest)
            .map_err(|source| UninstallError::Manifest { revision: record.revision, source })?;
        self.cluster.learn_definitions(&objects);
        let mut placed = Vec::new();
        for mut object in objects {
            match self.cluster.place(std::slice::from_mut(&mut object), &self.owner.namespace).await
            {
                Ok(()) => placed.push(object),
                Err(ApiError::UnknownKind { .. }) => {}
                Err(error) => return Err(UninstallError::Live(error)),
            }
        }
        Ok(placed)
    }

    async fn delete(self, deletes: &[ObjectDelete]) -> Result<(), UninstallError> {
        let watching = |source| UninstallError::Wait(WaitError::Watch(source));
        let objects: Vec<_> = deletes.iter().map(|it| it.object.clone()).collect();
        let sources = watch::sources_of(self.cluster, &objects).await.map_err(watching)?;
        let (mut watch, mut world) = Watch::start(self.cluster, sources).await.map_err(watching)?;
        apply::delete(self.cluster, deletes, self.ctx).await.map_err(|error| match error {
            ApplyError::Api { id, source } => UninstallError::Delete { id, source },
            ApplyError::Wait(error) => UninstallError::Wait(error),
            ApplyError::Cancelled => UninstallError::Wait(WaitError::Cancelled),
        })?;
        let gone: Vec<(ObjectId, String)> =
            deletes.iter().map(|it| (it.id.clone(), object::uid(&it.object).to_owned())).collect();
        let waited =
            wait::until_gone((&mut watch, &mut world), &gone, self.options.timeout, self.ctx).await;
        waited.map_err(UninstallError::Wait)
    }

    async fn hooks(self, record: &mut Record, event: HookEvent) -> Result<(), UninstallError> {
        if !self.options.runs_hooks {
            return Ok(());
        }
        let planned: Vec<PlannedHook> = hook::for_event(&record.hooks, event)
            .into_iter()
            .map(|position| {
                let hook = &record.hooks[position];
                PlannedHook {
                    name: hook.name.clone(),
                    kind: hook.kind.clone(),
                    event,
                    weight: hook.weight,
                    position,
                }
            })
            .collect();
        let hooks = Hooks {
            cluster: self.cluster,
            records: self.records,
            namespace: &self.owner.namespace,
            options: self.options,
            ctx: self.ctx,
        };
        let ran = hooks.run(record, &planned, &mut Scene::default()).await;
        if ran.is_err() {
            hooks.clean_failed(record, &planned).await.map_err(UninstallError::Hook)?;
        }
        ran.map_err(UninstallError::Hook)
    }
}
