//! What charts are fetched and pushed through: clients, logins, keyrings.

use std::path::{Path, PathBuf};

use host::files;
use jiff::Timestamp;
use registry::{Client, Credentials, Login, Options};
use repository::{
    Certificates, FetchError, Fetched, IndexCache, Market, Provenance, Repositories, Wanted,
    openpgp::{Keyring, KeyringError},
};

use crate::{
    args::remote::{self as args, Access, Keys, Origin},
    context::Context,
    failure::Failure,
    progress::Drawing,
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
    let certificates = certificates(&access.certificates);
    let tls = certificates.read(&context.directory).map_err(FetchError::Certificates)?;
    let options = Options {
        credentials,
        plain_http: super::super::plain::known(context)?,
        is_plain_http_everywhere: access.plain_http,
        tls,
    };
    let repositories = match &context.helm.repositories {
        Some(path) => Repositories::load(path)?,
        None => Repositories::default(),
    };
    let client = Client::new(options).map_err(FetchError::Tls)?;
    let dir = context.directory.clone();
    Ok(Market { client, repositories, cache: cache(context)?, dir })
}

/// Fetches a chart, and tells what was pulled from a registry.
pub(crate) async fn fetch(
    context: &Context,
    market: &Market,
    chart: &str,
    origin: &Origin,
    provenance: Provenance,
) -> Result<Fetched, Failure> {
    let login = login(&origin.access);
    let wanted = Wanted {
        chart,
        version: origin.range(),
        repository: origin.repo.as_deref(),
        login: login.as_ref(),
        passes_login_on: origin.pass_credentials,
        provenance,
    };
    let fetched = repository::fetch(market, &wanted).await.map_err(not_fetched)?;
    if let Some((reference, digest)) = &fetched.pulled {
        Drawing::new(context).line(&format!("Pulled: {reference}\nDigest: {digest}"));
    }
    Ok(fetched)
}

/// Where what repositories offer is kept.
pub(crate) fn cache(context: &Context) -> Result<IndexCache, Failure> {
    let dir = context.helm.repository_cache.as_ref().ok_or_else(|| {
        Failure::usage("neither HELM_REPOSITORY_CACHE nor HOME says where indexes are kept")
    })?;
    Ok(IndexCache { dir: context.path(dir) })
}

/// The certificates that flags name.
pub(crate) fn certificates(given: &args::Certificates) -> Certificates<'_> {
    Certificates {
        ca_file: &given.ca_file,
        cert_file: &given.cert_file,
        key_file: &given.key_file,
        believes_all: given.insecure_skip_tls_verify,
    }
}

/// A chart that did not come, with the way out where there is one.
pub(crate) fn not_fetched(error: FetchError) -> Failure {
    let hint = match &error {
        FetchError::NoName(_) => {
            Some("write oci://HOST/PATH/CHART, an address, or REPOSITORY/CHART".to_owned())
        }
        FetchError::UnknownRepository(name) => {
            Some(format!("name it first: zarpa chart repo add {name} ADDRESS"))
        }
        FetchError::NotCached { repository, .. } => {
            Some(format!("ask the repository again: zarpa chart repo update {repository}"))
        }
        _ => None,
    };
    Failure::from(error).with_hint(hint)
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
