//! What `helm repo add` has noted: names of repositories, with their addresses and logins.

use std::path::{Path, PathBuf};

use goyaml::Value;
use host::files::{self, FileError};
use registry::Login;

/// The repositories that the user has named.
#[derive(Debug, Clone, Default)]
pub struct Repositories(Vec<Repository>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    pub name: String,
    pub url: String,
    pub login: Option<Login>,
    /// Whether other hosts than the repository's own may see the login.
    pub passes_login_on: bool,
    /// Settings that are not supported, by their names in the file.
    pub unsupported: Vec<&'static str>,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("could not read the list of repositories")]
    Read(#[source] FileError),
    #[error("could not understand the list of repositories `{}`", path.display())]
    Parse { path: PathBuf, source: goyaml::ReadError },
}

impl Repositories {
    /// Reads helm's `repositories.yaml`; without one there are none.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = match files::read(path) {
            Err(error) if error.is_not_found() => return Ok(Self::default()),
            read => read.map_err(SettingsError::Read)?,
        };
        Self::parse(&text).map_err(|source| SettingsError::Parse { path: path.to_owned(), source })
    }

    fn parse(text: &[u8]) -> Result<Self, goyaml::ReadError> {
        let document = goyaml::read(text)?;
        let Some(Value::List(items)) = document.get("repositories") else {
            return Ok(Self::default());
        };
        Ok(Self(items.iter().map(repository).collect()))
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Repository> {
        self.0.iter().find(|it| it.name == name)
    }

    pub(crate) fn at(&self, url: &str) -> Option<&Repository> {
        self.0.iter().find(|it| chart::is_same_repository(&it.url, url))
    }
}

fn repository(item: &Value) -> Repository {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (username, password) = (text("username"), text("password"));
    let has_login = !username.is_empty() && !password.is_empty();
    let is_true = |key: &str| item.get(key) == Some(&Value::Bool(true));
    let mut unsupported: Vec<&'static str> =
        ["caFile", "certFile", "keyFile"].into_iter().filter(|it| !text(it).is_empty()).collect();
    unsupported.extend(is_true("insecure_skip_tls_verify").then_some("insecure_skip_tls_verify"));
    Repository {
        name: text("name"),
        url: text("url"),
        login: has_login.then_some(Login { username, password }),
        passes_login_on: is_true("pass_credentials_all"),
        unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helm_has_noted_is_read() {
        let text = "apiVersion: ''\nrepositories:\n- {name: a, url: 'https://a/', caFile: ''}\n\
            - {name: b, url: 'https://b', username: u, password: p, caFile: /ca, pass_credentials_all: true}\n";
        let repositories = Repositories::parse(text.as_bytes()).unwrap();
        assert_eq!(repositories.at("https://a").unwrap().name, "a");
        let b = repositories.named("b").unwrap();
        assert_eq!((b.login.is_some(), b.passes_login_on), (true, true));
        assert_eq!(b.unsupported, ["caFile"]);
        assert_eq!(repositories.named("c"), None);
    }

    #[test]
    fn a_missing_file_is_no_repositories_and_a_damaged_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("repositories.yaml");
        assert_eq!(Repositories::load(&path).unwrap().named("a"), None);
        files::write_atomic(&path, b"a: [").unwrap();
        let error = Repositories::load(&path).unwrap_err();
        assert!(error.to_string().contains("repositories.yaml"), "{error}");
    }
}
