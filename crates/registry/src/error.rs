//! What a registry refused, or how it could not be reached.

use std::{error::Error, io};

use http::StatusCode;
use oci::Digest;

use crate::CredentialsError;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("could not reach the registry `{registry}`")]
    Connect { registry: String, source: Box<dyn Error + Send + Sync> },
    #[error("`{what}` is not in the registry `{registry}`")]
    NotFound { registry: String, what: String },
    #[error("the registry `{registry}` does not allow this: {doing}")]
    Unauthorized { registry: String, doing: String },
    #[error("the registry `{registry}` answered {status} when asked to {doing}: {message}")]
    Status { registry: String, doing: String, status: StatusCode, message: String },
    #[error("the registry `{registry}` answered nonsense when asked to {doing}: {message}")]
    Answer { registry: String, doing: String, message: String },
    #[error("content of `{what}` has the digest {actual}, expected {expected}")]
    Mismatch { what: String, expected: Digest, actual: Digest },
    #[error("`{reference}` has no image for {platform}; it has: {}", offered.join(", "))]
    Platform { reference: String, platform: String, offered: Vec<String> },
    #[error("could not read `{}`, which is to be pushed", path.display())]
    Source { path: std::path::PathBuf, source: io::Error },
    #[error("the manifest of `{what}`, which is to be pushed, is damaged")]
    Manifest { what: String, source: serde_json::Error },
    #[error("could not get credentials for the registry `{registry}`")]
    Credentials { registry: String, source: CredentialsError },
}

impl RegistryError {
    /// Whether asking again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }

    /// Whether the registry answered TLS with something else, as one does that speaks plain HTTP.
    pub fn speaks_plain(&self) -> bool {
        match self {
            Self::Connect { source, .. } => is_no_tls(source.as_ref()),
            _ => false,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { registry, .. } => self.speaks_plain().then(|| {
                format!(
                    "`{registry}` seems to speak plain HTTP: say so with `plain_http = true` in zarpa.toml, or with --plain-http"
                )
            }),
            Self::Unauthorized { registry, .. } => Some(format!(
                "store credentials for `{registry}` in docker's config.json: zarpa login {registry}"
            )),
            _ => None,
        }
    }
}

/// Whether what came instead of TLS is at the bottom of an error.
pub(crate) fn is_no_tls(error: &(dyn Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidMessage(_)) = error.downcast_ref() {
        return true;
    }
    // An error of the stream shows the one in it as its own text, not as its source.
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let inner = inner.map(|it| it as &(dyn Error + 'static));
    inner.or(error.source()).is_some_and(is_no_tls)
}
