//! The cluster's process, from its lock to its end.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use apiserver::{ApiService, BootstrapError, Identity, ServiceNetwork, TokenKey, TokenKeyError};
use host::{
    ContentError, ContentStore,
    files::{self, FileError},
};
use kube::Client;
use kubelet::Kubelet;
use rustix::fs::FlockOperation;
use sandbox::{Node, NodeConfig, NodeError};
use store::{OpenError, Store};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Layout, PkiError, SettingsError, kubeconfig, leftover, node::NodeAccess, pki, resolvers,
    settings,
};

const NODE_NAME: &str = "zarpa";
const DOMAIN: &str = "cluster.local";
const POD_NETWORK: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 244, 0, 0), 24);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
const CLUSTER_DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
const REDIRECT_PORT: u16 = 15001;
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How long the parts may take to end.
const STOP_MS_MAX: u64 = 5000;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("another process runs this cluster already")]
    Locked,
    #[error("could not use the cluster's files")]
    File(#[source] FileError),
    #[error("could not open the cluster's sockets")]
    Settings(#[source] SettingsError),
    #[error("could not prepare the cluster's certificates")]
    Pki(#[source] PkiError),
    #[error("could not use the key that signs tokens")]
    TokenKey(#[source] TokenKeyError),
    #[error("could not open the cluster's store")]
    Store(#[source] OpenError),
    #[error("could not write the cluster's first objects")]
    Bootstrap(#[source] BootstrapError),
    #[error("could not look at the pods of an earlier process")]
    Leftover(#[source] kube::Error),
    #[error("could not open the image store")]
    Images(#[source] ContentError),
    #[error("could not make the node's network")]
    Node(#[source] NodeError),
    #[error("could not start the kubelet")]
    Kubelet(#[source] kubelet::StartError),
    #[error("could not listen for signals")]
    Signals(#[source] io::Error),
}

/// The settings of the node's network; also those by which it is removed.
pub(crate) fn node_config(layout: &Layout, exe: &Path) -> NodeConfig {
    NodeConfig {
        dir: layout.run(),
        pod_network: POD_NETWORK,
        gateway: GATEWAY,
        bridge_addresses: vec![CLUSTER_DNS],
        redirect_port: REDIRECT_PORT,
        cgroup: layout.cgroup(),
        shim_exe: exe.to_owned(),
    }
}

/// What the cluster's process is told of the machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// This program; a pod's shim is started from it.
    pub exe: PathBuf,
    /// Docker's configuration of the user, whose credentials images are pulled with.
    pub docker_config: Option<PathBuf>,
}

/// Is the cluster until SIGTERM or SIGINT; `ready` is called once its API answers.
///
/// Pods go on when it ends: [`crate::control::stop`] ends them.
pub async fn run(layout: &Layout, machine: &Machine, ready: impl FnOnce()) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    // In a session of its own, Ctrl-C in the terminal that started it does not end it.
    rustix::process::setsid().ok();
    files::create_dir(&layout.cluster()).map_err(RunError::File)?;
    let _lock = lock(&layout.lock())?;
    let shutdown = CancellationToken::new();
    let mut tasks = start(layout, machine, &shutdown).await?;
    tracing::info!("ready");
    ready();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("ending");
    shutdown.cancel();
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_millis(STOP_MS_MAX), all).await.is_err() {
        tracing::warn!("some parts did not end in time");
    }
    Ok(())
}

/// Brings everything up in order: store, API, network, then what watches the API.
async fn start(
    layout: &Layout,
    machine: &Machine,
    shutdown: &CancellationToken,
) -> Result<JoinSet<()>, RunError> {
    let node = Node::open(node_config(layout, &machine.exe)).map_err(RunError::Node)?;
    let images = ContentStore::open(&layout.images()).map_err(RunError::Images)?;
    let store = Store::open(&layout.store()).map_err(RunError::Store)?;
    let pki = pki::load_or_make(&layout.pki()).map_err(RunError::Pki)?;
    let sockets = settings::open(&layout.settings()).await.map_err(RunError::Settings)?;
    let settings = sockets.settings;
    let advertise = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.api_port));

    let access = NodeAccess::default();
    let token_key = pki.token_key_der().map_err(RunError::Pki)?;
    let config = apiserver::Config {
        advertise,
        services: ServiceNetwork::STANDARD,
        token_key: TokenKey::from_pkcs8(&token_key).map_err(RunError::TokenKey)?,
        shutdown: shutdown.clone(),
    };
    let api = apiserver::service(store, config, Arc::new(access.clone()));
    apiserver::bootstrap(&api).await.map_err(RunError::Bootstrap)?;
    let tls = Arc::new(pki.server_config().map_err(RunError::Pki)?);
    let text = kubeconfig::text(&pki, settings.api_port);
    files::write_private(&layout.kubeconfig(), text.as_bytes()).map_err(RunError::File)?;

    let kubelet = client(&api, "kubelet");
    leftover::mark_unready(&kubelet, jiff::Timestamp::now()).await.map_err(RunError::Leftover)?;

    let mut tasks = JoinSet::new();
    tasks.spawn(apiserver::serve(sockets.api, tls, api.clone(), shutdown.clone()));
    let controllers = controllers::Config {
        node_name: NODE_NAME.to_owned(),
        ca: pki.ca.clone(),
        volumes_dir: layout.volumes(),
        ingress: Some((Ipv4Addr::LOCALHOST, settings.ingress_port)),
    };
    let client = client(&api, "kube-controller-manager");
    spawn(&mut tasks, "controllers", controllers::run(client, controllers, shutdown.clone()));
    let proxy = netproxy::Config {
        node: node.clone(),
        apiserver: advertise,
        cluster_dns: CLUSTER_DNS,
        cluster_domain: DOMAIN.to_owned(),
        redirect_port: REDIRECT_PORT,
        is_service_address: |it| it.octets()[..2] == [10, 96],
        ingress: sockets.ingress,
        upstreams: files::read_text(Path::new(RESOLV_CONF))
            .map(|it| resolvers::parse(&it))
            .unwrap_or_default(),
    };
    let client = self::client(&api, "kube-proxy");
    spawn(&mut tasks, "netproxy", netproxy::run(client, proxy, shutdown.clone()));
    let config = kubelet_config(layout, machine, node, images);
    let client = self::client(&api, "kubelet");
    let kubelet = Kubelet::start(client, config, shutdown.clone()).await;
    let (kubelet, task) = kubelet.map_err(RunError::Kubelet)?;
    tasks.spawn(async move {
        // A panic in it has been logged by the runtime.
        task.await.ok();
    });
    access.set(kubelet);
    Ok(tasks)
}

fn kubelet_config(
    layout: &Layout,
    machine: &Machine,
    node: Node,
    images: ContentStore,
) -> kubelet::Config {
    kubelet::Config {
        node,
        node_name: NODE_NAME.to_owned(),
        dir: layout.cluster(),
        images,
        layers_dir: layout.layers(),
        cluster_dns: CLUSTER_DNS,
        cluster_domain: DOMAIN.to_owned(),
        registries: kubelet::RegistryFiles {
            docker_config: machine.docker_config.clone(),
            plain_http: layout.plain_http(),
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// A client in this process: no socket, no TLS, the same requests.
fn client(api: &ApiService, component: &str) -> Client {
    Client::new(api.as_identity(Identity::component(component)), "default")
}

fn spawn<E: std::error::Error + Send + 'static>(
    tasks: &mut JoinSet<()>,
    name: &'static str,
    work: impl Future<Output = Result<(), E>> + Send + 'static,
) {
    tasks.spawn(async move {
        if let Err(error) = work.await {
            let cause = error.source().map(ToString::to_string);
            tracing::error!(%error, cause, "{name} ended");
        }
    });
}

/// The lock is this file's, for as long as this process lives, however it ends.
fn lock(path: &Path) -> Result<File, RunError> {
    let failed = |it: io::Error| RunError::File(FileError::new("lock", path, it));
    let mut file =
        OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Err(RunError::Locked),
        Err(error) => return Err(failed(error.into())),
    }
    file.set_len(0).map_err(failed)?;
    write!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}
