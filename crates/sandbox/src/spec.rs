//! What callers ask for and what they are told: plain values, also used on the shim's socket.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Size at which a container's log file is rotated.
pub const LOG_BYTES_MAX: u64 = 10 << 20;
/// Log files kept for a container: `PATH`, then `PATH.1` (the newest rotated one) to `PATH.4`.
pub const LOG_FILES_MAX: u32 = 5;

/// The node: one private network namespace with a bridge, and one folder of cgroups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeConfig {
    /// Where the namespace is pinned. Created when missing; holds nothing of the caller's.
    pub dir: PathBuf,
    /// Network of all pods, as address and prefix length.
    pub pod_network: (Ipv4Addr, u8),
    /// Address of the bridge, inside `pod_network`.
    pub gateway: Ipv4Addr,
    /// Further addresses of the node (cluster DNS); never redirected.
    pub bridge_addresses: Vec<Ipv4Addr>,
    /// TCP connections of pods to addresses outside `pod_network` and `bridge_addresses` arrive at
    /// this port of `gateway`; see [`original_destination`](crate::original_destination).
    pub redirect_port: u16,
    /// One path component: the folder below the root of each cgroup hierarchy.
    pub cgroup: String,
    /// Program whose `main` calls [`run_if_shim`](crate::run_if_shim) first.
    pub shim_exe: PathBuf,
}

/// A pod: a network address, IPC and UTS namespaces, and a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodConfig {
    /// Unique on the node; one path component without dots (a uid).
    pub id: String,
    pub hostname: String,
    /// Inside the node's `pod_network`. Not used when `host_network` is set.
    pub address: Ipv4Addr,
    /// The pod's own folder. Created when missing; holds the writable layers, the socket and
    /// `shim.log`.
    pub dir: PathBuf,
    /// As `("net.ipv4.ip_unprivileged_port_start", "0")`; only those of the pod's own namespaces.
    pub sysctls: Vec<(String, String)>,
    /// Name and size in bytes of each tmpfs that the containers share, mode 0777; 0 is half of the
    /// machine's memory.
    pub memory_volumes: Vec<(String, u64)>,
    /// One PID namespace for the pod instead of one for each container.
    pub share_process_namespace: bool,
    /// The pod lives in the node's own namespace, at its gateway address.
    pub host_network: bool,
}

/// A container to start. Nothing in it is looked up anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Unique in the pod and never used twice; one path component.
    pub id: String,
    /// Unpacked layers, bottom first. May be empty.
    pub layers: Vec<PathBuf>,
    pub read_only_root: bool,
    /// Program and arguments; a name without `/` is searched in the `PATH` of `env`, in the image.
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Created when missing.
    pub cwd: PathBuf,
    pub uid: u32,
    pub gid: u32,
    pub additional_gids: Vec<u32>,
    /// The final set, as `CAP_NET_BIND_SERVICE`. Ignored when `privileged`, which has all.
    pub capabilities: Vec<String>,
    pub no_new_privileges: bool,
    /// All capabilities and devices, nothing masked, no seccomp.
    pub privileged: bool,
    pub seccomp: Seccomp,
    /// Mounted in this order.
    pub mounts: Vec<Mount>,
    pub memory_limit_bytes: Option<u64>,
    /// CPU request in thousandths of a core; the weight against other containers.
    pub cpu_shares_milli: Option<u64>,
    /// CPU limit in thousandths of a core.
    pub cpu_limit_milli: Option<u64>,
    pub pids_max: Option<u64>,
    pub oom_score_adj: i32,
    /// Written in the CRI log format by the shim; its folder is created when missing.
    pub log_path: PathBuf,
    /// A terminal of its own, whose output goes to the log.
    pub tty: bool,
    /// Standard input is kept open for [`Pod::attach`](crate::Pod::attach) instead of `/dev/null`.
    pub stdin: bool,
    /// The first one attached is the only one: its end of input is the container's.
    pub stdin_once: bool,
}

/// The system call filter of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seccomp {
    /// Refuses what Docker's default profile refuses; 32-bit programs do not run.
    RuntimeDefault,
    Unconfined,
}

/// One mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub source: MountSource,
    /// Path below `source` that is mounted instead of all of it; never leaves `source`, whatever
    /// symbolic links it holds. A missing one is created as a folder.
    pub sub_path: Option<PathBuf>,
    /// Absolute path in the container; created, as a file or a folder, when missing.
    pub target: PathBuf,
    /// Holds for everything mounted below the source, too.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountSource {
    /// A file or folder of the host, with the mounts below it.
    HostPath(PathBuf),
    /// One of [`PodConfig::memory_volumes`], by name.
    Memory(String),
    /// An empty tmpfs of this mount alone.
    Tmpfs,
}

/// A command to run in a running container, as its user and with its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSpec {
    pub args: Vec<String>,
    /// Added to the container's own.
    pub env: Vec<(String, String)>,
    /// The container's own when absent.
    pub cwd: Option<PathBuf>,
    /// A terminal with this size; standard error is then part of standard output.
    pub tty: Option<TerminalSize>,
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
}

/// Size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

/// A container as its shim sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStatus {
    pub id: String,
    pub state: ContainerState,
}

/// Whether a container runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerState {
    /// `pid` is the host's number of its first process.
    Running {
        pid: i32,
        started_at: Timestamp,
    },
    Exited {
        started_at: Timestamp,
        exit: Exit,
    },
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code, or 128 and the signal's number.
    pub code: i32,
    pub signal: Option<i32>,
    /// A process of the container was killed because its memory limit was reached.
    pub oom_killed: bool,
    pub finished_at: Timestamp,
}

/// What a container has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Since its start, over all cores.
    pub cpu_nanoseconds: u64,
    pub memory_bytes: u64,
    /// `memory_bytes` without file pages that can be dropped at once.
    pub memory_working_set_bytes: u64,
    pub pids: u64,
}

impl NodeConfig {
    /// The file on which the network namespace is mounted.
    pub(crate) fn namespace_path(&self) -> PathBuf {
        self.dir.join("netns")
    }
}

/// Names inside a pod's folder.
pub(crate) const SOCKET: &str = "shim.sock";
pub(crate) const CONFIG: &str = "shim.json";
/// The same while it is being written.
pub(crate) const CONFIG_PART: &str = "shim.json.part";
pub(crate) const LOG: &str = "shim.log";
pub(crate) const CONTAINERS: &str = "containers";
pub(crate) const MEMORY: &str = "memory";

/// The folder of a container's writable layer.
pub(crate) fn container_dir(pod_dir: &Path, id: &str) -> PathBuf {
    pod_dir.join(CONTAINERS).join(id)
}
