//! `portforward`: connections into a pod over one connection of the client.
//!
//! Libraries speak WebSocket channels; kubectl speaks SPDY, inside WebSocket or, from older versions, by itself.

use std::sync::Arc;

use http::Response;
use kobject::meta;
use serde_json::Value;

use super::{
    pod,
    websocket::{Handshake, Switch},
};
use crate::{api::Api, body::Body, call::Call, error::ApiError, node::Node, path::Target};

mod channels;
mod tunnel;

const CHANNELS: &str = "v4.channel.k8s.io";
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const SPDY: &str = "SPDY/3.1";
const SPDY_PROTOCOL: &str = "portforward.k8s.io";

/// How much is read from a connection at once.
const READ_BYTES: usize = 32 << 10;

/// The pod that is connected to.
#[derive(Clone)]
pub(crate) struct Peer {
    node: Arc<dyn Node>,
    namespace: String,
    pod: String,
}

pub(crate) async fn portforward(
    api: &Api,
    mut call: Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    check_running(&pod(api, target)?)?;
    let peer = Peer {
        node: api.node.clone(),
        namespace: target.namespace.clone(),
        pod: target.name.clone(),
    };
    let shutdown = api.config.shutdown.clone();
    let (response, work) = accept(&mut call, peer).await?;
    tokio::spawn(async move {
        tokio::select! {
            () = work => {}
            () = shutdown.cancelled() => {}
        }
    });
    Ok(response)
}

fn check_running(pod: &Value) -> Result<(), ApiError> {
    if pod["status"]["phase"] == "Running" && meta::deletion_timestamp(pod).is_none() {
        return Ok(());
    }
    let phase = pod["status"]["phase"].as_str().unwrap_or("Pending");
    Err(ApiError::bad_request(format!(
        "unable to forward port because pod is not running. Current status={phase}"
    )))
}

/// The answer that switches protocols, and what follows on the connection.
async fn accept(
    call: &mut Call,
    peer: Peer,
) -> Result<(Response<Body>, futures_util::future::BoxFuture<'static, ()>), ApiError> {
    if let Some(switch) = Switch::check(call, SPDY, SPDY_PROTOCOL)? {
        let (response, stream) = switch.complete();
        let work = async move {
            match stream.await {
                Ok(stream) => tunnel::serve(stream, peer).await,
                Err(error) => tracing::debug!(%error, "a port-forward was given up"),
            }
        };
        return Ok((response, Box::pin(work)));
    }
    let handshake = Handshake::check(call, &[TUNNEL, CHANNELS])?;
    let is_tunnel = handshake.protocol == TUNNEL;
    let connections = if is_tunnel { Vec::new() } else { connect(&peer, &ports(call)?).await };
    let (response, socket) = handshake.complete();
    let work = async move {
        match socket.await {
            Ok(socket) if is_tunnel => tunnel::serve_over(socket, peer).await,
            Ok(socket) => channels::forward(socket, connections).await,
            Err(error) => tracing::debug!(%error, "a port-forward was given up"),
        }
    };
    Ok((response, Box::pin(work)))
}

async fn connect(peer: &Peer, ports: &[u16]) -> Vec<channels::Connected> {
    let mut connections = Vec::new();
    for &port in ports {
        connections.push((port, peer.node.connect(&peer.namespace, &peer.pod, port).await));
    }
    connections
}

fn ports(call: &Call) -> Result<Vec<u16>, ApiError> {
    let texts = call.query.all("ports").flat_map(|it| it.split(',')).filter(|it| !it.is_empty());
    let ports: Result<Vec<u16>, ApiError> = texts
        .map(|text| {
            text.parse().ok().filter(|it| *it != 0).ok_or_else(|| {
                ApiError::bad_request(format!("invalid port {text:?}: must be 1 to 65535"))
            })
        })
        .collect();
    let ports = ports?;
    if ports.is_empty() || ports.len() > 100 {
        return Err(ApiError::bad_request("the query must name 1 to 100 ports: ?ports=8080"));
    }
    Ok(ports)
}
