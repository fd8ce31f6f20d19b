//! All of it together, until it is told to stop.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use kube::Client;
use sandbox::Node;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    balance::Balance,
    dns, ingress, node_ports,
    redirect::{self, Redirect},
    routes::Routes,
    world,
};

const DNS_PORT: u16 = 53;

/// What the cluster hands in.
#[derive(Debug)]
pub struct Config {
    pub node: Node,
    /// Where the API server listens on the host.
    pub apiserver: SocketAddr,
    /// An address of the node's bridge.
    pub cluster_dns: Ipv4Addr,
    /// `cluster.local`.
    pub cluster_domain: String,
    /// Where the node's network sends connections that leave pods.
    pub redirect_port: u16,
    /// Whether an address is one of Services.
    pub is_service_address: fn(Ipv4Addr) -> bool,
    /// The ingress's socket on the host.
    pub ingress: TcpListener,
    /// The machine's resolvers, for names outside the cluster.
    pub upstreams: Vec<SocketAddr>,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("could not listen on {address} in the node's network for {what}")]
    Listen { what: &'static str, address: SocketAddr, source: io::Error },
}

/// Routes until `shutdown`; fails only when a socket of the node's network cannot be had.
pub async fn run(
    client: Client,
    config: Config,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let node = config.node.clone();
    let (tx, routes) = watch::channel(Arc::<Routes>::default());
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.redirect_port));
    let redirected = listen(&node, "redirected connections", any)?;
    let dns_address = SocketAddr::from((config.cluster_dns, DNS_PORT));
    let dns_tcp = listen(&node, "DNS", dns_address)?;
    let dns_udp = node.bind_udp(dns_address).map_err(|source| RunError::Listen {
        what: "DNS",
        address: dns_address,
        source,
    })?;

    let dns = Arc::new(dns::Dns::new(routes.clone(), config.cluster_domain, config.upstreams));
    let redirect = Arc::new(Redirect {
        node: node.clone(),
        routes: routes.clone(),
        apiserver: config.apiserver,
        balance: Balance::default(),
        is_service_address: config.is_service_address,
    });
    let front = Arc::new(ingress::Ingress::new(node.clone(), routes.clone()));

    // Dropped at the end, which ends every task in it.
    let mut tasks = JoinSet::new();
    tasks.spawn(world::follow(client, tx));
    tasks.spawn(redirect::serve(redirected, redirect));
    tasks.spawn(dns::serve_udp(dns_udp, Arc::clone(&dns)));
    tasks.spawn(dns::serve_tcp(dns_tcp, dns));
    tasks.spawn(node_ports::serve(node.clone(), routes));
    tasks.spawn(ingress::serve(config.ingress, front));
    shutdown.cancelled().await;
    Ok(())
}

fn listen(node: &Node, what: &'static str, address: SocketAddr) -> Result<TcpListener, RunError> {
    node.listen(address).map_err(|source| RunError::Listen { what, address, source })
}
