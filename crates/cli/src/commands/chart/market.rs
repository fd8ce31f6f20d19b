//! What charts are fetched and pushed through: clients, logins, keyrings.

use std::path::{Path, PathBuf};

use host::files;
use jiff::Timestamp;
use registry::{Client, Credentials, Login, Options};
use repository::{
    Market, Repositories,
    openpgp::{Keyring, KeyringError},
};

use crate::{
    args::remote::{Access, Keys},
    context::Context,
    failure::Failure,
};

/// A market with the user's logins, and the registries without TLS that the user has named.
///
/// A login of the command line is for `hosts`, and counts before all others.
pub(crate) fn open(context: &Context, access: &Access, hosts: &[&str]) -> Result<Market, Failure> {
    let given = login(access);
    let mut credentials = Credentials::default();
    for (host, login) in hosts.iter().zip(std::iter::repeat(given.as_ref())) {
        if let Some(login) = login {
            credentials.extend(Credentials::of(host, login));
        }
    }
    let paths = [&context.docker_config, &context.helm.registry];
    credentials.extend(repository::credentials(paths.into_iter().flatten().map(PathBuf::as_path))?);
    let options = Options {
        credentials,
        plain_http: super::super::plain::known(context)?,
        is_plain_http_everywhere: access.plain_http,
    };
    let repositories = match &context.helm.repositories {
        Some(path) => Repositories::load(path)?,
        None => Repositories::default(),
    };
    Ok(Market { client: Client::new(options)?, repositories })
}

/// The login of the command line.
pub(crate) fn login(access: &Access) -> Option<Login> {
    let (username, password) = (access.username.clone()?, access.password.clone()?);
    Some(Login { username, password })
}

/// The host of an address in a registry.
pub(crate) fn host(address: &str) -> Option<&str> {
    address.strip_prefix("oci://")?.split('/').next()
}

/// Reads the keyring that a flag names, or gpg's.
pub(crate) fn keyring(context: &Context, keys: &Keys) -> Result<Keyring, Failure> {
    let path = match (&keys.keyring, &context.keyring) {
        (Some(path), _) => context.path(path),
        (None, Some(path)) => path.clone(),
        (None, None) => return Err(Failure::usage("which keyring?")),
    };
    let export = format!("export your public keys: gpg --export > {}", path.display());
    let content = files::read(&path).map_err(|it| {
        let hint = it.is_not_found().then(|| export.clone());
        Failure::work(it).with_hint(hint)
    })?;
    Keyring::parse(&content).map_err(|source| {
        let hint = (source == KeyringError::Keybox).then(|| {
            "export public keys from it, and name that file: gpg --export > keys.gpg".to_owned()
        });
        Failure::work(BadKeyring { path, source }).with_hint(hint)
    })
}

#[derive(Debug, thiserror::Error)]
#[error("could not load the keyring `{}`", path.display())]
struct BadKeyring {
    path: PathBuf,
    source: KeyringError,
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

/// The provenance file of an archive.
pub(crate) fn provenance(archive: &Path) -> PathBuf {
    let mut path = archive.as_os_str().to_owned();
    path.push(".prov");
    path.into()
}
