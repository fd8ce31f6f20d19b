//! A chart's dependencies: listed, chosen, and brought into its `charts/` (Helm 4.1.4, `pkg/downloader`).

use std::path::{Path, PathBuf};

use chart::{Chart, Dependency, Lock, semver::ConstraintError};
use host::files::FileError;
use registry::RegistryError;

use crate::{
    fetch::{FetchError, Market, Provenance},
    local::{LocalError, load_folder},
    reference::ReferenceError,
    verify::VerifyError,
};

mod bring;
mod choose;
mod list;

pub use list::{MAX_COLUMN, list};

/// Checks an archive by its name against its provenance file.
pub type Check<'a> = dyn Fn(&str, &[u8], &[u8]) -> Result<(), VerifyError> + Sync + 'a;

/// How a chart's dependencies are brought in.
pub struct Order<'a> {
    /// The chart's folder.
    pub dir: &'a Path,
    pub market: &'a Market,
    pub provenance: Provenance,
    /// Whether what repositories offered last is enough.
    pub skips_refresh: bool,
    pub check: &'a Check<'a>,
    /// Told as it happens, in helm's words.
    pub tell: &'a (dyn Fn(&str) + Sync),
    /// RFC 3339.
    pub now: &'a str,
    /// Seconds since 1970: what the files of archives that are made here get.
    pub modified_s: u64,
}

impl std::fmt::Debug for Order<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DependencyError {
    #[error("only unpacked charts can be updated: `{}` is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error("could not load the chart")]
    Load(#[source] Box<LocalError>),
    #[error("could not load the dependency {name}")]
    LoadLocal { name: String, source: Box<LocalError> },
    #[error("no repository definition for {}", .0.join(", "))]
    NoRepository(Vec<String>),
    #[error("dependency {name:?} has an invalid version/constraint format")]
    Constraint { name: String, source: ConstraintError },
    #[error("directory {} not found", .0.display())]
    NoDirectory(PathBuf),
    #[error("{name} chart not found in repo {repository}")]
    NoChart { name: String, repository: String },
    #[error(
        "can't get a valid version for {} subchart(s): {}. Make sure a matching chart version exists in the repo, or change the version constraint in Chart.yaml",
        .0.len(), .0.join(", ")
    )]
    NoVersion(Vec<String>),
    #[error("could not retrieve list of tags for repository {repository}")]
    Tags { repository: String, source: RegistryError },
    #[error("dependency {name}: {source}")]
    Reference { name: String, source: ReferenceError },
    #[error("dependency {name} at version {found} does not satisfy the constraint {constraint}")]
    NotSatisfied { name: String, found: String, constraint: String },
    #[error("can't get a valid version for dependency {0}")]
    NoLocalVersion(String),
    #[error("could not pack the dependency {name}")]
    Pack { name: String, source: chart::PackageError },
    #[error("could not download {name} from {repository}")]
    Fetch { name: String, repository: String, source: Box<FetchError> },
    #[error("could not use the repository of {name}")]
    Index { name: String, source: Box<FetchError> },
    #[error("{name} is no chart archive")]
    Archive { name: String, source: chart::LoadError },
    #[error("{name} is not verified")]
    Verify { name: String, source: VerifyError },
    #[error("could not change the charts of `{}`", path.display())]
    File { path: PathBuf, source: FileError },
    #[error(
        "the lock file ({lock}) is out of sync with the dependencies file ({declared}). Please update the dependencies"
    )]
    OutOfSync { lock: &'static str, declared: &'static str },
}

impl DependencyError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OutOfSync { .. } => Some("zarpa chart dependency update CHART".to_owned()),
            Self::NoRepository(names) if names.iter().all(|it| is_alias(it).is_some()) => {
                Some("name them: zarpa chart repo add NAME ADDRESS".to_owned())
            }
            Self::NoRepository(_) => Some(
                "repositories are addresses or aliases: \"https://charts.example.com/\" or \"@example\", not \"example\""
                    .to_owned(),
            ),
            Self::NoFolder(_) => Some("unpack it first: tar -xzf".to_owned()),
            _ => None,
        }
    }
}

/// The name behind `@` or `alias:`.
fn is_alias(repository: &str) -> Option<&str> {
    repository.strip_prefix('@').or_else(|| repository.strip_prefix("alias:"))
}

fn load(dir: &Path) -> Result<Chart, DependencyError> {
    if !host::files::is_dir(dir) {
        return Err(DependencyError::NoFolder(dir.to_owned()));
    }
    load_folder(dir).map_err(|it| DependencyError::Load(Box::new(it)))
}

/// Chooses a version for each dependency, brings them into `charts/`, and writes the lock when it changed.
///
/// Nothing in the folder changes before everything has come.
pub async fn update(order: &Order<'_>) -> Result<(), DependencyError> {
    let chart = load(order.dir)?;
    let Some(declared) = &chart.metadata.dependencies else { return Ok(()) };
    let declared = choose::with_addresses(declared, &order.market.repositories)?;
    let offers = choose::offers(order, &declared).await?;
    let chosen = choose::choose(order.dir, &declared, &offers)?;
    let chosen = bring::bring(order, &chosen, &offers).await?;
    let digest = chart::lock_digest(&declared, &chosen);
    if chart.lock.as_ref().is_some_and(|it| it.digest == digest) {
        return Ok(());
    }
    let lock = Lock { generated: order.now.to_owned(), digest, dependencies: chosen };
    let path = order.dir.join(names(&chart).0);
    host::files::write_atomic(&path, lock.to_yaml().as_bytes())
        .map_err(|source| DependencyError::File { path: order.dir.to_owned(), source })
}

/// Brings the locked versions into `charts/`; without a lock, chooses versions as [`update`] does.
pub async fn build(order: &Order<'_>) -> Result<(), DependencyError> {
    let chart = load(order.dir)?;
    let Some(lock) = &chart.lock else { return update(order).await };
    let written = chart.metadata.dependencies.clone().unwrap_or_default();
    let declared = choose::with_addresses(&written, &order.market.repositories)?;
    let is_in_sync = chart::lock_digest(&declared, &lock.dependencies) == lock.digest
        || (is_first_version(&chart) && chart::old_lock_digest(&written) == lock.digest);
    if !is_in_sync {
        let (lock, declared) = names(&chart);
        return Err(DependencyError::OutOfSync { lock, declared });
    }
    let locked = choose::with_addresses(&lock.dependencies, &order.market.repositories)?;
    let offers = choose::offers(order, &locked).await?;
    bring::bring(order, &locked, &offers).await?;
    Ok(())
}

fn is_first_version(chart: &Chart) -> bool {
    chart.metadata.api_version == "v1"
}

/// What the lock and the list of dependencies are called.
fn names(chart: &Chart) -> (&'static str, &'static str) {
    if is_first_version(chart) {
        ("requirements.lock", "requirements.yaml")
    } else {
        ("Chart.lock", "Chart.yaml")
    }
}

/// The folder that `file://…`, or a path from the chart on, means.
fn local_path(dir: &Path, repository: &str) -> Option<PathBuf> {
    repository.strip_prefix("file://").map(|it| dir.join(it))
}

fn shown(dependency: &Dependency) -> String {
    let Dependency { name, repository, version, .. } = dependency;
    format!("{name:?} (repository {repository:?}, version {version:?})")
}
