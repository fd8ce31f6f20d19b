//! Sockets, signals, and the end in order: readiness fails, serving goes on, then accepting stops, then drain.

use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    CounterError, Metrics, Phase, SqliteCounter, State, admin_router, config::ServeConfig, router,
};

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("could not listen on {address} for the {what}")]
    Listen { what: &'static str, address: SocketAddr, source: io::Error },
    #[error("could not prepare the visit counter")]
    Counter(#[source] CounterError),
    #[error("could not listen for signals")]
    Signals(#[source] io::Error),
    #[error("could not go on serving")]
    Serve(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT, and returns when everything has ended in order.
pub async fn serve(
    config: ServeConfig,
    environment: Vec<(String, String)>,
) -> Result<(), ServeError> {
    // Before anything slow, so that no signal is missed.
    let mut signals = Signals::new().map_err(ServeError::Signals)?;
    let counter = SqliteCounter::open(&config.data_dir).await.map_err(ServeError::Counter)?;
    let (phase, phase_rx) = watch::channel(Phase::Serving);
    let config = Arc::new(config);
    let state = State {
        config: Arc::clone(&config),
        counter,
        metrics: Metrics::default(),
        environment: Arc::new(environment),
        phase: phase_rx,
    };
    let service = bind("service", config.listen).await?;
    let admin = bind("metrics", config.admin_listen).await?;
    tracing::info!(listen = %config.listen, admin = %config.admin_listen, "serving");

    let (stop, stopped) = watch::channel(false);
    let service = tokio::spawn(run(service, router(state.clone()), until(stopped.clone())));
    let admin = tokio::spawn(run(admin, admin_router(state), until(stopped)));

    signals.next().await;
    phase.send_replace(Phase::Ending);
    tracing::info!("ending: no longer ready");
    tokio::select! {
        () = tokio::time::sleep(config.shutdown_delay) => {}
        () = signals.next() => {}
    }
    stop.send_replace(true);
    tracing::info!("ending: no longer accepting");
    tokio::select! {
        ended = service => ended.unwrap_or(Ok(())).map_err(ServeError::Serve)?,
        () = tokio::time::sleep(config.drain_timeout) => {
            tracing::warn!("ending: requests under way took too long");
        }
        () = signals.next() => {}
    }
    admin.abort();
    tracing::info!("ended");
    Ok(())
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { what, address, source })
}

async fn run(
    listener: TcpListener,
    router: Router,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(end).await
}

async fn until(mut stopped: watch::Receiver<bool>) {
    stopped.wait_for(|it| *it).await.ok();
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
