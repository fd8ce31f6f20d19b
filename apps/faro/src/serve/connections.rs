//! Connections: accepted within limits, and ended between two requests.

use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{http::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::tls::Tls;

const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often in its time an idle connection is looked at.
const LOOKS: u32 = 4;
/// After an error that comes from having too many files open.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections_max: usize,
    pub(super) head_bytes_max: usize,
    pub(super) head_timeout: Duration,
}

/// What answers requests: the routes of a port.
pub(super) trait Answers:
    Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static
{
}

/// Serves connections until told to stop, then ends each when its request is answered, and returns after the last.
pub(super) async fn accept<S>(
    listener: TcpListener,
    service: S,
    tls: Option<Tls>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) where
    S: Answers,
    S::Future: Send,
{
    let mut builder = http1::Builder::new();
    // Idle connections end below: hyper would set a timer for every request.
    builder.header_read_timeout(None).max_buf_size(limits.head_bytes_max);
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let tasks = TaskTracker::new();
    loop {
        let (stream, place) = tokio::select! {
            next = next(&listener, &places) => next,
            _ = stopped.wait_for(|it| *it) => break,
        };
        let (builder, service, stopped) = (builder.clone(), service.clone(), stopped.clone());
        let acceptor = tls.as_ref().map(Tls::acceptor);
        tasks.spawn(async move {
            let _place = place;
            stream.set_nodelay(true).ok();
            match acceptor {
                None => connection(&builder, stream, service, limits, stopped).await,
                Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(&builder, stream, service, limits, stopped).await,
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

async fn connection<S>(
    builder: &http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: S,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) where
    S: Answers,
    S::Future: Send,
{
    let turns = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&turns);
    let service = service_fn(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        let (answer, turns) = (service.clone().call(request), Arc::clone(&counted));
        async move {
            let answer = answer.await;
            turns.fetch_add(1, Ordering::Relaxed);
            answer
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut idle = pin!(idle(&turns, limits.head_timeout));
    tokio::select! {
        biased;
        result = connection.as_mut() => return ended(result),
        _ = stopped.wait_for(|it| *it) => {}
        () = idle.as_mut() => return,
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        result = connection => ended(result),
        () = idle => {}
    }
}

/// Returns when the client has sent no whole head for `limit`, or somewhat more.
///
/// `turns` is odd while a request is under way, and another number after each.
async fn idle(turns: &AtomicU32, limit: Duration) {
    let (mut seen, mut n_looks) = (turns.load(Ordering::Relaxed), 0);
    while n_looks < LOOKS {
        sleep(limit / LOOKS).await;
        let now = turns.load(Ordering::Relaxed);
        n_looks = if now == seen && now.is_multiple_of(2) { n_looks + 1 } else { 0 };
        seen = now;
    }
    tracing::debug!("a connection was idle for too long");
}

fn ended(result: hyper::Result<()>) {
    // Clients go away and send nonsense every day.
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}
