//! helm's `repositories.yaml`: names of repositories, with their addresses and logins.

use std::path::{Path, PathBuf};

use goyaml::Value;
use host::files::{self, FileError};
use registry::Login;

/// What helm writes where no time is known.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// The repositories that the user has named, in the order in which they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repositories {
    entries: Vec<Repository>,
    /// Helm keeps these two and never looks at them.
    api_version: String,
    generated: String,
}

/// A repository with everything that helm notes of it; texts are empty where nothing is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    pub name: String,
    pub url: String,
    pub username: String,
    pub password: String,
    /// Files with certificates and keys in PEM, as `--cert-file` and so on name them.
    pub cert_file: String,
    pub key_file: String,
    pub ca_file: String,
    /// Whether any certificate of the server is believed.
    pub believes_all: bool,
    /// Whether other hosts than the repository's own may see the login.
    pub passes_login_on: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("could not read the list of repositories")]
    Read(#[source] FileError),
    #[error("could not understand the list of repositories `{}`", path.display())]
    Parse { path: PathBuf, source: ListError },
    #[error("could not keep the list of repositories")]
    Write(#[source] FileError),
}

/// Why a text is no list of repositories.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Yaml(goyaml::ReadError),
    /// Whoever wrote the list again would lose what stands there.
    #[error("`{place}` is {found}, not {wanted}: mend it by hand")]
    Shape { place: String, found: &'static str, wanted: &'static str },
}

impl Default for Repositories {
    fn default() -> Self {
        Self { entries: Vec::new(), api_version: String::new(), generated: NO_TIME.to_owned() }
    }
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

    fn parse(text: &[u8]) -> Result<Self, ListError> {
        let document = goyaml::read(text).map_err(ListError::Yaml)?;
        let mut found = Self::default();
        if let Some(text) = document.get("apiVersion").and_then(Value::as_str) {
            text.clone_into(&mut found.api_version);
        }
        if let Some(text) = document.get("generated").and_then(Value::as_str) {
            text.clone_into(&mut found.generated);
        }
        found.entries = match (&document, document.get("repositories")) {
            (Value::Null, _) | (Value::Map(_), None | Some(Value::Null)) => Vec::new(),
            (_, Some(Value::List(items))) => {
                items.iter().enumerate().map(read_entry).collect::<Result<_, _>>()?
            }
            (_, Some(other)) => return Err(misshapen("repositories", other, "a list")),
            (other, None) => return Err(misshapen("the file", other, "a table")),
        };
        Ok(found)
    }

    /// Writes the file as helm does; only its owner may read it, for it holds passwords.
    pub fn save(&self, path: &Path) -> Result<(), SettingsError> {
        files::write_private(path, self.to_yaml().as_bytes()).map_err(SettingsError::Write)
    }

    fn to_yaml(&self) -> String {
        let entries = self.entries.iter().map(|it| table(entry_fields(it))).collect();
        goyaml::print_v2(&table(vec![
            ("apiVersion", text(&self.api_version)),
            ("generated", text(&self.generated)),
            ("repositories", Value::List(entries)),
        ]))
    }

    /// All of them, in the file's order.
    pub fn all(&self) -> &[Repository] {
        &self.entries
    }

    /// The one of a name.
    pub fn named(&self, name: &str) -> Option<&Repository> {
        self.entries.iter().find(|it| it.name == name)
    }

    pub(crate) fn at(&self, url: &str) -> Option<&Repository> {
        self.entries.iter().find(|it| chart::is_same_repository(&it.url, url))
    }

    /// Puts a repository in the place of the one of its name, or behind all others.
    pub fn put(&mut self, repository: Repository) {
        match self.entries.iter_mut().find(|it| it.name == repository.name) {
            Some(place) => *place = repository,
            None => self.entries.push(repository),
        }
    }

    /// Takes the repositories of a name out; false when there is none.
    pub fn remove(&mut self, name: &str) -> bool {
        let n_before = self.entries.len();
        self.entries.retain(|it| it.name != name);
        self.entries.len() < n_before
    }
}

impl Repository {
    /// The login, when there are both a name and a password.
    pub fn login(&self) -> Option<Login> {
        let Self { username, password, .. } = self;
        let login = Login { username: username.clone(), password: password.clone() };
        Some(login).filter(|it| !it.username.is_empty() && !it.password.is_empty())
    }
}

/// Takes the lock under which helm changes the file, and waits while somebody has it.
///
/// Source: Helm 4.1.4, `pkg/cmd/repo_add.go`.
pub fn lock(path: &Path) -> Result<files::Lock, SettingsError> {
    let lock = path.with_extension("lock");
    files::lock(&lock).map_err(SettingsError::Write)
}

fn misshapen(place: &str, found: &Value, wanted: &'static str) -> ListError {
    ListError::Shape { place: place.to_owned(), found: found.json_kind(), wanted }
}

fn read_entry((number, item): (usize, &Value)) -> Result<Repository, ListError> {
    let Value::Map(_) = item else {
        return Err(misshapen(&format!("repositories[{number}]"), item, "a table"));
    };
    let place = |key: &str| format!("repositories[{number}].{key}");
    let text = |key: &str| match item.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(other) => Err(misshapen(&place(key), other, "a string")),
    };
    let is_true = |key: &str| match item.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(other) => Err(misshapen(&place(key), other, "true or false")),
    };
    Ok(Repository {
        name: text("name")?,
        url: text("url")?,
        username: text("username")?,
        password: text("password")?,
        cert_file: text("certFile")?,
        key_file: text("keyFile")?,
        ca_file: text("caFile")?,
        believes_all: is_true("insecure_skip_tls_verify")?,
        passes_login_on: is_true("pass_credentials_all")?,
    })
}

/// In the order of the keys.
fn entry_fields(it: &Repository) -> Vec<(&'static str, Value)> {
    vec![
        ("caFile", text(&it.ca_file)),
        ("certFile", text(&it.cert_file)),
        ("insecure_skip_tls_verify", Value::Bool(it.believes_all)),
        ("keyFile", text(&it.key_file)),
        ("name", text(&it.name)),
        ("pass_credentials_all", Value::Bool(it.passes_login_on)),
        ("password", text(&it.password)),
        ("url", text(&it.url)),
        ("username", text(&it.username)),
    ]
}

fn table(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from helm 4.1.4.
    const BY_HELM: &str = "apiVersion: \"\"\ngenerated: \"0001-01-01T00:00:00Z\"\nrepositories:\n\
        - caFile: \"\"\n  certFile: \"\"\n  insecure_skip_tls_verify: false\n  keyFile: \"\"\n  name: a\n  \
        pass_credentials_all: false\n  password: \"\"\n  url: https://a/\n  username: \"\"\n";

    #[test]
    fn what_helm_has_noted_is_read() {
        let text = "apiVersion: ''\nrepositories:\n- {name: a, url: 'https://a/', caFile: ''}\n\
            - {name: b, url: 'https://b', username: u, password: p, caFile: /ca, pass_credentials_all: true}\n";
        let repositories = Repositories::parse(text.as_bytes()).unwrap();
        assert_eq!(repositories.at("https://a").unwrap().name, "a");
        let b = repositories.named("b").unwrap();
        assert_eq!((b.login().is_some(), b.passes_login_on), (true, true));
        assert_eq!(b.ca_file, "/ca");
        assert_eq!(repositories.named("c"), None);
    }

    #[test]
    fn a_file_of_another_shape_is_refused_and_not_written_over() {
        let check = |text: &str, expect: &str| {
            let error = Repositories::parse(text.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("{expect}: mend it by hand"));
        };
        check("repositories: {a: b}", "`repositories` is object, not a list");
        check("repositories: [{name: a}, b]", "`repositories[1]` is string, not a table");
        check("repositories: [{url: 5}]", "`repositories[0].url` is number, not a string");
        check("- a", "`the file` is array, not a table");
        assert_eq!(Repositories::parse(b"").unwrap(), Repositories::default());
    }

    #[test]
    fn the_file_is_written_as_helm_does() {
        let mut repositories = Repositories::default();
        let repository = |name: &str, url: &str| Repository {
            name: name.to_owned(),
            url: url.to_owned(),
            ..Repository::default()
        };
        repositories.put(repository("a", "https://old/"));
        repositories.put(repository("b", "https://b/"));
        repositories.put(repository("a", "https://a/"));
        assert!(repositories.remove("b") && !repositories.remove("b"));
        assert_eq!(repositories.to_yaml(), BY_HELM);
        assert_eq!(Repositories::parse(BY_HELM.as_bytes()).unwrap(), repositories);
        assert!(repositories.remove("a"));
        assert!(repositories.to_yaml().ends_with("repositories: []\n"));
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
