//! A pod as its owner holds it: requests to the pod's shim, and the exits it reports.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    sync::broadcast,
    task::JoinHandle,
};

use crate::{
    connection::Connection,
    error::{Failure, PodError, StartError},
    exec::Exec,
    kernel::cgroup::Cgroups,
    node::Node,
    protocol::{self, Reply, Request, SHIM_ARGUMENT, ShimConfig},
    spec::{
        CONFIG, CONFIG_PART, CONTAINERS, ContainerSpec, ContainerState, ContainerStatus, ExecSpec,
        Exit, LOG, MEMORY, PodConfig, SOCKET, Usage, container_dir,
    },
};

/// Exits that a slow receiver may lag behind by.
const EXITS_KEPT_MAX: usize = 256;

/// A pod with a running shim. Clones are the same pod; dropping them all leaves it running.
#[derive(Debug, Clone)]
pub struct Pod {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: ShimConfig,
    cgroups: Cgroups,
    /// The pod's folder.
    dir: OwnedFd,
    /// The shim's process, which lives in the pod's network namespace.
    shim: OwnedFd,
    exits: broadcast::Sender<(String, Exit)>,
    /// Subscribed before the shim was asked, so that the first caller of `exits` misses nothing.
    first_receiver: Mutex<Option<broadcast::Receiver<(String, Exit)>>>,
    running: Arc<Mutex<BTreeSet<String>>>,
    watcher: JoinHandle<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Pod {
    /// Makes a pod and its shim, in place of what may be left of one in `config.dir`.
    ///
    /// When it fails nothing is left but the folder; when it is cancelled, [`discard`](Self::discard)
    /// takes away what came to be.
    pub async fn create(node: &Node, config: &PodConfig) -> Result<Self, PodError> {
        Self::discard(&config.dir).await?;
        let config = ShimConfig { node: node.config().clone(), pod: config.clone() };
        let made = match launch(&config).await {
            Ok(()) => Self::attach_to(config.clone()).await,
            Err(error) => Err(error),
        };
        if made.is_err() {
            Self::discard(&config.pod.dir).await?;
        }
        made
    }

    /// Finds a pod again after the process that made it has ended; [`PodError::Gone`] when its
    /// shim has ended too, which leaves [`Pod::discard`].
    pub async fn adopt(_node: &Node, dir: &Path) -> Result<Self, PodError> {
        Self::attach_to(load_config(dir)?).await
    }

    /// What the pod in `dir` was made of, whether it still runs or not; [`PodError::Gone`] when there is none.
    pub fn config_in(dir: &Path) -> Result<PodConfig, PodError> {
        load_config(dir).map(|it| it.pod)
    }

    /// Kills what runs of the pod in `dir`, without asking its shim, and removes its cgroups,
    /// writable layers and socket.
    ///
    /// Nothing happens when there is none.
    pub async fn discard(dir: &Path) -> Result<(), PodError> {
        let config = match load_config(dir) {
            Ok(config) => Some(config),
            Err(PodError::Gone { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(());
            }
            // Cut off when the machine went down, and everything that ran with it.
            Err(PodError::Gone { source, .. }) if is_cut_off(&source) => None,
            Err(error) => return Err(error),
        };
        let dir = dir.to_owned();
        blocking("could not tidy up the pod", move || {
            if let Some(config) = config {
                Cgroups::of(&config.node)?.remove_pod(&config.pod.id)?;
            }
            remove_files(&dir)
        })
        .await
    }

    async fn attach_to(config: ShimConfig) -> Result<Self, PodError> {
        let path = config.pod.dir.clone();
        let gone = |source| PodError::Gone { dir: path.clone(), source };
        let cgroups = Cgroups::of(&config.node).map_err(gone)?;
        let dir = OwnedFd::from(File::open(&config.pod.dir).map_err(gone)?);
        let mut connection = Connection::open(&dir).await.map_err(gone)?;
        let shim = open_process(&connection).map_err(gone)?;
        let running = list(&dir).await.map_err(gone)?;
        connection.send(&Request::Watch, &[]).await.map_err(gone)?;
        connection.reply().await.map_err(gone)?;
        let running = Arc::new(Mutex::new(running));
        let (exits, first_receiver) = broadcast::channel(EXITS_KEPT_MAX);
        let watcher = tokio::spawn(watch(connection, exits.clone(), Arc::clone(&running)));
        let first_receiver = Mutex::new(Some(first_receiver));
        let inner = Inner { config, cgroups, dir, shim, exits, first_receiver, running, watcher };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn config(&self) -> &PodConfig {
        &self.inner.config.pod
    }

    /// Lists the containers that were started and not removed, by id.
    pub async fn containers(&self) -> Result<Vec<ContainerStatus>, PodError> {
        match self.ask(&Request::List).await? {
            Reply::Containers(containers) => Ok(containers),
            _ => Err(self.talk(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Starts a container and returns when its program runs, or says why it cannot.
    pub async fn start(&self, spec: &ContainerSpec) -> Result<(), StartError> {
        lock(&self.inner.running).insert(spec.id.clone());
        let request = Request::Start(Box::new(spec.clone()));
        let result = self.converse(&request).await;
        let failure = match result {
            Ok(Reply::Failed(failure)) => Some(failure.into_start_error()),
            Ok(_) => None,
            Err(source) => Some(StartError::Shim { source }),
        };
        let Some(failure) = failure else { return Ok(()) };
        if !matches!(failure, StartError::Exists { .. }) {
            lock(&self.inner.running).remove(&spec.id);
        }
        Err(failure)
    }

    /// Sends a signal to the first process of a container.
    pub async fn signal(&self, id: &str, signal: i32) -> Result<(), PodError> {
        self.ask(&Request::Signal { id: id.to_owned(), signal }).await.map(drop)
    }

    /// Kills what still runs of a container and forgets it, with its writable layer; its log stays.
    pub async fn remove(&self, id: &str) -> Result<(), PodError> {
        self.ask(&Request::Remove { id: id.to_owned() }).await?;
        lock(&self.inner.running).remove(id);
        let dir = container_dir(&self.inner.config.pod.dir, id);
        blocking("could not remove the container's files", move || remove_dir(&dir)).await
    }

    /// Runs a command in a running container.
    pub async fn exec(&self, id: &str, spec: ExecSpec) -> Result<Exec, PodError> {
        let wanted = [spec.stdin, spec.stdout, spec.stderr];
        let request = Request::Exec { id: id.to_owned(), spec };
        self.stream(&request, wanted).await
    }

    /// Joins the streams of a running container: its input when it was started with `stdin`, and
    /// what it prints from now on. [`Exec::wait`] answers with the container's own exit.
    pub async fn attach(
        &self,
        id: &str,
        stdin: bool,
        stdout: bool,
        stderr: bool,
    ) -> Result<Exec, PodError> {
        let request = Request::Attach { id: id.to_owned(), stdin, stdout, stderr };
        self.stream(&request, [stdin, stdout, stderr]).await
    }

    /// Follows the ends of containers, by id.
    ///
    /// The first call also gets every exit since the pod was created or adopted, and for an adopted
    /// pod those of containers that ended before and were not removed. When the shim is killed, all
    /// containers that ran are reported killed.
    pub fn exits(&self) -> broadcast::Receiver<(String, Exit)> {
        let first = lock(&self.inner.first_receiver).take();
        first.unwrap_or_else(|| self.inner.exits.subscribe())
    }

    /// Reads what a container has used.
    pub async fn usage(&self, id: &str) -> Result<Usage, PodError> {
        let inner = Arc::clone(&self.inner);
        let id = id.to_owned();
        let read = move || inner.cgroups.usage(&inner.config.pod.id, &id);
        blocking("could not read what the container has used", read).await
    }

    /// Kills all containers and the shim, and removes all that was made for the pod but logs.
    ///
    /// Nothing happens when it is gone already.
    pub async fn destroy(&self) -> Result<(), PodError> {
        match self.ask(&Request::Destroy).await {
            // The shim may end before its answer is read.
            Ok(_) | Err(PodError::Gone { .. }) => {}
            Err(error) => return Err(error),
        }
        Self::discard(&self.inner.config.pod.dir).await
    }

    /// The shim's process, whose network namespace is the pod's.
    pub(crate) fn shim(&self) -> &OwnedFd {
        &self.inner.shim
    }

    async fn stream(&self, request: &Request, wanted: [bool; 3]) -> Result<Exec, PodError> {
        let connection = self.connect().await?;
        Exec::open(connection, request, wanted).await.map_err(|source| self.talk(source))?
    }

    async fn ask(&self, request: &Request) -> Result<Reply, PodError> {
        match self.converse(request).await? {
            Reply::Failed(failure) => Err(failure.into_pod_error()),
            reply => Ok(reply),
        }
    }

    async fn converse(&self, request: &Request) -> Result<Reply, PodError> {
        let mut connection = self.connect().await?;
        connection.send(request, &[]).await.map_err(|source| self.talk(source))?;
        connection.reply().await.map_err(|source| self.talk(source))
    }

    async fn connect(&self) -> Result<Connection, PodError> {
        Connection::open(&self.inner.dir)
            .await
            .map_err(|source| PodError::Gone { dir: self.inner.config.pod.dir.clone(), source })
    }

    /// A conversation that breaks off is the end of the shim.
    fn talk(&self, source: io::Error) -> PodError {
        let dir = self.inner.config.pod.dir.clone();
        match source.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => PodError::Gone { dir, source },
            _ => PodError::Talk { dir, source },
        }
    }
}

/// Reports exits until the shim ends; containers that then still ran have died with it.
async fn watch(
    mut connection: Connection,
    exits: broadcast::Sender<(String, Exit)>,
    running: Arc<Mutex<BTreeSet<String>>>,
) {
    while let Ok(Reply::Exited { id, exit }) = connection.reply().await {
        lock(&running).remove(&id);
        // Nobody may be listening.
        drop(exits.send((id, exit)));
    }
    let finished_at = Timestamp::now();
    for id in std::mem::take(&mut *lock(&running)) {
        let signal = libc::SIGKILL;
        let exit =
            Exit { code: 128 + signal, signal: Some(signal), oom_killed: false, finished_at };
        drop(exits.send((id, exit)));
    }
}

/// Asks for the ids of the containers that run.
async fn list(dir: &OwnedFd) -> io::Result<BTreeSet<String>> {
    let mut connection = Connection::open(dir).await?;
    connection.send(&Request::List, &[]).await?;
    let Reply::Containers(containers) = connection.reply().await? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let is_running = |it: &ContainerStatus| matches!(it.state, ContainerState::Running { .. });
    Ok(containers.into_iter().filter(is_running).map(|it| it.id).collect())
}

/// Starts the shim and waits until it has made the pod.
async fn launch(config: &ShimConfig) -> Result<(), PodError> {
    let exe = &config.node.shim_exe;
    let launch = |source| PodError::Launch { exe: exe.clone(), source };
    let frame = serde_json::to_vec(config).map_err(|error| launch(error.into()))?;
    fs::create_dir_all(config.pod.dir.join(CONTAINERS)).map_err(launch)?;
    write_config(&config.pod.dir, &frame).map_err(launch)?;
    let log = File::create(config.pod.dir.join(LOG)).map_err(launch)?;
    let mut child = Command::new(exe)
        .arg(SHIM_ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(launch)?;
    let mut answer = Vec::new();
    if let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) {
        stdin.write_all(&frame).await.map_err(launch)?;
        drop(stdin);
        stdout.read_to_end(&mut answer).await.map_err(launch)?;
    }
    child.wait().await.map_err(launch)?;
    match protocol::decode(&mut answer).map_err(launch)? {
        Some(Reply::Done) => Ok(()),
        Some(Reply::Failed(Failure::Step { step, errno })) => {
            let source = io::Error::from_raw_os_error(errno);
            Err(PodError::Setup { step, source })
        }
        _ => {
            let words = fs::read_to_string(config.pod.dir.join(LOG)).unwrap_or_default();
            let last = words.lines().last().unwrap_or("the shim ended without an answer");
            Err(launch(io::Error::other(last.to_owned())))
        }
    }
}

/// Writes the file whole or not at all, whenever this process is killed: a pod that cannot be read
/// can be neither adopted nor tidied up.
fn write_config(dir: &Path, frame: &[u8]) -> io::Result<()> {
    let part = dir.join(CONFIG_PART);
    fs::write(&part, frame)?;
    fs::rename(part, dir.join(CONFIG))
}

fn is_cut_off(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
}

fn load_config(dir: &Path) -> Result<ShimConfig, PodError> {
    let gone = |source| PodError::Gone { dir: dir.to_owned(), source };
    let bytes = fs::read(dir.join(CONFIG)).map_err(gone)?;
    serde_json::from_slice(&bytes).map_err(|error| gone(error.into()))
}

fn open_process(connection: &Connection) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(connection.shim_pid()?).ok_or(io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(
    step: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, PodError> {
    let result = tokio::task::spawn_blocking(work).await;
    let result = result.unwrap_or_else(|error| Err(io::Error::other(error)));
    result.map_err(|source| PodError::Step { step: step.to_owned(), source })
}

fn remove_files(dir: &Path) -> io::Result<()> {
    remove_dir(&dir.join(CONTAINERS))?;
    remove_dir(&dir.join(MEMORY))?;
    for name in [SOCKET, LOG, CONFIG_PART, CONFIG] {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
