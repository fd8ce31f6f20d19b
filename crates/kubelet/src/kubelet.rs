//! The kubelet: one worker for each pod of the node, and what others may ask of their containers.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use kube::Client;
use sandbox::{Exec, ExecSpec, PodError, TerminalSize};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    dispatch,
    images::ImageError,
    logs::{self, LogRequest},
    mount::PodDir,
    register::{self, RegisterError},
    worker::{Event, RunView, Snapshot},
};

/// The pods of this node, as others see them. Clones are the same kubelet.
#[derive(Debug, Clone)]
pub struct Kubelet {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) node: sandbox::Node,
    pub(crate) images: crate::images::Images,
    /// By uid.
    pub(crate) pods: Mutex<BTreeMap<String, Handle>>,
}

/// How a worker is reached.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) tx: mpsc::Sender<Event>,
    pub(crate) snapshot: watch::Receiver<Snapshot>,
}

/// Why the kubelet did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("could not make the folder of pods")]
    Dir(#[source] crate::disk::DiskError),
    #[error("could not register the node `{name}`")]
    Register { name: String, source: RegisterError },
}

/// Why something of a pod is not to be had. The texts are for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("pod \"{0}\" is not on this node")]
    NoPod(String),
    #[error("container {container} is not valid for pod {pod}")]
    NoContainer { pod: String, container: String },
    #[error("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}")]
    Waiting { pod: String, container: String, reason: String },
    #[error("previous terminated container \"{container}\" in pod \"{pod}\" not found")]
    NoPrevious { pod: String, container: String },
    #[error("container \"{container}\" in pod \"{pod}\" is not running")]
    NotRunning { pod: String, container: String },
    #[error("could not connect to port {port} in pod \"{pod}\"")]
    Connect { pod: String, port: u16, source: io::Error },
    #[error("could not run a command in container \"{container}\" of pod \"{pod}\"")]
    Exec { pod: String, container: String, source: PodError },
}

/// A command to run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    pub command: Vec<String>,
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// A terminal of this size.
    pub tty: Option<TerminalSize>,
}

impl Kubelet {
    /// Registers the node, and begins to run its pods, those that an earlier process left first.
    ///
    /// The task ends soon after `shutdown`; containers go on. Nothing else ends it.
    pub async fn start(
        client: Client,
        config: Config,
        shutdown: CancellationToken,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        crate::disk::make_dir(&config.dir.join("pods")).map_err(StartError::Dir)?;
        let facts = register::facts(&config);
        let node = register::register(&client, &facts)
            .await
            .map_err(|source| StartError::Register { name: config.node_name.clone(), source })?;
        let images = crate::images::Images::new(
            config.images.clone(),
            config.layers_dir.clone(),
            config.registries.clone(),
        );
        let shared = Arc::new(Shared { node: config.node.clone(), images, pods: Mutex::default() });
        let kubelet = Self { shared: Arc::clone(&shared) };
        let task = tokio::spawn(dispatch::run(client, config, facts, (shared, node), shutdown));
        Ok((kubelet, task))
    }

    /// Streams a container's log; with `follow` to the end of its run.
    pub async fn logs(
        &self,
        request: &LogRequest,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, AccessError> {
        let handle = self.handle(&request.namespace, &request.pod)?;
        let snapshot = handle.snapshot.borrow().clone();
        let run = run(&snapshot, &request.pod, &request.container)?;
        let (pod, container) = (request.pod.clone(), request.container.clone());
        let attempt = logs::attempt(run, request.previous).ok_or_else(|| {
            if request.previous {
                return AccessError::NoPrevious { pod, container };
            }
            let reason = logs::waiting_text(run.waiting.as_deref());
            AccessError::Waiting { pod, container, reason }
        })?;
        let path = PodDir(snapshot.dir.clone()).log(&request.container, attempt);
        Ok(logs::read(request, path, attempt, handle.snapshot))
    }

    /// Connects to a port on the pod's own loopback, as port-forward does.
    pub async fn connect(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<TcpStream, AccessError> {
        let handle = self.handle(namespace, pod)?;
        let sandbox = handle.snapshot.borrow().sandbox.clone();
        let sandbox = sandbox.ok_or_else(|| AccessError::NoPod(pod.to_owned()))?;
        let connected = self.shared.node.connect_in_pod(&sandbox, port).await;
        connected.map_err(|source| AccessError::Connect { pod: pod.to_owned(), port, source })
    }

    /// Runs a command in a running container.
    pub async fn exec(&self, request: ExecRequest) -> Result<Exec, AccessError> {
        let ExecRequest { namespace, pod, container, command, stdin, stdout, stderr, tty } =
            request;
        let (sandbox, id) = self.running(&namespace, &pod, &container)?;
        let spec = ExecSpec { args: command, env: vec![], cwd: None, tty, stdin, stdout, stderr };
        let exec = sandbox.exec(&id, spec).await;
        exec.map_err(|source| AccessError::Exec { pod, container, source })
    }

    /// Joins the streams of a running container; `command` and `tty` of the request are not used.
    pub async fn attach(&self, request: ExecRequest) -> Result<Exec, AccessError> {
        let ExecRequest { namespace, pod, container, stdin, stdout, stderr, .. } = request;
        let (sandbox, id) = self.running(&namespace, &pod, &container)?;
        let exec = sandbox.attach(&id, stdin, stdout, stderr).await;
        exec.map_err(|source| AccessError::Exec { pod, container, source })
    }

    /// Removes unpacked layers that neither an image of the content store nor a container needs.
    ///
    /// Returns how many went. Nothing goes while it is not known what some container is made of,
    /// which is so for containers that were adopted, until they end.
    pub async fn sweep_layers(&self) -> Result<usize, ImageError> {
        let mut used = BTreeSet::new();
        let handles: Vec<Handle> = self.pods().values().cloned().collect();
        for handle in handles {
            match handle.snapshot.borrow().layers.clone() {
                Some(layers) => used.extend(layers),
                None => return Ok(0),
            }
        }
        self.shared.images.sweep(used).await
    }

    fn running(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
    ) -> Result<(sandbox::Pod, String), AccessError> {
        let handle = self.handle(namespace, pod)?;
        let snapshot = handle.snapshot.borrow();
        let run = run(&snapshot, pod, container)?;
        match &snapshot.sandbox {
            Some(sandbox) if run.is_running => {
                Ok((sandbox.clone(), format!("{container}.{}", run.attempt)))
            }
            _ => Err(AccessError::NotRunning {
                pod: pod.to_owned(),
                container: container.to_owned(),
            }),
        }
    }

    /// Of two pods with one name the one that still lives is meant.
    fn handle(&self, namespace: &str, pod: &str) -> Result<Handle, AccessError> {
        let pods = self.pods();
        let named = pods.values().filter(|it| it.namespace == namespace && it.name == pod);
        let found = named.max_by_key(|it| it.snapshot.borrow().sandbox.is_some());
        found.cloned().ok_or_else(|| AccessError::NoPod(pod.to_owned()))
    }

    fn pods(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Handle>> {
        self.shared.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run<'a>(snapshot: &'a Snapshot, pod: &str, container: &str) -> Result<&'a RunView, AccessError> {
    snapshot.runs.get(container).ok_or_else(|| AccessError::NoContainer {
        pod: pod.to_owned(),
        container: container.to_owned(),
    })
}
