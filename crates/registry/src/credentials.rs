//! Credentials where docker keeps them: `config.json`, and the helpers that it names.

use std::{collections::BTreeMap, fmt, io, path::PathBuf, process::Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use tokio::{io::AsyncWriteExt as _, process::Command};

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

/// What docker's `config.json` says of registries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Credentials {
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

impl Credentials {
    /// Reads the text of a `config.json`, or of an image pull secret, which has the same form.
    pub fn parse(text: &[u8]) -> Result<Self, CredentialsError> {
        serde_json::from_slice(text).map_err(CredentialsError::Config)
    }

    /// Where docker keeps its configuration, given what the environment says.
    pub fn path(docker_config: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
        let dir = docker_config.or_else(|| home.map(|it| it.join(".docker")))?;
        Some(dir.join("config.json"))
    }

    /// Adds what another configuration says; of two entries for one registry its own stays.
    pub fn extend(&mut self, other: Self) {
        for (registry, entry) in other.auths {
            self.auths.entry(registry).or_insert(entry);
        }
        for (registry, helper) in other.cred_helpers {
            self.cred_helpers.entry(registry).or_insert(helper);
        }
        self.creds_store = self.creds_store.take().or(other.creds_store);
    }

    /// Finds the login for a registry, asking a credential helper when the configuration names one.
    pub async fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError> {
        let keys = keys(registry);
        if let Some(helper) = keys.iter().find_map(|it| self.cred_helpers.get(it)) {
            return ask_helper(helper, &keys[0]).await;
        }
        if let Some((key, entry)) = keys.iter().find_map(|it| self.auths.get_key_value(it))
            && let Some(login) = entry.login(key)?
        {
            return Ok(Some(login));
        }
        match &self.creds_store {
            Some(helper) => ask_helper(helper, &keys[0]).await,
            None => Ok(None),
        }
    }
}

impl Entry {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError> {
        if let Some(token) = &self.identitytoken {
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

/// The names under which docker may have stored a registry, the usual one first.
fn keys(registry: &str) -> Vec<String> {
    let plain = [registry.to_owned(), format!("https://{registry}"), format!("http://{registry}")];
    if registry == "docker.io" {
        let hub = [DOCKER_HUB.to_owned(), "index.docker.io".to_owned()];
        return hub.into_iter().chain(plain).collect();
    }
    plain.into()
}

/// Source: docker-credential-helpers, "Development": `get` reads the server's name and prints JSON.
async fn ask_helper(name: &str, registry: &str) -> Result<Option<Login>, CredentialsError> {
    let helper = format!("docker-credential-{name}");
    let failed = |source| CredentialsError::Helper { helper: helper.clone(), source };
    let mut child = Command::new(&helper)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(registry.as_bytes()).await.map_err(failed)?;
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        if text.contains("credentials not found") {
            return Ok(None);
        }
        let message = text.trim().to_owned();
        return Err(CredentialsError::HelperFailed { helper, message });
    }
    let answer: HelperAnswer = serde_json::from_str(&text).map_err(|it| {
        CredentialsError::HelperFailed { helper: helper.clone(), message: it.to_string() }
    })?;
    Ok(Some(Login { username: answer.username, password: answer.secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn login(config: &str, registry: &str) -> Option<(String, String)> {
        let credentials = Credentials::parse(config.as_bytes()).unwrap();
        let login = credentials.login(registry).await.unwrap()?;
        Some((login.username, login.password))
    }

    #[tokio::test]
    async fn an_entry_is_found_under_each_of_its_spellings() {
        let config = r#"{"auths":{"localhost:5000":{"auth":"YTpiOmM="},
            "https://index.docker.io/v1/":{"username":"me","password":"pw"}}}"#;
        let expect = Some(("a".to_owned(), "b:c".to_owned()));
        assert_eq!(login(config, "localhost:5000").await, expect);
        let expect = Some(("me".to_owned(), "pw".to_owned()));
        assert_eq!(login(config, "docker.io").await, expect);
        assert_eq!(login(config, "ghcr.io").await, None);
    }

    #[tokio::test]
    async fn a_damaged_entry_names_its_registry() {
        let credentials = Credentials::parse(br#"{"auths":{"r.io":{"auth":"?"}}}"#).unwrap();
        let error = credentials.login("r.io").await.unwrap_err();
        assert!(error.to_string().contains("`r.io`"), "{error}");
    }

    #[tokio::test]
    async fn a_helper_that_is_not_installed_is_named() {
        let credentials = Credentials::parse(br#"{"credsStore":"nowhere"}"#).unwrap();
        let error = credentials.login("r.io").await.unwrap_err();
        assert!(error.to_string().contains("docker-credential-nowhere"), "{error}");
    }
}
