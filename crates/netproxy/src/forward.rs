//! One TCP connection to another: dialled in the order of its endpoints, copied both ways.

use std::{io, net::SocketAddr, time::Duration};

use sandbox::Node;
use tokio::{io::copy_bidirectional, net::TcpStream};

const CONNECT_MS_MAX: u64 = 3000;

/// Connects to the first endpoint that accepts; the error is that of the last one.
pub(crate) async fn connect_any(node: &Node, order: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::ConnectionRefused, "no endpoint is ready");
    for address in order {
        let limit = Duration::from_millis(CONNECT_MS_MAX);
        match tokio::time::timeout(limit, node.connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Copies until both sides have ended. An end in disorder is the peers' business.
pub(crate) async fn copy(mut one: TcpStream, mut other: TcpStream) {
    one.set_nodelay(true).ok();
    other.set_nodelay(true).ok();
    if let Err(error) = copy_bidirectional(&mut one, &mut other).await {
        tracing::trace!(%error, "connection ended in disorder");
    }
}

/// Ends a connection as if nobody had listened: with a reset, so that clients need not wait.
pub(crate) fn refuse(stream: &TcpStream) {
    stream.set_zero_linger().ok();
}
