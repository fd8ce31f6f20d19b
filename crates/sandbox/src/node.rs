//! The node's private network: its namespace, bridge and redirect rule, and sockets inside it.

use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
};

use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt},
    process::geteuid,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

use crate::{
    error::NodeError,
    kernel::{
        cgroup::Cgroups,
        namespace,
        netlink::{BRIDGE, LOOPBACK, Socket},
        nftables::{self, Redirect},
    },
    pod::Pod,
    spec::NodeConfig,
};

const BRIDGE_NAME: &str = "zarpa";
const BACKLOG: i32 = 1024;

/// The node: a private network namespace that outlives this process. Clones are the same node.
#[derive(Debug, Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: NodeConfig,
    namespace: OwnedFd,
}

impl Node {
    /// Makes the node's network, or adopts the one that an earlier process made in `config.dir`.
    ///
    /// Addresses, the redirect rule and the cgroups are as `config` says afterwards. Nothing shows
    /// on the host but one mount on `config.dir` and a folder in each cgroup hierarchy.
    pub fn open(config: NodeConfig) -> Result<Self, NodeError> {
        need_root()?;
        let path = config.namespace_path();
        fs::create_dir_all(&config.dir)
            .map_err(step(|| format!("could not make `{}`", config.dir.display())))?;
        let namespace = match namespace::pinned(&path) {
            Ok(None) => namespace::pin_new(&path),
            Ok(Some(namespace)) => Ok(namespace),
            Err(error) => Err(error),
        }
        .map_err(step(|| format!("could not pin a network namespace to `{}`", path.display())))?;
        Cgroups::of(&config)
            .map_err(step(|| format!("could not make the cgroups `{}`", config.cgroup)))?;
        namespace::within(namespace.as_fd(), || set_up_network(&config))
            .map_err(step(|| "could not enter the node's network namespace".to_owned()))??;
        Ok(Self { inner: Arc::new(Inner { config, namespace }) })
    }

    /// Kills every pod's processes and takes away all that [`open`](Self::open) and its pods made:
    /// mounts, cgroups, network namespaces with their devices and rules.
    ///
    /// Nothing happens when there is none. The pods' folders stay; they are the caller's.
    pub fn remove(config: &NodeConfig) -> Result<(), NodeError> {
        need_root()?;
        Cgroups::remove_all(config)
            .map_err(step(|| format!("could not remove the cgroups `{}`", config.cgroup)))?;
        let path = config.namespace_path();
        namespace::unpin(&path)
            .map_err(step(|| format!("could not remove the namespace `{}`", path.display())))
    }

    pub fn config(&self) -> &NodeConfig {
        &self.inner.config
    }

    /// Connects from inside the node, as to a pod's address.
    pub async fn connect(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = namespace::within(self.inner.namespace.as_fd(), || stream_socket(addr))??;
        connect_socket(socket, addr).await
    }

    /// Listens inside the node. Needs a tokio runtime.
    pub fn listen(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = namespace::within(self.inner.namespace.as_fd(), || stream_socket(addr))??;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &addr)?;
        listen(&socket, BACKLOG)?;
        TcpListener::from_std(socket.into())
    }

    /// Binds a datagram socket inside the node. Needs a tokio runtime.
    pub fn bind_udp(&self, addr: SocketAddr) -> io::Result<UdpSocket> {
        let make = || socket_of(addr, SocketType::DGRAM);
        let socket = namespace::within(self.inner.namespace.as_fd(), make)??;
        bind(&socket, &addr)?;
        UdpSocket::from_std(socket.into())
    }

    /// Connects to a port of the pod's own loopback, IPv4 before IPv6.
    pub async fn connect_in_pod(&self, pod: &Pod, port: u16) -> io::Result<TcpStream> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match connect_inside(pod, addr).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let addr = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
                connect_inside(pod, addr).await.map_err(|_| error)
            }
            other => other,
        }
    }
}

/// Tells where a redirected connection wanted to go.
///
/// For a connection that came straight to its listener, this is an error or the local address.
pub fn original_destination(stream: &TcpStream) -> io::Result<SocketAddr> {
    Ok(sockopt::ip_original_dst(stream)?.into())
}

async fn connect_inside(pod: &Pod, addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = namespace::within_process(pod.shim().as_fd(), || stream_socket(addr))??;
    connect_socket(socket, addr).await
}

async fn connect_socket(socket: OwnedFd, addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpSocket::from_std_stream(socket.into()).connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn stream_socket(addr: SocketAddr) -> io::Result<OwnedFd> {
    socket_of(addr, SocketType::STREAM)
}

fn socket_of(addr: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?)
}

fn set_up_network(config: &NodeConfig) -> Result<(), NodeError> {
    // Absent where the kernel has no IPv6, or no netfilter for bridges.
    for (name, value) in
        [("ipv6/conf/default/disable_ipv6", "1"), ("bridge/bridge-nf-call-iptables", "0")]
    {
        let path = format!("/proc/sys/net/{name}");
        match fs::write(&path, value) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(NodeError::Step { step: format!("could not write `{path}`"), source });
            }
            _ => {}
        }
    }
    let forward = "/proc/sys/net/ipv4/ip_forward";
    fs::write(forward, "1").map_err(step(|| format!("could not write `{forward}`")))?;
    let route = Socket::route().map_err(step(|| "could not open a netlink socket".to_owned()))?;
    route.set_up(LOOPBACK).map_err(step(|| "could not take `lo` up".to_owned()))?;
    route
        .add_bridge(BRIDGE_NAME, config.gateway)
        .map_err(step(|| format!("could not make the bridge `{BRIDGE_NAME}`")))?;
    // The gateway comes first: a redirected connection arrives at a device's first address.
    let extra = config.bridge_addresses.iter().map(|address| (*address, 32));
    for (address, prefix) in [(config.gateway, config.pod_network.1)].into_iter().chain(extra) {
        route
            .add_address(BRIDGE, address, prefix)
            .map_err(step(|| format!("could not give the bridge the address {address}")))?;
    }
    nftables::install(&Redirect {
        bridge: BRIDGE_NAME,
        network: config.pod_network,
        addresses: &config.bridge_addresses,
        port: config.redirect_port,
    })
    .map_err(step(|| "could not install the redirect rule (nf_tables)".to_owned()))
}

fn need_root() -> Result<(), NodeError> {
    let uid = geteuid();
    if uid.is_root() { Ok(()) } else { Err(NodeError::NotRoot { uid: uid.as_raw() }) }
}

fn step(what: impl FnOnce() -> String) -> impl FnOnce(io::Error) -> NodeError {
    |source| NodeError::Step { step: what(), source }
}
