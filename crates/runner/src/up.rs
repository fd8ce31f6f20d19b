//! A run: the services in their order, each through its stages, and the record of it all.

use std::{path::PathBuf, sync::Mutex, time::Duration};

use deploy::Cluster;
use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use host::ContentStore;
use jiff::Timestamp;
use pipeline::{SelectError, Service};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Event, Record, RecordError, ServiceRecord, StageName, Verdict, Workspace,
    cache::Cache,
    record::RunFolder,
    service::{Failure, ServiceRun, StageError},
};

/// Which stages a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stages {
    /// All of them.
    Up,
    /// Test alone.
    Test,
    /// Build and image.
    Build,
    /// Push alone, of what was built last.
    Push,
    /// Chart and plan, of what was built last.
    Plan,
    /// Push, chart, plan and deploy, of what was built last.
    Deploy,
}

impl Stages {
    pub(crate) fn has(self, stage: StageName) -> bool {
        match stage {
            StageName::Test => matches!(self, Self::Up | Self::Test),
            StageName::Build | StageName::Image => matches!(self, Self::Up | Self::Build),
            StageName::Push => matches!(self, Self::Up | Self::Push | Self::Deploy),
            StageName::Deploy => matches!(self, Self::Up | Self::Deploy),
            StageName::Chart | StageName::Plan => {
                matches!(self, Self::Up | Self::Deploy | Self::Plan)
            }
        }
    }
}

/// A connection to a cluster that is perhaps still being made; its error is told as one line.
pub type Connecting = Shared<BoxFuture<'static, Result<Connected, String>>>;

/// The cluster that a run is for.
#[derive(Clone)]
pub struct Target {
    pub connecting: Connecting,
    /// `embedded`, or the context's name.
    pub name: String,
    /// Whether it takes images from the content store, so that nothing is pushed.
    pub is_embedded: bool,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Target {
    /// A target whose connection begins now, beside whatever comes before it is needed.
    pub fn new(
        name: String,
        is_embedded: bool,
        connect: impl Future<Output = Result<Connected, String>> + Send + 'static,
    ) -> Self {
        let task = tokio::spawn(connect);
        let connecting = async move { task.await.unwrap_or_else(|it| Err(it.to_string())) };
        Self { connecting: connecting.boxed().shared(), name, is_embedded }
    }
}

/// A cluster that answers.
#[derive(Clone)]
pub struct Connected {
    pub client: kube::Client,
    /// Where its ingress listens, when that is known beforehand: host and port.
    pub ingress: Option<(String, u16)>,
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").field("ingress", &self.ingress).finish_non_exhaustive()
    }
}

/// What the user asked for, beyond the project.
#[derive(Debug, Clone)]
pub struct UpOptions {
    pub stages: Stages,
    /// As the user typed it: `up`.
    pub command: String,
    pub version: String,
    /// The run's id.
    pub id: String,
    pub started: Timestamp,
    /// Instead of the environment's.
    pub namespace: Option<String>,
    pub value_files: Vec<PathBuf>,
    pub set: Vec<String>,
    pub set_string: Vec<String>,
    pub timeout: Option<Duration>,
    /// Whether fields that other writers own are taken over.
    pub forces_conflicts: bool,
    pub images: PathBuf,
    /// How registries are spoken to, but for what the environment says of its own.
    pub registries: registry::Options,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Summary {
    pub record: Record,
    pub folder: PathBuf,
    /// For each service, the plan in words; filled by runs that plan.
    pub plans: Vec<(String, Vec<String>)>,
}

#[derive(Debug, thiserror::Error)]
pub enum UpError {
    #[error("could not choose the services")]
    Select(#[source] SelectError),
    #[error("could not open the image store")]
    Images(#[source] host::ContentError),
    #[error("could not keep the run's record")]
    Record(#[source] RecordError),
    #[error(transparent)]
    Stage(Box<Failure>),
}

/// Carries out a run; `report` is called with everything that happens.
pub async fn up(
    workspace: &Workspace,
    selection: &pipeline::Selection<'_>,
    target: &Target,
    options: &UpOptions,
    (report, cancel): (&(dyn Fn(Event) + Send + Sync), &CancellationToken),
) -> Result<Summary, UpError> {
    let started = Instant::now();
    let folder = RunFolder::create(&workspace.runs(), &options.id).map_err(UpError::Record)?;
    let store = ContentStore::open(&options.images).map_err(UpError::Images)?;
    let mut cache = Cache::load(workspace);
    let mut record = new_record(workspace, selection, target, options);
    folder.write_record(&record).map_err(UpError::Record)?;

    let log = Mutex::new(String::new());
    let mut plans = Vec::new();
    let mut failure = None;
    for service in &selection.services {
        let mut run = ServiceRun {
            workspace,
            service,
            environment: selection.environment,
            target,
            options,
            store: &store,
            cache: &mut cache,
            folder: &folder,
            record: new_service(service),
            plan: Vec::new(),
            report: &|event| {
                crate::service::log(&log, started, &event);
                report(event);
            },
            cancel,
        };
        let ended = run.carry_out().await;
        record.services.push(run.record);
        plans.push((service.name.clone(), run.plan));
        if let Err(failed) = ended {
            failure = Some(failed);
            break;
        }
    }
    // A cache that cannot be written only costs the next run its time.
    cache.save().ok();
    record.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    record.verdict = match &failure {
        None => Verdict::Succeeded,
        Some(failed) if failed.error.is_interrupted() => Verdict::Interrupted,
        Some(_) => Verdict::Failed,
    };
    record.cause = failure.as_ref().map(|it| crate::service::one_line(&it.error));
    folder.write_log(&log.into_inner().unwrap_or_default()).map_err(UpError::Record)?;
    folder.write_record(&record).map_err(UpError::Record)?;
    match failure {
        Some(failure) => Err(UpError::Stage(Box::new(failure))),
        None => Ok(Summary { record, folder: folder.dir, plans }),
    }
}

fn new_record(
    workspace: &Workspace,
    selection: &pipeline::Selection<'_>,
    target: &Target,
    options: &UpOptions,
) -> Record {
    let environment = selection.environment;
    Record {
        id: options.id.clone(),
        started: options.started.to_string(),
        took_ms: 0,
        version: options.version.clone(),
        command: options.command.clone(),
        project: workspace.project.name.clone(),
        environment: environment.name.clone(),
        cluster: target.name.clone(),
        namespace: options.namespace.clone().unwrap_or_else(|| environment.namespace.clone()),
        revision: host::git::head(&workspace.root),
        services: Vec::new(),
        verdict: Verdict::Running,
        cause: None,
    }
}

fn new_service(service: &Service) -> ServiceRecord {
    ServiceRecord {
        name: service.name.clone(),
        image: None,
        release_revision: None,
        addresses: Vec::new(),
        pods: Vec::new(),
        shown: Vec::new(),
        stages: Vec::new(),
    }
}

/// Connects, and says so in the words of a stage when that fails.
pub(crate) async fn connected(target: &Target) -> Result<(Cluster, Connected), StageError> {
    let connected = target
        .connecting
        .clone()
        .await
        .map_err(|cause| StageError::Connect { cluster: target.name.clone(), cause })?;
    Ok((Cluster::new(connected.client.clone()), connected))
}
