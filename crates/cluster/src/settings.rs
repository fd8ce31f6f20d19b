//! What is chosen once and kept: the ports of the API and of the ingress.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use host::files::{self, FileError};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const API_PORT: u16 = 6443;
const INGRESS_PORT: u16 = 8080;
/// How many ports after the usual one are tried.
const PORTS_TRIED_MAX: u16 = 100;

/// Kept in `cluster.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    pub api_port: u16,
    pub ingress_port: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("could not read the cluster's settings")]
    Read(#[source] FileError),
    #[error("could not understand the cluster's settings `{}`", path.display())]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error("could not keep the cluster's settings")]
    Write(#[source] FileError),
    #[error(
        "port {port} of 127.0.0.1, which this cluster uses for its {what}, is in use by another program"
    )]
    InUse { what: &'static str, port: u16, source: io::Error },
    #[error("no port from {first} to {last} of 127.0.0.1 is free for the {what}")]
    NoneFree { what: &'static str, first: u16, last: u16 },
}

/// The cluster's sockets on the host, and the settings that they come from.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) settings: Settings,
    pub(crate) api: TcpListener,
    pub(crate) ingress: TcpListener,
}

/// Reads the settings; `None` when the cluster was never started.
pub(crate) fn load(path: &Path) -> Result<Option<Settings>, SettingsError> {
    match files::read(path) {
        Ok(content) => serde_json::from_slice(&content)
            .map(Some)
            .map_err(|source| SettingsError::Parse { path: path.to_owned(), source }),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(SettingsError::Read(error)),
    }
}

/// Opens the sockets at the ports that were chosen before, or chooses them now and keeps them.
pub(crate) async fn open(path: &Path) -> Result<Sockets, SettingsError> {
    if let Some(settings) = load(path)? {
        let api = bind("API server", settings.api_port).await?;
        let ingress = bind("ingress", settings.ingress_port).await?;
        return Ok(Sockets { settings, api, ingress });
    }
    let (api_port, api) = bind_free("API server", API_PORT).await?;
    let (ingress_port, ingress) = bind_free("ingress", INGRESS_PORT).await?;
    let settings = Settings { api_port, ingress_port };
    let content = serde_json::to_vec_pretty(&settings)
        .map_err(|source| SettingsError::Parse { path: path.to_owned(), source })?;
    files::write_atomic(path, &content).map_err(SettingsError::Write)?;
    Ok(Sockets { settings, api, ingress })
}

async fn bind(what: &'static str, port: u16) -> Result<TcpListener, SettingsError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|source| SettingsError::InUse { what, port, source })
}

async fn bind_free(what: &'static str, first: u16) -> Result<(u16, TcpListener), SettingsError> {
    let last = first + PORTS_TRIED_MAX;
    for port in first..=last {
        if let Ok(listener) = bind(what, port).await {
            return Ok((port, listener));
        }
    }
    Err(SettingsError::NoneFree { what, first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ports_are_chosen_once_and_another_program_on_them_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cluster.json");
        let first = open(&path).await.unwrap();
        let settings = first.settings;
        let error = open(&path).await.unwrap_err();
        assert!(error.to_string().contains(&settings.api_port.to_string()), "{error}");
        drop(first);
        assert_eq!(open(&path).await.unwrap().settings, settings);
    }

    #[test]
    fn damaged_settings_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cluster.json");
        files::write_atomic(&path, b"{").unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("cluster.json"));
    }
}
