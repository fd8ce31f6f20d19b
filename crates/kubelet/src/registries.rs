//! How registries are spoken to: the user's credentials, and who has no TLS.

use std::path::PathBuf;

use host::files::{self, FileError};
use registry::{Credentials, CredentialsError, Options};

/// Files that are read at each pull, so that a change of theirs counts at once; one that is missing says nothing.
#[derive(Debug, Clone, Default)]
pub struct RegistryFiles {
    /// Docker's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// The registries without TLS, a line each.
    pub plain_http: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum RegistryFilesError {
    #[error("cannot use the node's registry settings")]
    Read(#[source] FileError),
    #[error("cannot use the credentials in {}", path.display())]
    Credentials { path: PathBuf, source: CredentialsError },
}

impl RegistryFiles {
    pub(crate) fn read(&self) -> Result<Options, RegistryFilesError> {
        let mut options = Options::default();
        if let Some(path) = &self.docker_config
            && let Some(text) = read(path)?
        {
            options.credentials = Credentials::parse(&text)
                .map_err(|source| RegistryFilesError::Credentials { path: path.clone(), source })?;
        }
        let text = read(&self.plain_http)?.unwrap_or_default();
        options.plain_http = registry::plain_http(&String::from_utf8_lossy(&text));
        Ok(options)
    }
}

fn read(path: &std::path::Path) -> Result<Option<Vec<u8>>, RegistryFilesError> {
    match files::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(RegistryFilesError::Read(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(dir: &tempfile::TempDir) -> RegistryFiles {
        RegistryFiles {
            docker_config: Some(dir.path().join("config.json")),
            plain_http: dir.path().join("plain-http"),
        }
    }

    #[test]
    fn missing_files_say_nothing_and_a_change_counts_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let registries = in_folder(&dir);
        assert!(registries.read().unwrap().plain_http.is_empty());
        files::write_atomic(&registries.plain_http, b"10.0.0.1:5000\n").unwrap();
        assert!(registries.read().unwrap().plain_http.contains("10.0.0.1:5000"));
    }

    #[test]
    fn a_damaged_configuration_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let registries = in_folder(&dir);
        files::write_atomic(&dir.path().join("config.json"), b"{").unwrap();
        let error = registries.read().unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error}");
    }
}
