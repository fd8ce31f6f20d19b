//! What a registry refused, or how it could not be reached.

use http::StatusCode;
use oci::Digest;

use crate::CredentialsError;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("could not reach the registry `{registry}`")]
    Connect { registry: String, source: Box<dyn std::error::Error + Send + Sync> },
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
    Source { path: std::path::PathBuf, source: std::io::Error },
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

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { registry, source } => {
                let text = chain(source.as_ref());
                let is_plain = ["InvalidContentType", "corrupt message", "invalid message"];
                is_plain.iter().any(|it| text.contains(it)).then(|| {
                    format!(
                        "`{registry}` seems to speak plain HTTP: set `plain_http = true` for it"
                    )
                })
            }
            Self::Unauthorized { registry, .. } => Some(format!(
                "store credentials for `{registry}` in docker's config.json (`docker login {registry}` does)"
            )),
            _ => None,
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
