//! A chart fetched from where it is offered.

use std::path::PathBuf;

use bytes::Bytes;
use chart::{Chart, IndexError, RepositoryIndex, semver::ConstraintError};
use host::files::FileError;
use oci::Digest;
use registry::{Client, Download, DownloadError, Login, RegistryError, TlsError};

use crate::{
    cache::IndexCache,
    certificates::CertificatesError,
    offer::{self, client_of},
    pull,
    reference::{OciChart, ReferenceError, is_oci},
    settings::{Repositories, Repository},
};

const ARCHIVE_BYTES_MAX: usize = 100 << 20;
const PROVENANCE_BYTES_MAX: usize = 5 << 20;
/// So many versions are named when none of them fits.
const OFFERED_MAX: usize = 5;

/// Everything that charts are fetched through.
#[derive(Debug, Clone)]
pub struct Market {
    pub client: Client,
    pub repositories: Repositories,
    /// Where indexes are kept, and from where files that settings name are read.
    pub cache: IndexCache,
    pub dir: PathBuf,
}

/// Whether a provenance file is fetched, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    Unwanted,
    IfThere,
    Required,
}

/// What is to be fetched.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// `oci://…`, an address, `REPOSITORY/NAME`, or a name in the repository at `repository`.
    pub chart: &'a str,
    /// A version, a range, or nothing for the highest release.
    pub version: &'a str,
    /// The address of a repository that has not been named.
    pub repository: Option<&'a str>,
    pub login: Option<&'a Login>,
    pub passes_login_on: bool,
    pub provenance: Provenance,
}

/// A chart as it came.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// `name-version.tgz`, the name under which it is signed.
    pub file_name: String,
    pub archive: Bytes,
    pub provenance: Option<Bytes>,
    /// Where in a registry it was: its reference, and the digest of its manifest.
    pub pulled: Option<(String, Digest)>,
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{0}")]
    Reference(ReferenceError),
    #[error("could not fetch the chart from its registry")]
    Registry(#[source] RegistryError),
    #[error("improper constraint")]
    Range(#[source] ConstraintError),
    #[error("`{address}` has no version {}{}", if version.is_empty() { "that is a release" } else { version }, offer(offered))]
    NoVersion { address: String, version: String, offered: Vec<String> },
    #[error("chart reference digest mismatch: {found} is not {expected}")]
    DigestMismatch { found: Digest, expected: Digest },
    #[error("`{address}` is no chart: {reason}")]
    NoChart { address: String, reason: String },
    #[error("could not load the chart that came")]
    Load(#[source] chart::LoadError),
    #[error("could not fetch the chart")]
    Download(#[source] DownloadError),
    #[error("looks like {url:?} is not a valid chart repository or cannot be reached")]
    Index { url: String, source: DownloadError },
    #[error("looks like {url:?} is not a valid chart repository or cannot be reached")]
    IndexText { url: String, source: IndexError },
    #[error("{chart} not found in {url} repository")]
    NotOffered { chart: String, url: String, source: IndexError },
    #[error("{0} has no downloadable URLs")]
    NoUrl(String),
    #[error("repo {0} not found")]
    UnknownRepository(String),
    #[error(
        "chart {chart:?} matching {version} not found in {repository} index. (try 'helm repo update')"
    )]
    NotCached { chart: String, version: String, repository: String, source: Box<IndexError> },
    #[error("can't create TLS config for client")]
    Certificates(#[source] CertificatesError),
    #[error("can't create TLS config for client")]
    Tls(#[source] TlsError),
    #[error("could not use the cache of repositories")]
    Cache(#[source] FileError),
    #[error("non-absolute URLs should be in form of repo_name/path_to_chart, got: {0}")]
    NoName(String),
    #[error("{url} is not what the repository's index says: its digest is {found}, not {expected}")]
    Sum { url: String, found: String, expected: String },
    #[error("failed to fetch provenance {0:?}")]
    NoProvenance(String),
}

fn offer(versions: &[String]) -> String {
    if versions.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = versions.iter().take(OFFERED_MAX).map(String::as_str).collect();
    let more = if OFFERED_MAX < versions.len() { ", …" } else { "" };
    format!("; it has {}{more}", shown.join(", "))
}

/// Fetches a chart, and its provenance file when that is wanted.
pub async fn fetch(market: &Market, wanted: &Wanted<'_>) -> Result<Fetched, FetchError> {
    if let Some(url) = wanted.repository {
        let repository = unnamed(url, wanted);
        let (index, _) = offer::index(market, &repository).await?;
        let chart = (wanted.chart, wanted.version);
        return offered(market, (&repository, &index), chart, wanted.provenance).await;
    }
    if is_oci(wanted.chart) {
        let chart = OciChart::parse(wanted.chart).map_err(FetchError::Reference)?;
        return from_registry(market, &chart, wanted.version, wanted.provenance).await;
    }
    if wanted.chart.contains("://") {
        let home = Home {
            client: market.client.clone(),
            url: wanted.chart,
            login: wanted.login.cloned(),
            is_open: wanted.passes_login_on,
        };
        return from_address(wanted.chart, &home, wanted.provenance).await;
    }
    let named = wanted.chart.split_once('/').filter(|it| !it.0.is_empty() && !it.1.is_empty());
    let (name, chart) = named.ok_or_else(|| FetchError::NoName(wanted.chart.to_owned()))?;
    let repository = market
        .repositories
        .named(name)
        .ok_or_else(|| FetchError::UnknownRepository(name.to_owned()))?;
    let index = offer::kept(market, repository).await?;
    let found = offered(market, (repository, &index), (chart, wanted.version), wanted.provenance);
    found.await.map_err(|error| match error {
        FetchError::NotOffered { source, .. } => FetchError::NotCached {
            chart: chart.to_owned(),
            version: wanted.version.to_owned(),
            repository: name.to_owned(),
            source: Box::new(source),
        },
        error => error,
    })
}

/// A repository that only the command line knows.
fn unnamed(url: &str, wanted: &Wanted<'_>) -> Repository {
    let login = wanted.login.cloned();
    let (username, password) = login.map(|it| (it.username, it.password)).unwrap_or_default();
    let passes_login_on = wanted.passes_login_on;
    Repository { url: url.to_owned(), username, password, passes_login_on, ..Repository::default() }
}

/// A repository as a server: through which client it is asked, and who may see its login.
pub(crate) struct Home<'a> {
    client: Client,
    url: &'a str,
    login: Option<Login>,
    /// Whether every host may.
    is_open: bool,
}

impl<'a> Home<'a> {
    pub(crate) fn of(market: &Market, repository: &'a Repository) -> Result<Self, FetchError> {
        let Repository { url, passes_login_on, .. } = repository;
        let client = client_of(market, repository)?;
        Ok(Self { client, url, login: repository.login(), is_open: *passes_login_on })
    }

    pub(crate) async fn download(
        &self,
        url: &str,
        n_bytes_max: usize,
    ) -> Result<Bytes, DownloadError> {
        let home = (!self.is_open).then_some(self.url);
        let login = self.login.as_ref();
        registry::download(&self.client, &Download { url, login, home, n_bytes_max }).await
    }
}

async fn from_registry(
    market: &Market,
    chart: &OciChart,
    version: &str,
    provenance: Provenance,
) -> Result<Fetched, FetchError> {
    let reference = pull::resolve(&market.client, chart, version).await?;
    let wants = provenance != Provenance::Unwanted;
    let pulled = pull::pull(&market.client, reference, wants).await?;
    let shown = pulled.reference.to_string();
    if provenance == Provenance::Required && pulled.provenance.is_none() {
        return Err(FetchError::NoProvenance(format!("oci://{shown}")));
    }
    let file_name = match &pulled.reference.tag {
        Some(tag) => format!("{}-{}.tgz", chart.name(), tag.replace('_', "+")),
        None => Chart::from_archive(&pulled.archive).map_err(FetchError::Load)?.package_name(),
    };
    Ok(Fetched {
        file_name,
        archive: pulled.archive,
        provenance: pulled.provenance,
        pulled: Some((shown, pulled.digest)),
    })
}

/// Fetches a version that an index offers, and holds it against the digest there.
pub(crate) async fn offered(
    market: &Market,
    (repository, index): (&Repository, &RepositoryIndex),
    (name, version): (&str, &str),
    provenance: Provenance,
) -> Result<Fetched, FetchError> {
    let shown = if version.is_empty() {
        format!("chart {name:?}")
    } else {
        format!("chart {name:?} version {version:?}")
    };
    let entry = index.find(name, version).map_err(|source| FetchError::NotOffered {
        chart: shown.clone(),
        url: repository.url.clone(),
        source,
    })?;
    let url = entry.urls.first().ok_or(FetchError::NoUrl(shown))?;
    let url = chart::resolve_address(&repository.url, url);
    if is_oci(&url) {
        let chart = OciChart::parse(&url).map_err(FetchError::Reference)?;
        return from_registry(market, &chart, &entry.version, provenance).await;
    }
    let fetched = from_address(&url, &Home::of(market, repository)?, provenance).await?;
    let expected = entry.digest.strip_prefix("sha256:").unwrap_or(&entry.digest);
    let found = Digest::of(&fetched.archive);
    if !expected.is_empty() && found.hex() != expected {
        let (found, expected) = (found.hex().to_owned(), expected.to_owned());
        return Err(FetchError::Sum { url, found, expected });
    }
    Ok(fetched)
}

async fn from_address(
    url: &str,
    home: &Home<'_>,
    provenance: Provenance,
) -> Result<Fetched, FetchError> {
    let archive = home.download(url, ARCHIVE_BYTES_MAX).await.map_err(FetchError::Download)?;
    let (path, query) = url.split_once('?').map_or((url, ""), |(path, query)| (path, query));
    let file_name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let provenance = if provenance == Provenance::Unwanted {
        None
    } else {
        let mut address = format!("{path}.prov");
        if !query.is_empty() {
            address = format!("{address}?{query}");
        }
        match home.download(&address, PROVENANCE_BYTES_MAX).await {
            Ok(content) => Some(content),
            Err(error) if error.is_not_found() && provenance == Provenance::IfThere => None,
            Err(error) if error.is_not_found() => return Err(FetchError::NoProvenance(address)),
            Err(error) => return Err(FetchError::Download(error)),
        }
    };
    Ok(Fetched { file_name, archive, provenance, pulled: None })
}
