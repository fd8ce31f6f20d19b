//! Containers on this machine's kernel: every promise of the `sandbox` crate, with busybox as image.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use sandbox::{
    ContainerSpec, ContainerState, ExecSpec, Exit, Mount, MountSource, Node, NodeConfig, Pod,
    PodConfig, PodError, Seccomp, StartError, TerminalSize, original_destination,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::broadcast::Receiver,
    time::timeout,
};

const BUSYBOX: &str = "/bin/busybox";
const REDIRECT_PORT: u16 = 15001;
const DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
const PATIENCE: Duration = Duration::from_secs(20);

/// A node of its own for each test; nothing of it is left afterwards.
struct Stage {
    dir: TempDir,
    node: Node,
}

impl Stage {
    fn open(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        make_layer(&dir.path().join("layer"));
        let node = Node::open(node_config(dir.path(), name)).unwrap();
        Self { dir, node }
    }

    fn pod_config(&self, name: &str, number: u8) -> PodConfig {
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

    async fn pod(&self, name: &str, number: u8) -> Pod {
        Pod::create(&self.node, &self.pod_config(name, number)).await.unwrap()
    }

    fn spec(&self, id: &str, args: &[&str]) -> ContainerSpec {
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

    fn log_path(&self, id: &str) -> PathBuf {
        self.dir.path().join("logs").join(format!("{id}.log"))
    }

    /// What a container has printed, without times; each line as `stdout F text`.
    fn log(&self, id: &str) -> String {
        let text = fs::read_to_string(self.log_path(id)).unwrap();
        text.lines().map(|it| format!("{}\n", it.split_once(' ').unwrap().1)).collect()
    }

    /// Runs a script to its end in a pod of its own, and returns its exit and its log.
    async fn run(&self, script: &str, adapt: impl FnOnce(&mut ContainerSpec)) -> (Exit, String) {
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

fn node_config(dir: &Path, name: &str) -> NodeConfig {
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

fn make_layer(layer: &Path) {
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

async fn wait_for(exits: &mut Receiver<(String, Exit)>, id: &str) -> Exit {
    loop {
        let (ended, exit) = timeout(PATIENCE, exits.recv()).await.expect("no exit came").unwrap();
        if ended == id {
            return exit;
        }
    }
}

fn command(args: &[&str]) -> ExecSpec {
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

async fn run_in(pod: &Pod, id: &str, args: &[&str]) -> (i32, String) {
    let mut exec = pod.exec(id, command(args)).await.unwrap();
    let mut output = String::new();
    exec.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    exec.stderr.take().unwrap().read_to_string(&mut output).await.unwrap();
    (exec.wait().await.unwrap().code, output)
}

#[tokio::test]
async fn output_and_exit_code_are_kept() {
    let stage = Stage::open("output");
    let (exit, log) = stage.run("echo hello; echo oops >&2; printf rest; exit 7", |_| {}).await;
    assert_eq!((exit.code, exit.signal, exit.oom_killed), (7, None, false));
    let mut lines: Vec<_> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["stderr F oops", "stdout F hello", "stdout P rest"]);
}

#[tokio::test]
async fn the_environment_is_complete() {
    let stage = Stage::open("environment");
    let (_, log) = stage
        .run("echo $HOME $HOSTNAME $(hostname) $(pwd) $GREETING $$", |spec| {
            spec.env.push(("GREETING".to_owned(), "hi".to_owned()));
            spec.cwd = PathBuf::from("/new/folder");
            spec.uid = 1000;
        })
        .await;
    assert_eq!(log, "stdout F /srv one one /new/folder hi 1\n");
}

#[tokio::test]
async fn memory_is_bounded() {
    let stage = Stage::open("memory");
    let (exit, _) =
        stage.run("tail /dev/zero", |spec| spec.memory_limit_bytes = Some(16 << 20)).await;
    assert!(exit.oom_killed, "{exit:?}");
    assert_eq!(exit.code, 137);
}

#[tokio::test]
async fn the_root_is_read_only_and_mounts_are_not() {
    let stage = Stage::open("read-only");
    let host = stage.dir.path().join("host");
    fs::create_dir(&host).unwrap();
    fs::write(stage.dir.path().join("hosts"), "127.0.0.1 localhost\n").unwrap();
    let script = "touch /file; touch /data/file && touch /shared/file && cat /etc/hosts; \
                  touch /fixed/x; touch /tmp/a; ls -d /shared/sub; ls /part";
    let mount = |source, target: &str| Mount {
        source,
        sub_path: None,
        target: PathBuf::from(target),
        read_only: false,
    };
    let (_, log) = stage
        .run(&format!("({script}) 2>&1"), |spec| {
            spec.read_only_root = true;
            spec.mounts = vec![
                mount(MountSource::HostPath(host.clone()), "/data"),
                mount(MountSource::Memory("scratch".to_owned()), "/shared"),
                mount(MountSource::HostPath(stage.dir.path().join("hosts")), "/etc/hosts"),
                Mount { read_only: true, ..mount(MountSource::HostPath(host.clone()), "/fixed") },
                mount(MountSource::Tmpfs, "/tmp"),
                Mount {
                    sub_path: Some(PathBuf::from("sub")),
                    ..mount(MountSource::Memory("scratch".to_owned()), "/part")
                },
            ];
        })
        .await;
    let expect = "stdout F touch: /file: Read-only file system\n\
                  stdout F 127.0.0.1 localhost\n\
                  stdout F touch: /fixed/x: Read-only file system\n\
                  stdout F /shared/sub\n";
    assert_eq!(log, expect);
    assert!(host.join("file").exists());
}

#[tokio::test]
async fn rights_are_those_of_the_spec() {
    let stage = Stage::open("rights");
    let (_, log) = stage
        .run("id; grep -E 'Cap(Bnd|Eff)|NoNewPrivs|Seccomp:' /proc/self/status", |spec| {
            (spec.uid, spec.gid, spec.additional_gids) = (1000, 1001, vec![2000]);
            spec.capabilities = vec!["CAP_CHOWN".to_owned()];
            spec.no_new_privileges = true;
        })
        .await;
    let text = log.replace("stdout F ", "").replace('\t', " ");
    assert_eq!(
        text,
        "uid=1000(web) gid=1001 groups=2000,1001\nCapEff: 0000000000000000\nCapBnd: 0000000000000001\nNoNewPrivs: 1\nSeccomp: 2\n"
            .replace("groups=2000,1001", text.split("groups=").nth(1).unwrap().lines().next().map(|it| format!("groups={it}")).unwrap().as_str())
    );
    assert!(text.contains("2000"), "{text}");
}

#[tokio::test]
async fn the_host_is_out_of_reach() {
    let stage = Stage::open("reach");
    let script = "mount -t tmpfs x /tmp; unshare -U true; mknod /disk b 8 0 && cat /disk; \
                  echo 1 > /proc/sys/kernel/pid_max; cat /proc/kcore; \
                  grep -c . /proc/mounts > /dev/null; ls /proc/1/root/work; echo done";
    let (exit, log) = stage.run(&format!("({script}) 2>&1"), |_| {}).await;
    assert_eq!(exit.code, 0);
    let refused = log.lines().filter(|it| {
        it.contains("permitted")
            || it.contains("denied")
            || it.contains("Read-only")
            || it.contains("No such file")
    });
    assert_eq!(refused.count(), 6, "{log}");
    assert!(log.ends_with("stdout F done\n"), "{log}");
}

#[tokio::test]
async fn failures_name_the_step_and_the_thing() {
    let stage = Stage::open("failures");
    let pod = stage.pod("one", 2).await;
    let check = async |args: &[&str], adapt: &dyn Fn(&mut ContainerSpec), expect: &str| {
        let mut spec = stage.spec("bad", args);
        adapt(&mut spec);
        let error = pod.start(&spec).await.unwrap_err();
        let source = std::error::Error::source(&error).map(|it| format!(": {it}"));
        assert_eq!(format!("{error}{}", source.unwrap_or_default()), expect);
    };
    check(&["/faro"], &|_| {}, "exec `/faro`: no such file in the image").await;
    check(&["faro"], &|_| {}, "exec `faro`: no such file in the image").await;
    check(&["/bin/plain"], &|_| {}, "exec `/bin/plain`: Permission denied (os error 13)").await;
    let unknown = |spec: &mut ContainerSpec| spec.capabilities = vec!["CAP_FLY".to_owned()];
    check(&["sh"], &unknown, "unknown capability `CAP_FLY`: Invalid argument (os error 22)").await;
    let missing = |spec: &mut ContainerSpec| {
        spec.mounts = vec![Mount {
            source: MountSource::HostPath(PathBuf::from("/nowhere")),
            sub_path: None,
            target: PathBuf::from("/data"),
            read_only: false,
        }];
    };
    let expect = "could not open `/nowhere` for `/data`: No such file or directory (os error 2)";
    check(&["sh"], &missing, expect).await;
    pod.start(&stage.spec("good", &["sleep", "1000"])).await.unwrap();
    let again = pod.start(&stage.spec("good", &["sh"])).await.unwrap_err();
    assert!(matches!(again, StartError::Exists { .. }), "{again}");
    assert!(matches!(pod.signal("ghost", 15).await, Err(PodError::NoSuchContainer { .. })));
}

#[tokio::test]
async fn commands_run_in_a_container() {
    let stage = Stage::open("exec");
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let (code, output) =
        run_in(&pod, "main", &["sh", "-c", "readlink /proc/1/exe; echo $$; exit 3"]).await;
    assert_eq!((code, output.as_str()), (3, "/bin/busybox\n2\n"));
    let missing = pod.exec("main", command(&["nothing"])).await.unwrap_err();
    assert_eq!(missing.to_string(), "exec `nothing`: no such file in the image");

    let mut spec = command(&["cat"]);
    spec.stdin = true;
    let mut exec = pod.exec("main", spec).await.unwrap();
    let mut stdin = exec.stdin.take().unwrap();
    stdin.write_all(b"to and fro").await.unwrap();
    drop(stdin);
    let mut output = String::new();
    exec.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "to and fro");
    assert_eq!(exec.wait().await.unwrap().code, 0);
}

#[tokio::test]
async fn commands_have_terminals() {
    let stage = Stage::open("terminal");
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let mut spec = command(&["sh", "-c", "stty size; read line; stty size; echo got $line"]);
    spec.tty = Some(TerminalSize { columns: 100, rows: 30 });
    spec.stdin = true;
    let mut exec = pod.exec("main", spec).await.unwrap();
    let mut stdout = exec.stdout.take().unwrap();
    let mut first = [0; 8];
    stdout.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"30 100\r\n");
    exec.resize(TerminalSize { columns: 90, rows: 20 }).unwrap();
    exec.stdin.take().unwrap().write_all(b"word\n").await.unwrap();
    let mut output = String::new();
    stdout.read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "word\r\n20 90\r\ngot word\r\n");
    assert_eq!(exec.wait().await.unwrap().code, 0);
}

#[tokio::test]
async fn a_dropped_command_dies() {
    let stage = Stage::open("dropped");
    let pod = stage.pod("one", 2).await;
    pod.start(
        &stage.spec("main", &["sh", "-c", "mkfifo() { busybox mkfifo $1; }; mkfifo /f; cat /f"]),
    )
    .await
    .unwrap();
    // The command holds the only writing end: the container ends when the command is gone.
    let exec = pod.exec("main", command(&["sh", "-c", "sleep 1000 > /f"])).await.unwrap();
    let mut exits = pod.exits();
    drop(exec);
    pod.signal("main", 9).await.unwrap();
    assert_eq!(wait_for(&mut exits, "main").await.signal, Some(9));
}

#[tokio::test]
async fn attached_callers_read_and_write() {
    let stage = Stage::open("attach");
    let pod = stage.pod("one", 2).await;
    let mut spec = stage.spec("main", &["cat"]);
    (spec.stdin, spec.stdin_once) = (true, true);
    pod.start(&spec).await.unwrap();
    let mut attached = pod.attach("main", true, true, false).await.unwrap();
    let mut stdin = attached.stdin.take().unwrap();
    stdin.write_all(b"line\n").await.unwrap();
    drop(stdin);
    let mut output = String::new();
    attached.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "line\n");
    assert_eq!(attached.wait().await.unwrap().code, 0);
    assert_eq!(stage.log("main"), "stdout F line\n");
}

#[tokio::test]
async fn pods_talk_to_each_other_and_to_themselves() {
    let stage = Stage::open("talk");
    let (server, client) = (stage.pod("server", 2).await, stage.pod("client", 3).await);
    let mut exits = client.exits();
    let listen = "echo $(cat /etc/hostname 2>/dev/null) > /ready; nc -lk -p 8080 -e echo answer";
    server.start(&stage.spec("server", &["sh", "-c", listen])).await.unwrap();
    let address = SocketAddr::from(([10, 244, 0, 2], 8080));
    let mut stream = connect(&stage.node, address).await;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "answer\n", "the node reaches the pod");

    client.start(&stage.spec("client", &["nc", "10.244.0.2", "8080"])).await.unwrap();
    assert_eq!(wait_for(&mut exits, "client").await.code, 0);
    assert_eq!(stage.log("client"), "stdout F answer\n", "a pod reaches the other");

    let mut stream = stage.node.connect_in_pod(&server, 8080).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "answer\n", "its loopback answers");
}

/// Connects as soon as the other side listens; each refusal lets others run.
async fn connect(node: &Node, address: SocketAddr) -> tokio::net::TcpStream {
    timeout(PATIENCE, async {
        loop {
            match node.connect(address).await {
                Ok(stream) => return stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .expect("nobody listens")
}

#[tokio::test]
async fn outside_connections_are_redirected_and_keep_their_destination() {
    let stage = Stage::open("redirect");
    let proxy = stage.node.listen(SocketAddr::from(([10, 244, 0, 1], REDIRECT_PORT))).unwrap();
    let dns = stage.node.listen(SocketAddr::from((DNS, 53))).unwrap();
    let pod = stage.pod("one", 2).await;
    let mut exits = pod.exits();
    for (id, host, port) in [("service", "10.96.0.1", "443"), ("world", "192.0.2.7", "80")] {
        pod.start(&stage.spec(id, &["nc", host, port])).await.unwrap();
        let (mut stream, peer) = timeout(PATIENCE, proxy.accept()).await.unwrap().unwrap();
        assert_eq!(peer.ip(), Ipv4Addr::new(10, 244, 0, 2));
        let wanted: SocketAddr = format!("{host}:{port}").parse().unwrap();
        assert_eq!(original_destination(&stream).unwrap(), wanted);
        stream.write_all(b"proxied\n").await.unwrap();
        drop(stream);
        assert_eq!(wait_for(&mut exits, id).await.code, 0);
        assert_eq!(stage.log(id), "stdout F proxied\n");
    }
    pod.start(&stage.spec("dns", &["nc", "10.96.0.10", "53"])).await.unwrap();
    let (stream, _) = timeout(PATIENCE, dns.accept()).await.unwrap().unwrap();
    drop(stream);
    assert_eq!(wait_for(&mut exits, "dns").await.code, 0);
}

#[tokio::test]
async fn a_shared_process_namespace_shows_the_others() {
    let stage = Stage::open("shared");
    let mut config = stage.pod_config("one", 2);
    config.share_process_namespace = true;
    let pod = Pod::create(&stage.node, &config).await.unwrap();
    let mut exits = pod.exits();
    pod.start(&stage.spec("first", &["sleep", "1000"])).await.unwrap();
    pod.start(&stage.spec("second", &["sh", "-c", "ps | grep -c 'sleep 100[0]'; sleep 2000 &"]))
        .await
        .unwrap();
    assert_eq!(wait_for(&mut exits, "second").await.code, 0);
    assert_eq!(stage.log("second"), "stdout F 1\n");
    let (_, processes) = run_in(&pod, "first", &["ps"]).await;
    assert!(!processes.contains("sleep 2000"), "what it started is gone too: {processes}");
    pod.destroy().await.unwrap();
}

#[tokio::test]
async fn pods_are_adopted_with_what_happened_meanwhile() {
    let stage = Stage::open("adopt");
    let pod = stage.pod("one", 2).await;
    let mut exits = pod.exits();
    pod.start(&stage.spec("lasting", &["sleep", "1000"])).await.unwrap();
    pod.start(&stage.spec("short", &["sh", "-c", "exit 5"])).await.unwrap();
    assert_eq!(wait_for(&mut exits, "short").await.code, 5);
    let dir = pod.config().dir.clone();
    drop(pod);

    let node = Node::open(stage.node.config().clone()).unwrap();
    let pod = Pod::adopt(&node, &dir).await.unwrap();
    let mut exits = pod.exits();
    assert_eq!(wait_for(&mut exits, "short").await.code, 5, "reported again");
    let containers = pod.containers().await.unwrap();
    assert_eq!(containers.len(), 2);
    assert!(matches!(containers[0].state, ContainerState::Running { .. }), "{containers:?}");
    pod.signal("lasting", 9).await.unwrap();
    let exit = wait_for(&mut exits, "lasting").await;
    assert_eq!((exit.code, exit.signal), (137, Some(9)));
    pod.remove("short").await.unwrap();
    assert_eq!(pod.containers().await.unwrap().len(), 1);
    pod.destroy().await.unwrap();
    assert!(matches!(Pod::adopt(&node, &dir).await, Err(PodError::Gone { .. })));
}

#[tokio::test]
async fn a_killed_shim_takes_its_containers_along() {
    let stage = Stage::open("killed");
    let pod = stage.pod("one", 2).await;
    let mut exits = pod.exits();
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let containers = pod.containers().await.unwrap();
    let ContainerState::Running { pid, .. } = containers[0].state else { panic!("not running") };
    let shim = parent(pid);
    assert!(Command::new("kill").args(["-9", &shim]).status().unwrap().success());
    assert_eq!(wait_for(&mut exits, "main").await.signal, Some(9));
    assert!(matches!(pod.containers().await, Err(PodError::Gone { .. })));
    Pod::discard(&pod.config().dir).await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

fn parent(pid: i32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|it| it.starts_with("PPid:")).unwrap();
    line.trim_start_matches("PPid:").trim().to_owned()
}

#[tokio::test]
async fn nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    make_layer(&dir.path().join("layer"));
    let stage = Stage { node: Node::open(node_config(dir.path(), "nothing")).unwrap(), dir };
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let ContainerState::Running { pid, .. } = pod.containers().await.unwrap()[0].state else {
        panic!("not running")
    };
    let name = stage.dir.path().to_str().unwrap().to_owned();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert_eq!(mounts.lines().filter(|it| it.contains(&name)).count(), 1, "only the namespace");
    Node::remove(stage.node.config()).unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&name), "{mounts}");
    let cgroup = &stage.node.config().cgroup;
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap() {
        assert!(!hierarchy.unwrap().path().join(cgroup).exists());
    }
    let links = fs::read_to_string("/proc/net/dev").unwrap();
    assert!(!links.contains("veth") && !links.contains("zarpa"), "{links}");
}

#[tokio::test]
async fn usage_is_counted() {
    let stage = Stage::open("usage");
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let usage = pod.usage("main").await.unwrap();
    assert_eq!(usage.pids, 1);
    assert!(usage.memory_bytes > 0 && usage.cpu_nanoseconds > 0, "{usage:?}");
}

#[tokio::test]
async fn a_pod_comes_and_goes_quickly() {
    let stage = Stage::open("quick");
    let mut best = Duration::MAX;
    for round in 0..10 {
        let begin = Instant::now();
        let pod = stage.pod(&format!("pod{round}"), 10 + round).await;
        let made = begin.elapsed();
        pod.start(&stage.spec(&format!("main{round}"), &["sleep", "1000"])).await.unwrap();
        let started = begin.elapsed();
        if round == 9 {
            println!("{}", memory_of_shim(&pod).await);
        }
        pod.destroy().await.unwrap();
        let gone = begin.elapsed();
        println!("made {made:?}, started {started:?}, gone {gone:?}");
        best = best.min(gone);
    }
    assert!(best < Duration::from_millis(200), "{best:?}");
}

async fn memory_of_shim(pod: &Pod) -> String {
    let ContainerState::Running { pid, .. } = pod.containers().await.unwrap()[0].state else {
        panic!("not running")
    };
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", parent(pid))).unwrap();
    text.lines()
        .filter(|it| it.starts_with("Rss") || it.starts_with("Private"))
        .map(|it| format!("{it}; "))
        .collect()
}
