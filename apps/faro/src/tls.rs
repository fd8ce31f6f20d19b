//! TLS of the service port: the files are looked at when somebody connects, and read again when they have changed.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

/// Connections of one second share a look.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("could not look at `{path}`")]
    Look { path: PathBuf, source: io::Error },
    #[error("could not read `{path}`")]
    Read { path: PathBuf, source: pem::Error },
    #[error("`{0}` holds no certificate")]
    Empty(PathBuf),
    #[error("could not use the certificate and its key")]
    Use(#[source] rustls::Error),
}

/// Gives the present acceptor; clones share it.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<Mutex<Current>>,
}

struct Current {
    acceptor: TlsAcceptor,
    stamp: Stamp,
    looked: Instant,
}

/// When the files were written: they change by symbolic links in a mounted Secret, which this follows.
type Stamp = [(SystemTime, u64); 2];

impl Tls {
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = stamp(&files)?;
        let acceptor = load(&files)?;
        let current = Current { acceptor, stamp, looked: Instant::now() };
        Ok(Self { files, current: Arc::new(Mutex::new(current)) })
    }

    /// The acceptor of the files as they are; that of before, while they cannot be used.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if LOOK <= current.looked.elapsed() {
            current.looked = Instant::now();
            match stamp(&self.files) {
                Ok(stamp) if stamp != current.stamp => match load(&self.files) {
                    Ok(acceptor) => {
                        current.acceptor = acceptor;
                        current.stamp = stamp;
                        tracing::info!("the certificate was read again");
                    }
                    Err(error) => tracing::warn!(%error, "the certificate of before stays"),
                },
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the certificate of before stays"),
            }
        }
        current.acceptor.clone()
    }
}

fn stamp(files: &TlsFiles) -> Result<Stamp, TlsError> {
    let one = |path: &PathBuf| {
        let failed = |source| TlsError::Look { path: path.clone(), source };
        let metadata = fs::metadata(path).map_err(failed)?;
        Ok((metadata.modified().map_err(failed)?, metadata.len()))
    };
    Ok([one(&files.cert)?, one(&files.key)?])
}

fn load(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let read = |path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::Read { path, source }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(read(&files.cert))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(files.cert.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(read(&files.key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Use)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Use)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
