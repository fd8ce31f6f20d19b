//! The task of one pod: it takes events in, asks `plan` what to do, and has it done.

mod act;
mod note;
mod restore;
mod take;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::PathBuf,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, PodStatus, Service};
use kube::{Client, runtime::reflector::Store};
use sandbox::Exit;
use serde_json::Value;
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    addresses, clock,
    container::Image,
    fields::Addresses,
    images::{ImageError, Images, Resolved},
    mount::{self, MountError, PodDir, Prepared, Workshop},
    plan::{self, Action},
    probe::{Answer, ProbeKind},
    recorder::Recorder,
    state::{Cause, Container, Known, Run, Step},
    status,
    volume::{self, Needs},
};

/// Steps without an event between them; more would be a plan that never ends.
const STEPS_MAX: usize = 100;
const STATUS_RETRY: SignedDuration = SignedDuration::from_secs(1);

/// What all workers of a node share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) node: sandbox::Node,
    pub(crate) host_address: Ipv4Addr,
    pub(crate) pods_dir: PathBuf,
    pub(crate) images: Images,
    pub(crate) recorder: Recorder,
    pub(crate) addresses: addresses::Addresses,
    pub(crate) services: Store<Service>,
    pub(crate) workshop: Workshop,
}

/// Everything that can wake a worker, but for the end of a container and the time.
#[derive(Debug)]
pub(crate) enum Event {
    /// A newer version of the pod.
    Pod(Arc<Pod>),
    /// The pod's object is gone.
    Removed,
    /// Something in the pod's namespace changed that pods may read.
    Changed(ObjectKind, String),
    SandboxMade(Result<sandbox::Pod, String>),
    SandboxDestroyed(Result<(), String>),
    Prepared(Result<Box<Prepared>, MountError>),
    Image(usize, Result<Resolved, ImageError>),
    Started(usize, Result<Timestamp, StartFailure>),
    HookEnded(usize, u32, HookKind, Result<(), String>),
    Probed(usize, u32, ProbeKind, Answer),
    StatusWritten(Value, Result<(), kube::Error>),
    Deleted(Result<(), kube::Error>),
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    ConfigMap,
    Secret,
    Claim,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookKind {
    PostStart,
    PreStop,
}

/// Why a container did not start.
#[derive(Debug)]
pub(crate) enum StartFailure {
    /// It cannot be described: `CreateContainerConfigError`.
    Config(String),
    /// Its program cannot be run.
    Run(String),
    /// The pod's shim has ended.
    SandboxGone(String),
}

/// What others may see of a pod: logs, exec and port-forward begin here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) dir: PathBuf,
    pub(crate) sandbox: Option<sandbox::Pod>,
    /// By container name.
    pub(crate) runs: BTreeMap<String, RunView>,
    /// The folders that its running containers are made of; `None` when that is not known.
    pub(crate) layers: Option<BTreeSet<PathBuf>>,
}

/// The present run of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunView {
    pub(crate) attempt: u32,
    pub(crate) is_running: bool,
    /// It runs or has ended; its log is there.
    pub(crate) has_started: bool,
    /// The `reason` of a waiting container.
    pub(crate) waiting: Option<String>,
}

/// The task's own state; nobody else changes it.
pub(crate) struct Worker {
    ctx: Arc<Context>,
    known: Known,
    needs: Needs,
    dir: PodDir,
    sandbox: Option<sandbox::Pod>,
    exits: Option<broadcast::Receiver<(String, Exit)>>,
    prepared: Prepared,
    /// What the pod reads changed while it was being read.
    is_stale: bool,
    /// By position of the container.
    images: BTreeMap<usize, Arc<Image>>,
    tasks: JoinSet<Event>,
    rx: mpsc::Receiver<Event>,
    snapshot: watch::Sender<Snapshot>,
    writer: StatusWriter,
}

/// What the API holds of the status, as far as we know.
#[derive(Debug, Default)]
struct StatusWriter {
    sent: Value,
    is_writing: bool,
    retry_at: Option<Timestamp>,
    is_deleting: bool,
}

/// Runs the pod until it is gone or `shutdown`; containers survive a shutdown. Returns the pod's uid.
pub(crate) async fn run(
    ctx: Arc<Context>,
    pod: Arc<Pod>,
    rx: mpsc::Receiver<Event>,
    snapshot: watch::Sender<Snapshot>,
    shutdown: CancellationToken,
) -> String {
    let mut worker = Worker::new(ctx, pod, rx, snapshot);
    let uid = worker.known.uid().to_owned();
    worker.restore().await;
    while !shutdown.is_cancelled() {
        let wake_at = worker.step();
        worker.publish();
        if worker.is_done() {
            worker.clean_up().await;
            break;
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = worker.wait(wake_at) => {}
        }
    }
    uid
}

impl Event {
    /// For the log.
    fn name(&self) -> &'static str {
        match self {
            Self::Pod(_) => "pod",
            Self::Removed => "removed",
            Self::Changed(..) => "changed",
            Self::SandboxMade(_) => "sandbox made",
            Self::SandboxDestroyed(_) => "sandbox destroyed",
            Self::Prepared(_) => "prepared",
            Self::Image(..) => "image",
            Self::Started(..) => "started",
            Self::HookEnded(..) => "hook ended",
            Self::Probed(..) => "probed",
            Self::StatusWritten(..) => "status written",
            Self::Deleted(_) => "deleted",
            Self::Nothing => "nothing",
        }
    }
}

impl Worker {
    fn new(
        ctx: Arc<Context>,
        pod: Arc<Pod>,
        rx: mpsc::Receiver<Event>,
        snapshot: watch::Sender<Snapshot>,
    ) -> Self {
        let now = clock::now();
        let dir = PodDir(ctx.pods_dir.join(pod.metadata.uid.as_deref().unwrap_or_default()));
        let sent = pod.status.as_ref().map(api_status).unwrap_or_default();
        Self {
            needs: volume::needs(&pod),
            known: Known::new(pod, now),
            ctx,
            dir,
            sandbox: None,
            exits: None,
            prepared: Prepared::default(),
            is_stale: false,
            images: BTreeMap::new(),
            tasks: JoinSet::new(),
            rx,
            snapshot,
            writer: StatusWriter { sent, ..StatusWriter::default() },
        }
    }

    /// Does what is to be done now; returns when to look again.
    fn step(&mut self) -> Option<Timestamp> {
        let now = clock::now();
        let was_ending = self.known.ending.is_some();
        self.known.observe_ending(now);
        if !was_ending && self.known.ending.is_some_and(|it| it.cause == Cause::DeadlineExceeded) {
            self.note_deadline();
        }
        let renew_at = self.renew_tokens(now);
        let mut wake_at = None;
        for _ in 0..STEPS_MAX {
            let plan = plan::plan(&self.known, now);
            wake_at = plan.wake_at;
            if plan.actions.is_empty() {
                break;
            }
            for action in plan.actions {
                self.act(action, now);
            }
        }
        let retry_at = self.write_status(now);
        [wake_at, renew_at, retry_at].into_iter().flatten().min()
    }

    fn act(&mut self, action: Action, now: Timestamp) {
        tracing::debug!(pod = self.known.uid(), ?action);
        self.note_action(action);
        plan::begin(&mut self.known, action, now);
        match action {
            Action::CreateSandbox => self.create_sandbox(),
            Action::MountVolumes => self.mount_volumes(now),
            Action::ResolveImage { idx } => self.resolve_image(idx),
            Action::Start { idx } => self.start(idx),
            Action::PostStart { idx } => self.run_hook(idx, HookKind::PostStart),
            Action::Kill { idx, .. } => self.run_hook(idx, HookKind::PreStop),
            Action::Probe { idx, kind } => self.probe(idx, kind),
            Action::Signal { idx, signal } => self.signal(idx, signal),
            Action::DestroySandbox => self.destroy_sandbox(),
            Action::ReportBackOff { .. } | Action::Finish => {}
        }
    }

    /// Waits for the next event or the time, takes it in, and all others that are there already.
    async fn wait(&mut self, wake_at: Option<Timestamp>) {
        let sleep = async {
            match wake_at {
                Some(at) => tokio::time::sleep(clock::until(at)).await,
                None => std::future::pending().await,
            }
        };
        let exit = async {
            match &mut self.exits {
                Some(exits) => exits.recv().await,
                None => std::future::pending().await,
            }
        };
        let first = tokio::select! {
            Some(event) = self.rx.recv() => event,
            Some(result) = self.tasks.join_next() => finished(result),
            exit = exit => {
                self.take_exit(exit).await;
                Event::Nothing
            }
            () = sleep => Event::Nothing,
        };
        self.take(first);
        loop {
            if let Ok(event) = self.rx.try_recv() {
                self.take(event);
            } else if let Some(result) = self.tasks.try_join_next() {
                self.take(finished(result));
            } else {
                return;
            }
        }
    }

    /// Has tokens made again that are about to expire; returns when that is so next.
    fn renew_tokens(&mut self, now: Timestamp) -> Option<Timestamp> {
        let times = self.prepared.tokens.iter().map(|(need, it)| mount::renew_at(need, it));
        let at = times.min().filter(|_| self.known.ending.is_none())?;
        if at <= now && self.known.volumes == Step::Done {
            self.known.volumes = Step::Todo;
            return None;
        }
        (at > now).then_some(at)
    }

    /// Patches the status when it changed, one patch at a time; deletes the object at the end.
    fn write_status(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.known.is_removed || self.writer.is_writing || self.writer.is_deleting {
            return None;
        }
        // A start takes a moment, and its end is worth a status: one patch for both.
        if self.known.own.is_some() && self.known.containers.iter().any(Container::is_starting) {
            return None;
        }
        if let Some(retry_at) = self.writer.retry_at.filter(|it| *it > now) {
            return Some(retry_at);
        }
        let next = status::status(&self.known, self.ctx.host_address, now);
        let status = api_status(&next);
        self.known.own = Some(next);
        if status != self.writer.sent {
            self.writer.is_writing = true;
            self.patch_status(status);
        } else if self.known.is_finishing {
            self.writer.is_deleting = true;
            self.delete_pod();
        }
        None
    }

    /// Shows others what they may need to know.
    fn publish(&self) {
        let containers = self.known.containers.iter();
        let runs: BTreeMap<String, RunView> =
            containers.map(|it| (it.spec.name.clone(), self.view(it))).collect();
        self.snapshot.send_if_modified(|snapshot| {
            let is_same =
                snapshot.runs == runs && snapshot.sandbox.is_some() == self.sandbox.is_some();
            if !is_same {
                *snapshot = Snapshot {
                    dir: self.dir.0.clone(),
                    sandbox: self.sandbox.clone(),
                    runs,
                    layers: self.layers(),
                };
            }
            !is_same
        });
    }

    fn view(&self, container: &Container) -> RunView {
        let own = self.known.own.as_ref();
        let lists = own.map(|it| [&it.init_container_statuses, &it.container_statuses]);
        let mut statuses = lists.into_iter().flatten().flatten().flatten();
        let status = statuses.find(|it| it.name == container.spec.name);
        let waiting = status.and_then(|it| it.state.as_ref()?.waiting.as_ref()?.reason.clone());
        RunView {
            attempt: container.attempt,
            is_running: matches!(container.run, Run::Running(_)),
            has_started: matches!(container.run, Run::Running(_) | Run::Exited(_)),
            waiting,
        }
    }

    fn layers(&self) -> Option<BTreeSet<PathBuf>> {
        let mut layers = BTreeSet::new();
        for (idx, container) in self.known.containers.iter().enumerate() {
            match self.images.get(&idx) {
                Some(image) => layers.extend(image.layers.iter().cloned()),
                None if container.is_alive() => return None,
                None => {}
            }
        }
        Some(layers)
    }

    fn is_done(&self) -> bool {
        self.known.is_removed && self.known.is_finishing
    }

    fn addresses(&self) -> Addresses {
        Addresses { pod: self.known.address, host: self.ctx.host_address }
    }
}

/// A task that panicked is a bug; its pod goes on without its answer.
fn finished(result: Result<Event, tokio::task::JoinError>) -> Event {
    result.unwrap_or_else(|error| {
        tracing::error!(%error, "a pod's task failed");
        Event::Nothing
    })
}

/// The status as the API holds it, without what others write.
fn api_status(status: &PodStatus) -> Value {
    const OURS: [&str; 5] =
        ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let mut status = status.clone();
    if let Some(conditions) = &mut status.conditions {
        conditions.retain(|it| OURS.contains(&it.type_.as_str()));
    }
    serde_json::to_value(status).unwrap_or_default()
}
