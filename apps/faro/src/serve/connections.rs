//! Connections: accepted within limits, and ended between two requests.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::tls::Tls;

const HANDSHAKE: Duration = Duration::from_secs(10);
/// After an error that comes from having too many files open.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections_max: usize,
    pub(super) head_bytes_max: usize,
    pub(super) head_timeout: Duration,
}

/// Serves connections until told to stop, then ends each when its request is answered, and returns after the last.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes_max);
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let tasks = TaskTracker::new();
    loop {
        let (stream, place) = tokio::select! {
            next = next(&listener, &places) => next,
            _ = stopped.wait_for(|it| *it) => break,
        };
        let (builder, router, stopped) = (builder.clone(), router.clone(), stopped.clone());
        let acceptor = tls.as_ref().map(Tls::acceptor);
        tasks.spawn(async move {
            let _place = place;
            stream.set_nodelay(true).ok();
            match acceptor {
                None => connection(&builder, stream, router, stopped).await,
                Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(&builder, stream, router, stopped).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
                    Err(_) => tracing::debug!("the TLS handshake took too long"),
                },
            }
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// The next connection, with its place among those that may be open.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("nobody closes the semaphore");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            // The client has gone again.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(
    builder: &http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        result = connection.as_mut() => return ended(result),
        _ = stopped.wait_for(|it| *it) => {}
    }
    connection.as_mut().graceful_shutdown();
    ended(connection.await);
}

fn ended(result: hyper::Result<()>) {
    // Clients go away and send nonsense every day.
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}
