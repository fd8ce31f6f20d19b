//! Sockets, signals, and the end in order: readiness fails, serving goes on, then accepting stops, then drain, then traces.

mod connections;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::timeout,
};

use crate::{
    Phase, State, StateError, admin_router,
    config::ServeConfig,
    router,
    tls::{Tls, TlsError},
};

use self::connections::{Limits, accept};

/// For what the collector has not got yet, at the very end.
const FLUSH: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("could not listen on {address} for the {what}")]
    Listen { what: &'static str, address: SocketAddr, source: io::Error },
    #[error("could not prepare the stores")]
    State(#[source] StateError),
    #[error("could not prepare TLS")]
    Tls(#[source] TlsError),
    #[error("could not listen for signals")]
    Signals(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT, and returns when everything has ended in order.
pub async fn serve(
    config: ServeConfig,
    environment: Vec<(String, String)>,
) -> Result<(), ServeError> {
    // Before anything slow, so that no signal is missed.
    let mut signals = Signals::new().map_err(ServeError::Signals)?;
    let config = Arc::new(config);
    let tls = config.tls.clone().map(Tls::open).transpose().map_err(ServeError::Tls)?;
    let service = bind("service", config.listen).await?;
    let admin = bind("metrics", config.admin_listen).await?;
    let (phase, phase_rx) = watch::channel(Phase::Serving);
    let state =
        State::open(Arc::clone(&config), environment, phase_rx).await.map_err(ServeError::State)?;
    let address = |it: &TcpListener| it.local_addr().map(|it| it.to_string()).unwrap_or_default();
    let (listen, admin_listen) = (address(&service), address(&admin));
    tracing::info!(listen, admin_listen, version = env!("CARGO_PKG_VERSION"), "serving");

    let (stop, stopped) = watch::channel(false);
    let limits = Limits {
        connections_max: config.connections_max,
        head_bytes_max: config.header_bytes_max,
        head_timeout: config.header_timeout,
    };
    let traces = state.traces.clone();
    let service =
        tokio::spawn(accept(service, router(state.clone()), tls, limits, stopped.clone()));
    let admin = tokio::spawn(accept(admin, admin_router(state), None, limits, stopped));

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
        _ = service => {}
        () = tokio::time::sleep(config.drain_timeout) => {
            tracing::warn!("ending: requests under way took too long");
        }
        () = signals.next() => {}
    }
    admin.abort();
    timeout(FLUSH, traces.flush()).await.ok();
    tracing::info!("ended");
    Ok(())
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { what, address, source })
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
