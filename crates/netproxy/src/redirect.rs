//! Connections that leave a pod for an address outside the pod network.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sandbox::Node;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    balance::Balance,
    forward::{connect_any, copy, refuse},
    routes::Routes,
};

const CONNECT_OUT_MS_MAX: u64 = 10_000;

/// The address of the Service `default/kubernetes`, which is this process.
const KUBERNETES: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 96, 0, 1), 443);

/// What a redirected connection was meant for.
pub(crate) struct Redirect {
    pub(crate) node: Node,
    pub(crate) routes: watch::Receiver<Arc<Routes>>,
    pub(crate) apiserver: SocketAddr,
    pub(crate) balance: Balance,
    /// Whether an address belongs to Services, so that nothing else may answer there.
    pub(crate) is_service_address: fn(Ipv4Addr) -> bool,
}

/// Accepts for ever.
pub(crate) async fn serve(listener: TcpListener, redirect: Arc<Redirect>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let redirect = Arc::clone(&redirect);
                tokio::spawn(async move { redirect.carry(stream, client).await });
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a redirected connection");
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Redirect {
    async fn carry(&self, stream: TcpStream, client: SocketAddr) {
        let Ok(target) = sandbox::original_destination(&stream) else { return refuse(&stream) };
        match self.dial(target, client).await {
            Ok(other) => copy(stream, other).await,
            Err(error) => {
                tracing::debug!(%target, %client, %error, "no way to a pod's target");
                refuse(&stream);
            }
        }
    }

    async fn dial(&self, target: SocketAddr, client: SocketAddr) -> std::io::Result<TcpStream> {
        if (target.ip(), target.port()) == (KUBERNETES.0.into(), KUBERNETES.1) {
            return out(self.apiserver).await;
        }
        let order = {
            let routes = self.routes.borrow();
            routes.by_address(target).map(|it| self.balance.order(it, Some(client.ip())))
        };
        match (order, target) {
            (Some(order), _) => connect_any(&self.node, &order).await,
            (None, SocketAddr::V4(v4)) if (self.is_service_address)(*v4.ip()) => {
                Err(std::io::ErrorKind::ConnectionRefused.into())
            }
            (None, _) => out(target).await,
        }
    }
}

/// Dials from the host.
#[expect(clippy::disallowed_methods, reason = "the way out of the cluster")]
async fn out(target: SocketAddr) -> std::io::Result<TcpStream> {
    let limit = Duration::from_millis(CONNECT_OUT_MS_MAX);
    tokio::time::timeout(limit, TcpStream::connect(target)).await?
}
