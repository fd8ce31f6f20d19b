//! One service through its stages.

use std::{error::Error, fmt, sync::Mutex, time::Duration};

use deploy::{Cluster, DeployError, prepare::PrepareError, records::RecordError};
use host::{ContentStore, inputs::InputsError};
use pipeline::{Environment, Service, Stage, stage_key};
use registry::RegistryError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    CommandError, Event, ImageError, Outcome, ServiceRecord, StageName, StageRecord, Target,
    UpOptions, Workspace,
    cache::{Cache, Done, Left},
    chart::{self, ChartError},
    commands, deployment,
    image::{self, BuiltImage},
    push,
    record::RunFolder,
    up::connected,
};

/// Why a stage failed.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error("could not read the input files")]
    Inputs(#[source] InputsError),
    #[error(transparent)]
    Command(CommandError),
    #[error(transparent)]
    Image(ImageError),
    #[error("service `{service}` has not been built yet")]
    NotBuilt { service: String },
    #[error("could not push the image")]
    Push(#[source] RegistryError),
    #[error("could not prepare the registry client")]
    RegistryClient(#[source] registry::TlsError),
    #[error(transparent)]
    Chart(ChartError),
    #[error("could not reach the cluster `{cluster}`: {cause}")]
    Connect { cluster: String, cause: String },
    #[error("could not read the release's history")]
    History(#[source] RecordError),
    #[error("could not plan the deploy")]
    Prepare(#[source] Box<PrepareError>),
    #[error(transparent)]
    Deploy(Box<DeployError>),
    #[error("interrupted")]
    Interrupted,
}

impl StageError {
    pub fn is_interrupted(&self) -> bool {
        match self {
            Self::Interrupted => true,
            Self::Deploy(it) => {
                matches!(&**it, DeployError::Failed(it) if it.step.is_cancelled())
            }
            _ => false,
        }
    }

    /// What was seen, for people: the last lines of a command or of a container, warnings of the cluster, lines
    /// of a chart.
    pub fn evidence(&self) -> Vec<String> {
        match self {
            Self::Command(CommandError::Failed { tail, .. }) => tail.clone(),
            Self::Chart(error) => error.evidence(),
            Self::Deploy(it) => match &**it {
                DeployError::Failed(failed) => deployment::evidence(failed),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

/// A service whose stage failed.
#[derive(Debug)]
pub struct Failure {
    pub service: String,
    pub stage: StageName,
    pub error: StageError,
    /// Where the run's record and its evidence lie.
    pub folder: std::path::PathBuf,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service `{}`: {} failed: {}", self.service, self.stage.as_str(), self.error)
    }
}

/// The stage's error is in the text; what is below it is the source.
impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Error::source(&self.error)
    }
}

/// An error with everything below it, on one line.
pub(crate) fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let below = error.to_string();
        if !text.contains(&below) {
            text.push_str(": ");
            text.push_str(&below);
        }
        source = error.source();
    }
    text.replace('\n', " ")
}

/// One service of a run.
pub(crate) struct ServiceRun<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) service: &'a Service,
    pub(crate) environment: &'a Environment,
    pub(crate) target: &'a Target,
    pub(crate) options: &'a UpOptions,
    pub(crate) store: &'a ContentStore,
    pub(crate) cache: &'a mut Cache,
    pub(crate) folder: &'a RunFolder,
    pub(crate) record: ServiceRecord,
    pub(crate) plan: Vec<String>,
    pub(crate) report: &'a (dyn Fn(Event) + Send + Sync),
    pub(crate) cancel: &'a CancellationToken,
}

/// What a stage that did not fail says of itself.
type Ended<T> = (Outcome, String, T);

impl ServiceRun<'_> {
    pub(crate) async fn carry_out(&mut self) -> Result<(), Failure> {
        let stages = self.options.stages;
        if stages.has(StageName::Test) {
            let stage = self.service.test.clone();
            self.stage(StageName::Test, async |it| it.run_commands(StageName::Test, stage).await)
                .await?;
        }
        let mut image = None;
        if stages.has(StageName::Build) {
            let stage = self.service.build.clone();
            let build = async |it: &mut Self| it.run_commands(StageName::Build, stage).await;
            self.stage(StageName::Build, build).await?;
            image = self.stage(StageName::Image, async |it| it.image().await).await?;
        } else if stages.has(StageName::Push) || stages.has(StageName::Chart) {
            image = self.built_before().map_err(|it| self.failure(StageName::Image, it))?;
        }
        self.record.image = image.as_ref().map(|it| it.reference.familiar());
        if stages.has(StageName::Push) {
            let built = image.clone();
            self.stage(StageName::Push, async |it| it.push(built.as_ref()).await).await?;
        }
        if stages.has(StageName::Chart) {
            self.deploy(image.as_ref()).await?;
        }
        Ok(())
    }

    /// Chart, plan and deploy: the plan needs the cluster, the deploy needs the plan.
    async fn deploy(&mut self, image: Option<&BuiltImage>) -> Result<(), Failure> {
        let loaded = self.stage(StageName::Chart, async |it| it.chart(image)).await?;
        let planned = self
            .stage(StageName::Plan, async |it| deployment::plan(it, &loaded, image).await)
            .await?;
        if self.options.stages.has(StageName::Deploy) {
            self.stage(StageName::Deploy, async |it| deployment::deploy(it, planned).await).await?;
        }
        Ok(())
    }

    /// Runs one stage: tells its beginning and its end, and keeps both in the record.
    async fn stage<T>(
        &mut self,
        stage: StageName,
        work: impl AsyncFnOnce(&mut Self) -> Result<Ended<T>, StageError>,
    ) -> Result<T, Failure> {
        let service = self.service.name.clone();
        (self.report)(Event::Started { service: service.clone(), stage });
        let started = Instant::now();
        let cancel = self.cancel;
        // A deploy ends by itself when it is cancelled: it has a record to bring to an end.
        let ended = if stage == StageName::Deploy {
            work(self).await
        } else {
            tokio::select! {
                ended = work(self) => ended,
                () = cancel.cancelled() => Err(StageError::Interrupted),
            }
        };
        let took = started.elapsed();
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match ended {
            Ok((outcome, detail, value)) => {
                let line =
                    StageRecord { stage, outcome: Some(outcome), detail: detail.clone(), took_ms };
                self.record.stages.push(line);
                (self.report)(Event::Ended { service, stage, outcome, detail, took });
                Ok(value)
            }
            Err(error) => {
                let cause = one_line(&error);
                let line = StageRecord { stage, outcome: None, detail: cause.clone(), took_ms };
                self.record.stages.push(line);
                (self.report)(Event::Failed { service, stage, cause, took });
                Err(self.failure(stage, error))
            }
        }
    }

    fn failure(&self, stage: StageName, error: StageError) -> Failure {
        let folder = self.folder.dir.clone();
        Failure { service: self.service.name.clone(), stage, error, folder }
    }

    /// Test or build: the user's commands, unless nothing that they depend on has changed.
    async fn run_commands(
        &mut self,
        name: StageName,
        stage: Option<Stage>,
    ) -> Result<Ended<()>, StageError> {
        let Some(stage) = stage else {
            let text = format!("the project names no {name} command");
            return Ok((Outcome::Skipped, text, ()));
        };
        let key = self.key(name, &stage)?;
        let done = self.cache.done(&self.service.name, name);
        if done.is_some_and(|it| it.key == key && it.is_intact()) {
            return Ok((Outcome::Unchanged, String::new(), ()));
        }
        let (service, report) = (&self.service.name, self.report);
        commands::run(&self.workspace.root, &stage, |text| {
            report(Event::Line { service: service.clone(), stage: name, text });
        })
        .await
        .map_err(StageError::Command)?;
        // A command may change its own inputs, as a code generator or a lock file does.
        let mut done = Done::new(&self.key(name, &stage)?);
        if name == StageName::Build {
            let files = self.service.image.iter().flat_map(|it| it.files.values());
            let paths = files.map(|it| self.workspace.root.join(it));
            done.left = paths.filter_map(|it| Left::of(&it).map(|left| (it, left))).collect();
        }
        self.cache.set(&self.service.name, name, done);
        let n_commands = stage.run.len();
        let plural = if n_commands == 1 { "" } else { "s" };
        Ok((Outcome::Done, format!("{n_commands} command{plural}"), ()))
    }

    fn key(&mut self, name: StageName, stage: &Stage) -> Result<String, StageError> {
        let own = !stage.inputs.is_empty();
        let patterns = if own { &stage.inputs } else { &self.service.inputs };
        let inputs =
            self.cache.fingerprint(&self.workspace.root, patterns).map_err(StageError::Inputs)?;
        let env = format!("{:?}", stage.env);
        let parts = [("run", stage.run.join("\n")), ("env", env), ("inputs", inputs.to_string())];
        let parts: Vec<(&str, &str)> =
            parts.iter().map(|(name, it)| (*name, it.as_str())).collect();
        Ok(stage_key(name.as_str(), &parts).as_str().to_owned())
    }

    async fn image(&mut self) -> Result<Ended<Option<BuiltImage>>, StageError> {
        let Some(image) = &self.service.image else {
            let text = "the project builds no image for it".to_owned();
            return Ok((Outcome::Skipped, text, None));
        };
        let build = self.cache.done(&self.service.name, StageName::Build);
        let files: Vec<String> = image
            .files
            .values()
            .map(|it| format!("{it}={:?}", Left::of(&self.workspace.root.join(it))))
            .collect();
        let parts = [
            ("image", format!("{image:?}")),
            ("build", build.map(|it| it.key.clone()).unwrap_or_default()),
            ("files", files.join("\n")),
        ];
        let parts: Vec<(&str, &str)> =
            parts.iter().map(|(name, it)| (*name, it.as_str())).collect();
        let key = stage_key("image", &parts).as_str().to_owned();
        if let Some(built) = self.cached_image(Some(&key))? {
            return Ok((Outcome::Unchanged, built.reference.familiar(), Some(built)));
        }
        if image.base.is_some() {
            let client = registry::Client::new(self.options.registries.clone());
            let client = client.map_err(StageError::RegistryClient)?;
            image::fetch_base(self.store, image, &client).await.map_err(StageError::Image)?;
        }
        let built = image::build(self.store, &self.workspace.root, self.service, image)
            .map_err(StageError::Image)?;
        let mut done = Done::new(&key);
        done.image = Some((built.reference.to_string(), built.descriptor.digest.clone()));
        self.cache.set(&self.service.name, StageName::Image, done);
        let megabytes = built.layer_bytes as f64 / 1e6;
        let text = format!("{} ({megabytes:.1} MB)", built.reference.familiar());
        Ok((Outcome::Done, text, Some(built)))
    }

    /// The image of the last build, for runs that do not build.
    fn built_before(&self) -> Result<Option<BuiltImage>, StageError> {
        if self.service.image.is_none() {
            return Ok(None);
        }
        let missing = || StageError::NotBuilt { service: self.service.name.clone() };
        self.cached_image(None)?.map(Some).ok_or_else(missing)
    }

    fn cached_image(&self, key: Option<&str>) -> Result<Option<BuiltImage>, StageError> {
        let done = self.cache.done(&self.service.name, StageName::Image);
        let done = done.filter(|it| key.is_none_or(|key| it.key == key));
        let Some((reference, digest)) = done.and_then(|it| it.image.as_ref()) else {
            return Ok(None);
        };
        let Ok(reference) = reference.parse::<oci::Reference>() else { return Ok(None) };
        let exact = reference.with_digest(digest.clone());
        let descriptor =
            self.store.resolve(&exact).map_err(|it| StageError::Image(ImageError::Store(it)))?;
        Ok(descriptor.map(|descriptor| BuiltImage { reference, descriptor, layer_bytes: 0 }))
    }

    async fn push(&mut self, image: Option<&BuiltImage>) -> Result<Ended<()>, StageError> {
        let skipped = |text: &str| Ok((Outcome::Skipped, text.to_owned(), ()));
        let Some(image) = image else { return skipped("there is no image") };
        if self.target.is_embedded {
            return skipped("nothing pushed: the embedded cluster has the image");
        }
        let Some(registry) = &self.environment.registry else {
            return skipped("nothing pushed: the environment names no registry");
        };
        let pushed =
            push::push(self.store, image, registry, self.options.registries.clone()).await?;
        Ok((pushed.outcome, pushed.detail, ()))
    }

    fn chart(&mut self, image: Option<&BuiltImage>) -> Result<Ended<chart::Loaded>, StageError> {
        let loaded = chart::load(self, image).map_err(StageError::Chart)?;
        let text = format!("{} {}", loaded.name, loaded.version);
        Ok((Outcome::Done, text, loaded))
    }

    pub(crate) async fn cluster(&self) -> Result<(Cluster, crate::up::Connected), StageError> {
        connected(self.target).await
    }

    pub(crate) fn namespace(&self) -> String {
        let given = self.options.namespace.clone();
        given.unwrap_or_else(|| self.environment.namespace.clone())
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.options.timeout.or_else(|| self.environment.timeout_s.map(Duration::from_secs))
    }
}

/// Adds an event to the run's log.
pub(crate) fn log(log: &Mutex<String>, started: Instant, event: &Event) {
    let at = started.elapsed().as_secs_f64();
    let line = match event {
        Event::Started { service, stage } => format!("{at:9.3} {service} {stage}: started"),
        Event::Line { service, stage, text } => format!("{at:9.3} {service} {stage} | {text}"),
        Event::Deploy { service, progress } => format!("{at:9.3} {service} deploy: {progress}"),
        Event::Ended { service, stage, outcome, detail, .. } => {
            format!("{at:9.3} {service} {stage}: {outcome:?} {detail}")
        }
        Event::Failed { service, stage, cause, .. } => {
            format!("{at:9.3} {service} {stage}: FAILED {cause}")
        }
    };
    let mut log = log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    log.push_str(&line);
    log.push('\n');
}
