//! Opens the connection of a check: to an address, with or without TLS, or through a port-forward.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    cluster::Cluster,
    forward::{self, ForwardError},
    smoke::Route,
};

#[derive(Debug, Error)]
pub(super) enum OpenError {
    #[error("could not connect to {host}:{port}")]
    Connect { host: String, port: u16, source: std::io::Error },
    #[error("`{host}` is no name for TLS")]
    Name { host: String, source: rustls::pki_types::InvalidDnsNameError },
    #[error("TLS with {host} failed")]
    Tls { host: String, source: std::io::Error },
    #[error("could not set TLS up")]
    Setup(#[source] rustls::Error),
    #[error("could not forward a port")]
    Forward(#[source] ForwardError),
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(super) async fn open(cluster: &Cluster, route: &Route) -> Result<Box<dyn Stream>, OpenError> {
    match route {
        Route::Service { namespace, service, port } => {
            let stream = forward::to_service(cluster, namespace, service, port).await;
            Ok(Box::new(stream.map_err(OpenError::Forward)?))
        }
        Route::Address { is_https, host, port, host_header } => {
            let stream = connect(host, *port).await;
            let stream = stream.map_err(|source| OpenError::Connect {
                host: host.clone(),
                port: *port,
                source,
            })?;
            if *is_https {
                secure(stream, host_header.as_deref().unwrap_or(host)).await
            } else {
                Ok(Box::new(stream))
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a smoke check connects to what was deployed")]
async fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect((host, port)).await
}

async fn secure(stream: TcpStream, host: &str) -> Result<Box<dyn Stream>, OpenError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(OpenError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|source| OpenError::Name { host: host.to_owned(), source })?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|source| OpenError::Tls { host: host.to_owned(), source })?))
}
