//! Whose certificates are believed, and which one is shown: the settings of helm's repositories and flags.

use std::{io, sync::Arc};

use hyper_rustls::ConfigBuilderExt as _;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};

/// How servers are believed; by default those whom the system believes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates in PEM that count instead of the system's (`--ca-file`).
    pub authorities: Option<Vec<u8>>,
    /// What is shown to servers that ask who comes (`--cert-file`, `--key-file`).
    pub identity: Option<Identity>,
    /// Whether any certificate is believed (`--insecure-skip-tls-verify`).
    pub believes_all: bool,
}

/// A certificate with its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("could not use the system's certificates")]
    System(#[source] io::Error),
    #[error("failed to append certificates from pem block")]
    Authorities,
    #[error("unable to load cert from key pair: {0}")]
    Identity(String),
    #[error("could not set up TLS")]
    Provider(#[source] rustls::Error),
}

/// The settings in the form of the TLS library.
pub(crate) fn config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Provider)?;
    let builder = match &tls.authorities {
        _ if tls.believes_all => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        }
        Some(pem) => builder.with_root_certificates(authorities(pem)?),
        None => builder.with_native_roots().map_err(TlsError::System)?,
    };
    let Some(identity) = &tls.identity else { return Ok(builder.with_no_client_auth()) };
    let wrong = |it: &dyn std::fmt::Display| TlsError::Identity(it.to_string());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.certificate).collect();
    let chain = chain.map_err(|it| wrong(&it))?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|it| wrong(&it))?;
    builder.with_client_auth_cert(chain, key).map_err(|it| wrong(&it))
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let found = CertificateDer::pem_slice_iter(pem).flatten();
    let (n_added, _) = store.add_parsable_certificates(found);
    if n_added == 0 { Err(TlsError::Authorities) } else { Ok(store) }
}

/// Believes every certificate, but still wants its owner on the other side.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        let authorities = Tls { authorities: Some(b"hello".to_vec()), ..Tls::default() };
        let error = config(&authorities).unwrap_err().to_string();
        assert_eq!(error, "failed to append certificates from pem block");
        let identity = Identity { certificate: b"x".to_vec(), key: b"y".to_vec() };
        let tls = Tls { identity: Some(identity), believes_all: true, ..Tls::default() };
        let error = config(&tls).unwrap_err().to_string();
        assert!(error.starts_with("unable to load cert from key pair: "), "{error}");
        assert!(config(&Tls { believes_all: true, ..Tls::default() }).is_ok());
    }
}
