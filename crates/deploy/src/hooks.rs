//! Runs the hooks of an event, one after the other, each to its end.

use release::{
    ObjectId, Record, Target, Want, World,
    hook::is_deleted,
    manifest::{self, ManifestError},
    object,
    plan::PlannedHook,
    record::{HookDeletePolicy, HookExecution, HookOutputLogPolicy, HookPhase},
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    api::{self, ApiError},
    apply::target,
    cluster::Cluster,
    evidence, machine,
    progress::{Context, Progress},
    records::{RecordError, Records},
    request::Options,
    wait::{self, Wait, WaitError},
    watch::{self, Watch},
};

#[derive(Debug, Error)]
pub enum HookError {
    #[error("the manifest of hook {hook} cannot be read")]
    Manifest { hook: String, source: ManifestError },
    #[error("hook {hook}: {}", source.summary())]
    Api { hook: String, source: ApiError },
    #[error("hook {hook} failed: {source}")]
    Wait { hook: String, source: WaitError },
    #[error("could not record that hook {hook} runs")]
    Record { hook: String, source: RecordError },
}

/// What is seen of a wait, kept for evidence when it fails.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) targets: Vec<Target>,
}

/// Where hooks run.
#[derive(Clone, Copy)]
pub(crate) struct Hooks<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) records: Records<'a>,
    pub(crate) namespace: &'a str,
    pub(crate) options: &'a Options,
    pub(crate) ctx: Context<'a>,
}

impl Hooks<'_> {
    /// Runs hooks in order; their last runs are kept in the record.
    ///
    /// When all succeeded, those whose policy says so are deleted, the last one first.
    pub(crate) async fn run(
        self,
        record: &mut Record,
        planned: &[PlannedHook],
        scene: &mut Scene,
    ) -> Result<(), HookError> {
        for (n_done, hook) in planned.iter().enumerate() {
            if let Err(error) = self.run_one(record, hook, scene).await {
                set_phase(record, hook, HookPhase::Failed);
                self.tell_output(record, hook, HookOutputLogPolicy::HookFailed, scene).await;
                // The failed hook itself goes only after its evidence was collected.
                for done in planned[..n_done].iter().rev() {
                    self.delete_by(record, done, HookDeletePolicy::HookSucceeded).await?;
                }
                return Err(error);
            }
            set_phase(record, hook, HookPhase::Succeeded);
            self.tell_output(record, hook, HookOutputLogPolicy::HookSucceeded, scene).await;
            self.ctx.tell(Progress::HookSucceeded { hook: hook.name.clone(), on: hook.event });
        }
        for hook in planned.iter().rev() {
            self.delete_by(record, hook, HookDeletePolicy::HookSucceeded).await?;
        }
        Ok(())
    }

    /// Deletes what failed and whose policy says so.
    pub(crate) async fn clean_failed(
        self,
        record: &Record,
        planned: &[PlannedHook],
    ) -> Result<(), HookError> {
        for hook in planned {
            if record.hooks[hook.position].last_run.phase == HookPhase::Failed {
                self.delete_by(record, hook, HookDeletePolicy::HookFailed).await?;
            }
        }
        Ok(())
    }

    async fn run_one(
        self,
        record: &mut Record,
        hook: &PlannedHook,
        scene: &mut Scene,
    ) -> Result<(), HookError> {
        self.delete_by(record, hook, HookDeletePolicy::BeforeHookCreation).await?;
        let objects = self.objects(record, hook).await?;
        record.hooks[hook.position].last_run = HookExecution {
            started_at: Some(machine::now()),
            completed_at: None,
            phase: HookPhase::Running,
        };
        let updated = self.records.update(record).await;
        updated.map_err(|source| HookError::Record { hook: hook.name.clone(), source })?;
        self.ctx.tell(Progress::HookStarted { hook: hook.name.clone(), on: hook.event });

        let api = |source| HookError::Api { hook: hook.name.clone(), source };
        let sources = watch::sources(self.cluster, &objects).await.map_err(api)?;
        let (mut watch, world) = Watch::start(self.cluster, sources).await.map_err(api)?;
        *scene = Scene { world, targets: Vec::new() };
        for object in &objects {
            let path = self.cluster.path(object).await.map_err(api)?;
            let applied =
                api::apply(self.cluster.client(), &path, object, false).await.map_err(api)?;
            scene.targets.push(target(&applied, want(&applied)));
        }
        let wait = Wait::new(&scene.targets, self.options.timeout);
        let waited = wait.until_ready(&mut watch, &mut scene.world, self.ctx).await;
        waited.map_err(|source| HookError::Wait { hook: hook.name.clone(), source })
    }

    /// Tells what a hook's containers printed, if its policy says so.
    async fn tell_output(
        self,
        record: &Record,
        hook: &PlannedHook,
        policy: HookOutputLogPolicy,
        scene: &Scene,
    ) {
        if !record.hooks[hook.position].output_log_policies.contains(&policy) {
            return;
        }
        for pod in scene.targets.iter().flat_map(|it| wait::pods_of(&it.id, &scene.world)) {
            for container in object::items(&pod["spec"]["containers"]) {
                let name = container["name"].as_str().unwrap_or_default();
                let Some(text) = evidence::log(self.cluster, pod, name, false).await else {
                    continue;
                };
                for line in text.lines() {
                    self.ctx
                        .tell(Progress::HookLog { hook: hook.name.clone(), line: line.to_owned() });
                }
            }
        }
    }

    /// Deletes a hook's objects if its policy says so, and waits until they are gone.
    async fn delete_by(
        self,
        record: &Record,
        hook: &PlannedHook,
        policy: HookDeletePolicy,
    ) -> Result<(), HookError> {
        if !is_deleted(&record.hooks[hook.position], policy) {
            return Ok(());
        }
        let api = |source| HookError::Api { hook: hook.name.clone(), source };
        let mut gone = Vec::new();
        let mut objects = Vec::new();
        for object in self.objects(record, hook).await? {
            let path = self.cluster.path(&object).await.map_err(api)?;
            if let Some(live) = api::find(self.cluster.client(), &path).await.map_err(api)? {
                gone.push((ObjectId::of(&live), object::uid(&live).to_owned()));
                objects.push((path, live));
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        let lives: Vec<Value> = objects.iter().map(|(_, it)| it.clone()).collect();
        let sources = watch::sources_of(self.cluster, &lives).await.map_err(api)?;
        let (mut watch, mut world) = Watch::start(self.cluster, sources).await.map_err(api)?;
        for (path, _) in &objects {
            api::delete(self.cluster.client(), path).await.map_err(api)?;
        }
        let waited =
            wait::until_gone((&mut watch, &mut world), &gone, self.options.timeout, self.ctx).await;
        waited.map_err(|source| HookError::Wait { hook: hook.name.clone(), source })
    }

    async fn objects(self, record: &Record, hook: &PlannedHook) -> Result<Vec<Value>, HookError> {
        let name = || hook.name.clone();
        let mut objects = manifest::objects(&record.hooks[hook.position].manifest)
            .map_err(|source| HookError::Manifest { hook: name(), source })?;
        let placed = self.cluster.place(&mut objects, self.namespace).await;
        placed.map_err(|source| HookError::Api { hook: name(), source })?;
        Ok(objects)
    }
}

/// Jobs and Pods run to their end; a definition is waited for; anything else is done at once.
fn want(object: &Value) -> Want {
    if matches!(object::kind(object), "Job" | "Pod") { Want::Complete } else { Want::Ready }
}

fn set_phase(record: &mut Record, hook: &PlannedHook, phase: HookPhase) {
    let last_run = &mut record.hooks[hook.position].last_run;
    last_run.phase = phase;
    last_run.completed_at = Some(machine::now());
}
