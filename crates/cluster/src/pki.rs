//! Keys and certificates: made once, kept with the cluster.

use std::{path::Path, sync::Arc};

use host::files::{self, FileError};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use serde::{Deserialize, Serialize};

const FILE: &str = "pki.json";
/// Names by which pods and people reach the API server.
const SERVER_NAMES: [&str; 8] = [
    "localhost",
    "127.0.0.1",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "zarpa",
];

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("could not make the cluster's certificates")]
    Make(#[source] rcgen::Error),
    #[error("could not keep the cluster's certificates")]
    File(#[source] FileError),
    #[error("the cluster's certificates are damaged: {reason}")]
    Damaged { reason: String },
}

/// Everything as PEM text.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pki {
    pub(crate) ca: String,
    server: String,
    server_key: String,
    pub(crate) admin: String,
    pub(crate) admin_key: String,
    /// Signs the tokens of service accounts.
    pub(crate) token_key: String,
}

/// Reads what an earlier start made, or makes it.
pub(crate) fn load_or_make(dir: &Path) -> Result<Pki, PkiError> {
    let path = dir.join(FILE);
    match files::read(&path) {
        Ok(content) => serde_json::from_slice(&content)
            .map_err(|it| PkiError::Damaged { reason: it.to_string() }),
        Err(error) if error.is_not_found() => {
            let pki = make().map_err(PkiError::Make)?;
            let content = serde_json::to_vec(&pki)
                .map_err(|it| PkiError::Damaged { reason: it.to_string() })?;
            files::write_private(&path, &content).map_err(PkiError::File)?;
            Ok(pki)
        }
        Err(error) => Err(PkiError::File(error)),
    }
}

fn make() -> Result<Pki, rcgen::Error> {
    let mut ca_params = params(&[], "zarpa", None)?;
    ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let ca_key = KeyPair::generate()?;
    let ca = ca_params.self_signed(&ca_key)?;
    let issuer = Issuer::from_params(&ca_params, &ca_key);

    let mut server_params = params(&SERVER_NAMES, "kube-apiserver", None)?;
    server_params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server_key = KeyPair::generate()?;
    let server = server_params.signed_by(&server_key, &issuer)?;

    let mut admin_params = params(&[], "zarpa-admin", Some("system:masters"))?;
    admin_params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let admin_key = KeyPair::generate()?;
    let admin = admin_params.signed_by(&admin_key, &issuer)?;

    Ok(Pki {
        ca: ca.pem(),
        server: server.pem(),
        server_key: server_key.serialize_pem(),
        admin: admin.pem(),
        admin_key: admin_key.serialize_pem(),
        token_key: KeyPair::generate()?.serialize_pem(),
    })
}

/// The validity is far longer than any cluster on a laptop lives: there is no renewal.
fn params(
    names: &[&str],
    common_name: &str,
    organization: Option<&str>,
) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2124, 1, 1);
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    Ok(params)
}

impl Pki {
    /// TLS for the API server: clients may show a certificate of this cluster, and need not.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, PkiError> {
        let damaged = |reason: String| PkiError::Damaged { reason };
        let certificate = |pem: &str| {
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|it| damaged(it.to_string()))
        };
        let key = PrivateKeyDer::from_pem_slice(self.server_key.as_bytes())
            .map_err(|it| damaged(it.to_string()))?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.ca)?).map_err(|it| damaged(it.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()
                .map_err(|it| damaged(it.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|it| damaged(it.to_string()))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate(&self.server)?], key)
            .map_err(|it| damaged(it.to_string()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// The key that signs tokens, as PKCS#8 DER.
    pub(crate) fn token_key_der(&self) -> Result<Vec<u8>, PkiError> {
        let key = PrivateKeyDer::from_pem_slice(self.token_key.as_bytes())
            .map_err(|it| PkiError::Damaged { reason: it.to_string() })?;
        Ok(key.secret_der().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once_and_serve_tls() {
        let dir = tempfile::tempdir().unwrap();
        let made = load_or_make(dir.path()).unwrap();
        made.server_config().unwrap();
        assert!(!made.token_key_der().unwrap().is_empty());
        assert_eq!(load_or_make(dir.path()).unwrap().ca, made.ca);
        files::write_atomic(&dir.path().join(FILE), b"{}").unwrap();
        assert!(matches!(load_or_make(dir.path()), Err(PkiError::Damaged { .. })));
    }
}
