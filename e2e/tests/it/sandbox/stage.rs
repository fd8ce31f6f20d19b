//! A node of its own for each test, and the helpers that all share.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use sandbox::{
    ContainerSpec, ContainerState, ExecSpec, Exit, Node, NodeConfig, Pod, PodConfig, Seccomp,
};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt as _, sync::broadcast::Receiver, time::timeout};

const BUSYBOX: &str = "/bin/busybox";
pub(crate) const REDIRECT_PORT: u16 = 15001;
pub(crate) const DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A node of its own for each test; nothing of it is left afterwards.
pub(crate) struct Stage {
    pub(crate) dir: TempDir,
    pub(crate) node: Node,
}

impl Stage {
    pub(crate) fn open(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        make_layer(&dir.path().join("layer"));
        let node = Node::open(node_config(dir.path(), name)).unwrap();
        Self { dir, node }
    }

    pub(crate) fn pod_config(&self, name: &str, number: u8) -> PodConfig {
        PodConfig {
            id: name.to_owned(),
            hostname: name.to_owned(),
            address: Ipv4Addr::new(10, 244, 0, number),
            dir: self.dir.path().join("pods").join(name),
            sysctls: Vec::new(),
            memory_volumes: vec![("scratch".to_owned(), 1 << 20)],
            share_process_namespace: false,
            host_network: false,
        }
    }

    pub(crate) async fn pod(&self, name: &str, number: u8) -> Pod {
        Pod::create(&self.node, &self.pod_config(name, number)).await.unwrap()
    }

    pub(crate) fn spec(&self, id: &str, args: &[&str]) -> ContainerSpec {
        let strings = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
        ContainerSpec {
            id: id.to_owned(),
            layers: vec![self.dir.path().join("layer")],
            read_only_root: false,
            args: strings(args),
            env: vec![("PATH".to_owned(), "/bin".to_owned())],
            cwd: PathBuf::from("/"),
            uid: 0,
            gid: 0,
            additional_gids: Vec::new(),
            capabilities: strings(&[
                "CAP_CHOWN",
                "CAP_NET_BIND_SERVICE",
                "CAP_MKNOD",
                "CAP_SETUID",
            ]),
            no_new_privileges: false,
            privileged: false,
            seccomp: Seccomp::RuntimeDefault,
            mounts: Vec::new(),
            memory_limit_bytes: None,
            cpu_shares_milli: Some(100),
            cpu_limit_milli: None,
            pids_max: Some(100),
            oom_score_adj: 0,
            log_path: self.log_path(id),
            tty: false,
            stdin: false,
            stdin_once: false,
        }
    }

    pub(crate) fn log_path(&self, id: &str) -> PathBuf {
        self.dir.path().join("logs").join(format!("{id}.log"))
    }

    /// What a container has printed, without times; each line as `stdout F text`.
    pub(crate) fn log(&self, id: &str) -> String {
        let text = fs::read_to_string(self.log_path(id)).unwrap();
        text.lines().map(|it| format!("{}\n", it.split_once(' ').unwrap().1)).collect()
    }

    /// Runs a script to its end in a pod of its own, and returns its exit and its log.
    pub(crate) async fn run(
        &self,
        script: &str,
        adapt: impl FnOnce(&mut ContainerSpec),
    ) -> (Exit, String) {
        let pod = self.pod("one", 9).await;
        let mut exits = pod.exits();
        let mut spec = self.spec("run", &["sh", "-c", script]);
        adapt(&mut spec);
        pod.start(&spec).await.unwrap();
        let exit = wait_for(&mut exits, "run").await;
        pod.destroy().await.unwrap();
        (exit, self.log("run"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        Node::remove(self.node.config()).unwrap();
    }
}

pub(crate) fn node_config(dir: &Path, name: &str) -> NodeConfig {
    NodeConfig {
        dir: dir.join("run"),
        pod_network: (Ipv4Addr::new(10, 244, 0, 0), 24),
        gateway: Ipv4Addr::new(10, 244, 0, 1),
        bridge_addresses: vec![DNS],
        redirect_port: REDIRECT_PORT,
        cgroup: format!("zarpa-e2e-{name}-{}", std::process::id()),
        shim_exe: PathBuf::from(env!("CARGO_BIN_EXE_sandbox-shim")),
    }
}

pub(crate) fn make_layer(layer: &Path) {
    for folder in ["bin", "etc", "tmp"] {
        fs::create_dir_all(layer.join(folder)).unwrap();
    }
    fs::copy(BUSYBOX, layer.join("bin/busybox")).unwrap();
    for name in [
        "sh", "cat", "nc", "sleep", "id", "grep", "echo", "head", "tail", "touch", "ls", "mount",
        "mknod", "hostname", "ps", "stty", "pwd", "true", "kill", "readlink", "unshare", "df",
    ] {
        symlink("busybox", layer.join("bin").join(name)).unwrap();
    }
    fs::write(
        layer.join("etc/passwd"),
        "root:x:0:0::/root:/bin/sh\nweb:x:1000:1000::/srv:/bin/sh\n",
    )
    .unwrap();
    fs::write(layer.join("bin/plain"), "not a program").unwrap();
}

pub(crate) async fn wait_for(exits: &mut Receiver<(String, Exit)>, id: &str) -> Exit {
    loop {
        let (ended, exit) = timeout(PATIENCE, exits.recv()).await.expect("no exit came").unwrap();
        if ended == id {
            return exit;
        }
    }
}

pub(crate) fn command(args: &[&str]) -> ExecSpec {
    ExecSpec {
        args: args.iter().map(|it| (*it).to_owned()).collect(),
        env: Vec::new(),
        cwd: None,
        tty: None,
        stdin: false,
        stdout: true,
        stderr: true,
    }
}

pub(crate) async fn run_in(pod: &Pod, id: &str, args: &[&str]) -> (i32, String) {
    let mut exec = pod.exec(id, command(args)).await.unwrap();
    let mut output = String::new();
    exec.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    exec.stderr.take().unwrap().read_to_string(&mut output).await.unwrap();
    (exec.wait().await.unwrap().code, output)
}

/// The host's number of the first running container's first process.
pub(crate) async fn running_pid(pod: &Pod) -> i32 {
    let containers = pod.containers().await.unwrap();
    let pid = |state: &ContainerState| match state {
        ContainerState::Running { pid, .. } => Some(*pid),
        ContainerState::Exited { .. } => None,
    };
    containers.iter().find_map(|it| pid(&it.state)).unwrap()
}
