//! The pod's shim: the process that makes a pod, owns its containers and outlives who asked for it.
//!
//! It is the first process of a PID namespace: when it dies, however it dies, the kernel kills
//! everything in the pod.

mod connection;
mod container;
mod log;
mod program;
mod rootfs;
mod server;

use std::{
    env, fs,
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::{fs::PermissionsExt as _, net::UnixListener},
    },
    path::Path,
};

use rustix::{
    mount::{MountPropagationFlags, mount_change},
    process::{chdir, setsid},
    system::sethostname,
};

use crate::{
    error::{During as _, Failure},
    kernel::{
        cgroup::{Cgroups, Entry, SHIM},
        mount::{self, NO_DEVICES, NO_PROGRAMS, NO_SETUID},
        namespace,
        netlink::{LOOPBACK, Socket},
        process::{self, NEW_IPC, NEW_MOUNTS, NEW_NETWORK, NEW_PIDS, NEW_UTS},
    },
    protocol::{self, Reply, SHIM_ARGUMENT, ShimConfig},
    shim::{rootfs::SHARED_MEMORY, server::Server},
    spec::{MEMORY, PodConfig, SOCKET},
};

/// What containerd gives a pod.
const SHARED_MEMORY_BYTES: u64 = 64 << 20;
/// A shim is the last that the kernel should kill for want of memory.
const OOM_SCORE_ADJ: i32 = -998;

/// Makes this process a pod's shim, for ever, when its first argument says so; else does nothing.
///
/// Call it first in `main`, before any thread exists.
pub fn run_if_shim() {
    if env::args_os().nth(1).is_none_or(|it| it != SHIM_ARGUMENT) {
        return;
    }
    let code = match launch() {
        Ok(()) => 0,
        Err(failure) => {
            tell(&Reply::Failed(failure));
            1
        }
    };
    process::exit(code)
}

/// Writes a line to `shim.log`: what a shim finds wrong and nobody waits to hear.
fn note(what: &str, error: &io::Error) {
    // When the disk is full there is no other place.
    drop(writeln!(io::stderr(), "{} {what}: {error}", jiff::Timestamp::now()));
}

/// Answers the process that started this one, on standard output.
fn tell(reply: &Reply) {
    let frame = protocol::encode(reply).unwrap_or_default();
    if let Err(error) = io::stdout().write_all(&frame).and_then(|()| io::stdout().flush()) {
        note("nobody waits for this shim", &error);
    }
}

/// Copies this process into the pod's namespaces; the copy serves, this one returns.
fn launch() -> Result<(), Failure> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).during(|| "read the pod's configuration".to_owned())?;
    let config: ShimConfig = serde_json::from_slice(&bytes)
        .map_err(io::Error::from)
        .during(|| "understand the pod's configuration".to_owned())?;
    drop(bytes);
    let cgroups = Cgroups::of(&config.node).during(|| "find the cgroups".to_owned())?;
    let entry =
        cgroups.create(&config.pod.id, SHIM).during(|| "make the shim's cgroup".to_owned())?;
    let route = enter_node(&config)?;
    let network = if config.pod.host_network { 0 } else { NEW_NETWORK };
    let namespaces = NEW_PIDS | NEW_MOUNTS | NEW_IPC | NEW_UTS | network;
    match process::fork(namespaces, &entry).during(|| "make the shim (clone3)".to_owned())? {
        Some(_shim) => Ok(()),
        None => process::exit(serve(config, cgroups, &entry, &route)),
    }
}

/// Enters the node's network namespace, in which the pod's cable begins.
fn enter_node(config: &ShimConfig) -> Result<Socket, Failure> {
    let path = config.node.namespace_path();
    let step = || format!("enter the node's network `{}`", path.display());
    let namespace = namespace::pinned(&path).during(step)?.ok_or(io::ErrorKind::NotFound);
    namespace::enter(namespace.during(step)?.as_fd()).during(step)?;
    Socket::route().during(|| "open a netlink socket".to_owned())
}

/// Makes the pod, says so, and serves until it is destroyed.
fn serve(config: ShimConfig, cgroups: Cgroups, entry: &Entry, route: &Socket) -> i32 {
    let made = make(&config, entry, route).and_then(|listener| {
        let server = Server::new(config, cgroups, listener)?;
        detach().during(|| "detach from the starter".to_owned())?;
        Ok(server)
    });
    match made {
        Ok(mut server) => match server.run() {
            Ok(()) => 0,
            Err(error) => {
                note("the shim cannot go on", &error);
                1
            }
        },
        Err(failure) => {
            tell(&Reply::Failed(failure));
            1
        }
    }
}

fn make(config: &ShimConfig, entry: &Entry, route: &Socket) -> Result<UnixListener, Failure> {
    let pod = &config.pod;
    process::join(entry).during(|| "join the shim's cgroup".to_owned())?;
    setsid().during(|| "start a session".to_owned())?;
    chdir("/").during(|| "enter `/`".to_owned())?;
    program::set_oom_score_adj(OOM_SCORE_ADJ)?;
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .during(|| "keep the pod's mounts to itself".to_owned())?;
    sethostname(pod.hostname.as_bytes())
        .during(|| format!("set the hostname `{}`", pod.hostname))?;
    if !pod.host_network {
        plug_in(config, route)?;
    }
    for (name, value) in &pod.sysctls {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        fs::write(path, value).during(|| format!("set the sysctl `{name}` to `{value}`"))?;
    }
    make_memory_volumes(pod)?;
    listen(&pod.dir).during(|| format!("listen at `{SOCKET}` in `{}`", pod.dir.display()))
}

/// Gives the pod its network: a cable to the node's bridge, an address and the way out.
fn plug_in(config: &ShimConfig, node: &Socket) -> Result<(), Failure> {
    let (pod, node_config) = (&config.pod, &config.node);
    let own = File::open("/proc/self/ns/net").during(|| "open the pod's network".to_owned())?;
    // No device but the loopback speaks IPv6. Absent where the kernel has none.
    match fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1") {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::step("could not set up IPv6", &error));
        }
        _ => {}
    }
    let inside = Socket::route().during(|| "open a netlink socket".to_owned())?;
    inside.set_up(LOOPBACK).during(|| "take `lo` up".to_owned())?;
    node.add_pair(own.as_fd(), pod.address).during(|| "make the pod's `eth0`".to_owned())?;
    let device = inside.index("eth0").during(|| "find `eth0`".to_owned())?;
    inside
        .add_address(device, pod.address, node_config.pod_network.1)
        .during(|| format!("give `eth0` the address {}", pod.address))?;
    inside.set_up(device).during(|| "take `eth0` up".to_owned())?;
    inside
        .add_default_route(device, node_config.gateway)
        .during(|| format!("set the default route to {}", node_config.gateway))
}

fn make_memory_volumes(pod: &PodConfig) -> Result<(), Failure> {
    let shared = (SHARED_MEMORY.to_owned(), SHARED_MEMORY_BYTES);
    let named = pod.memory_volumes.iter().cloned().map(|it| (it, "0777"));
    for ((name, n_bytes), mode) in named.chain([(shared, "1777")]) {
        let step = || format!("make the memory volume `{name}`");
        let target = pod.dir.join(MEMORY).join(&name);
        fs::create_dir_all(&target).during(step)?;
        let size = n_bytes.to_string();
        let options: &[(&str, &str)] =
            if n_bytes == 0 { &[("mode", mode)] } else { &[("mode", mode), ("size", &size)] };
        let attributes =
            NO_SETUID | NO_DEVICES | if name == SHARED_MEMORY { NO_PROGRAMS } else { 0 };
        let volume = mount::new("tmpfs", options, attributes).during(step)?;
        mount::attach(&volume, &target).during(step)?;
    }
    Ok(())
}

/// Listens in the pod's folder; through `/proc`, because a socket's path is limited to 108 bytes.
fn listen(dir: &Path) -> io::Result<UnixListener> {
    let dir = File::open(dir)?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd());
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Says that the pod is made, and lets go of the starter's pipes.
fn detach() -> io::Result<()> {
    tell(&Reply::Done);
    let null = File::open("/dev/null")?;
    process::set_standard_streams([null.as_fd(), null.as_fd(), io::stderr().as_fd()])
}
