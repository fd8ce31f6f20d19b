//! Credentials where docker keeps them: `config.json`, and the helpers that it names.

use std::{cmp::Reverse, collections::BTreeMap, fmt, io, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

mod helper;
mod scope;
mod store;

pub use store::{Kept, keep};

/// Docker Hub's name in `config.json`.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A name with its password, or with a token that replaces it.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("could not read docker's configuration")]
    Config(#[source] serde_json::Error),
    #[error("the entry of `{registry}` in docker's configuration is not base64 of `name:password`")]
    Entry { registry: String },
    #[error("could not run the credential helper `{helper}`")]
    Helper { helper: String, source: io::Error },
    #[error("the credential helper `{helper}` failed: {message}")]
    HelperFailed { helper: String, message: String },
}

/// What one or several configurations say of registries; an earlier one is asked first.
#[derive(Debug, Clone, Default)]
pub struct Credentials(Vec<Config>);

/// Docker's `config.json`, as far as it is about registries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the text of a `config.json`.
    pub fn parse(text: &[u8]) -> Result<Self, CredentialsError> {
        serde_json::from_slice(text).map(|it| Self(vec![it])).map_err(CredentialsError::Config)
    }

    /// Reads an image pull secret of the type `kubernetes.io/dockerconfigjson`.
    ///
    /// Helpers that it names are not asked: whoever may write a secret must not choose a program to run.
    pub fn parse_secret(text: &[u8]) -> Result<Self, CredentialsError> {
        let config: Config = serde_json::from_slice(text).map_err(CredentialsError::Config)?;
        Ok(Self(vec![Config { auths: config.auths, ..Config::default() }]))
    }

    /// Reads an image pull secret of the older type `kubernetes.io/dockercfg`: the entries alone.
    pub fn parse_old_secret(text: &[u8]) -> Result<Self, CredentialsError> {
        let auths = serde_json::from_slice(text).map_err(CredentialsError::Config)?;
        Ok(Self(vec![Config { auths, ..Config::default() }]))
    }

    /// One login for one registry, whatever any configuration says.
    pub fn of(registry: &str, login: &Login) -> Self {
        let entry = Entry {
            username: Some(login.username.clone()),
            password: Some(login.password.clone()),
            ..Entry::default()
        };
        let auths = BTreeMap::from([(registry.to_owned(), entry)]);
        Self(vec![Config { auths, ..Config::default() }])
    }

    /// Where docker keeps its configuration, given what the environment says.
    pub fn path(docker_config: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
        let dir = docker_config.or_else(|| home.map(|it| it.join(".docker")))?;
        Some(dir.join("config.json"))
    }

    /// Adds what another says; its own is asked first.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Finds the logins for a repository, those to be tried first in front; helpers are asked.
    pub async fn logins(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Vec<Login>, CredentialsError> {
        let mut logins: Vec<Login> = Vec::new();
        for config in &self.0 {
            for login in config.logins(registry, repository).await? {
                if !logins.contains(&login) {
                    logins.push(login);
                }
            }
        }
        Ok(logins)
    }
}

impl Config {
    async fn logins(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Vec<Login>, CredentialsError> {
        if let Some(helper) = self.helper(registry) {
            return Ok(helper::get(helper, server(registry)).await?.into_iter().collect());
        }
        let ranked =
            self.auths.iter().filter_map(|it| Some((scope::rank(it.0, registry, repository)?, it)));
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_by_key(|(rank, _)| Reverse(*rank));
        let mut logins = Vec::new();
        for (_, (key, entry)) in ranked {
            logins.extend(entry.login(key)?);
        }
        match &self.creds_store {
            Some(helper) if logins.is_empty() => {
                Ok(helper::get(helper, server(registry)).await?.into_iter().collect())
            }
            _ => Ok(logins),
        }
    }

    /// The helper that keeps the login of one registry.
    fn helper(&self, registry: &str) -> Option<&String> {
        let found = self.cred_helpers.iter().find(|it| scope::rank(it.0, registry, "").is_some());
        found.map(|it| it.1)
    }
}

impl Entry {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError> {
        if let Some(token) = self.identitytoken.as_ref().filter(|it| !it.is_empty()) {
            let username = "<token>".to_owned();
            return Ok(Some(Login { username, password: token.clone() }));
        }
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            return Ok(Some(Login { username: username.clone(), password: password.clone() }));
        }
        let Some(auth) = self.auth.as_ref().filter(|it| !it.is_empty()) else { return Ok(None) };
        let wrong = || CredentialsError::Entry { registry: registry.to_owned() };
        let bytes = STANDARD.decode(auth).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (username, password) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Some(Login { username: username.to_owned(), password: password.to_owned() }))
    }
}

/// The name under which docker keeps a registry.
fn server(registry: &str) -> &str {
    if registry == "docker.io" { DOCKER_HUB } else { registry }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn logins(credentials: &Credentials, registry: &str) -> Vec<(String, String)> {
        let logins = credentials.logins(registry, "team/web").await.unwrap();
        logins.into_iter().map(|it| (it.username, it.password)).collect()
    }

    fn pair(username: &str, password: &str) -> (String, String) {
        (username.to_owned(), password.to_owned())
    }

    #[tokio::test]
    async fn an_entry_is_found_by_its_registry() {
        let config = br#"{"auths":{"localhost:5000":{"auth":"YTpiOmM="},
            "https://index.docker.io/v1/":{"username":"me","password":"pw"},
            "empty.io":{}}}"#;
        let credentials = Credentials::parse(config).unwrap();
        assert_eq!(logins(&credentials, "localhost:5000").await, [pair("a", "b:c")]);
        assert_eq!(logins(&credentials, "docker.io").await, [pair("me", "pw")]);
        assert_eq!(logins(&credentials, "ghcr.io").await, []);
        assert_eq!(logins(&credentials, "empty.io").await, []);
    }

    #[tokio::test]
    async fn several_configurations_are_tried_in_their_order_the_exact_entry_first() {
        let old = br#"{"r.io":{"username":"old","password":"1"}}"#;
        let mut credentials = Credentials::parse_old_secret(old).unwrap();
        let more = br#"{"auths":{"r.io":{"username":"wide","password":"2"},
            "r.io/team":{"username":"team","password":"3"}}}"#;
        credentials.extend(Credentials::parse_secret(more).unwrap());
        let expect = [pair("old", "1"), pair("team", "3"), pair("wide", "2")];
        assert_eq!(logins(&credentials, "r.io").await, expect);
    }

    #[tokio::test]
    async fn a_secret_chooses_no_program() {
        let text = br#"{"credsStore":"nowhere","credHelpers":{"r.io":"nowhere"}}"#;
        let secret = Credentials::parse_secret(text).unwrap();
        assert_eq!(logins(&secret, "r.io").await, []);
        let config = Credentials::parse(text).unwrap();
        let error = config.logins("r.io", "web").await.unwrap_err();
        assert!(error.to_string().contains("docker-credential-nowhere"), "{error}");
    }

    #[tokio::test]
    async fn a_damaged_entry_names_its_registry() {
        let credentials = Credentials::parse(br#"{"auths":{"r.io":{"auth":"?"}}}"#).unwrap();
        let error = credentials.logins("r.io", "web").await.unwrap_err();
        assert!(error.to_string().contains("`r.io`"), "{error}");
    }

    #[tokio::test]
    async fn a_helper_that_is_not_installed_is_named() {
        let credentials = Credentials::parse(br#"{"credsStore":"nowhere"}"#).unwrap();
        let error = credentials.logins("r.io", "web").await.unwrap_err();
        assert!(error.to_string().contains("docker-credential-nowhere"), "{error}");
    }
}
