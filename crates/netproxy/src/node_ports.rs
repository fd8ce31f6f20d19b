//! NodePorts: a listener on the loopback address for each, opened and closed as Services come and go.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use sandbox::Node;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    balance::Balance,
    forward::{connect_any, copy, refuse},
    routes::Routes,
};

/// Keeps the listeners what the routes say, for ever.
pub(crate) async fn serve(node: Node, mut routes: watch::Receiver<Arc<Routes>>) {
    let mut open: BTreeMap<u16, JoinHandle<()>> = BTreeMap::new();
    let mut refused: Vec<u16> = Vec::new();
    loop {
        let wanted = routes.borrow_and_update().node_ports();
        open.retain(|port, task| {
            let is_wanted = wanted.contains(port);
            if !is_wanted {
                task.abort();
            }
            is_wanted
        });
        refused.retain(|it| wanted.contains(it));
        for port in wanted {
            if open.contains_key(&port) || refused.contains(&port) {
                continue;
            }
            match bind(port).await {
                Ok(listener) => {
                    let task = accept(listener, port, node.clone(), routes.clone());
                    open.insert(port, tokio::spawn(task));
                }
                Err(error) => {
                    tracing::warn!(port, %error, "NodePort is in use by another program");
                    refused.push(port);
                }
            }
        }
        if routes.changed().await.is_err() {
            return;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a NodePort is a socket of the host")]
async fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

async fn accept(
    listener: TcpListener,
    port: u16,
    node: Node,
    routes: watch::Receiver<Arc<Routes>>,
) {
    let balance = Arc::new(Balance::default());
    while let Ok((stream, client)) = listener.accept().await {
        let order = {
            let routes = routes.borrow();
            let backends = routes.by_node_port(port);
            backends.map(|it| balance.order(it, Some(client.ip()))).unwrap_or_default()
        };
        let node = node.clone();
        tokio::spawn(async move {
            match connect_any(&node, &order).await {
                Ok(other) => copy(stream, other).await,
                Err(_) => refuse(&stream),
            }
        });
    }
}
