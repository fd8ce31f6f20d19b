//! Which version of each dependency is taken, given what is offered.

use std::{collections::BTreeMap, path::Path};

use chart::{
    Dependency, RepositoryIndex,
    semver::{Constraint, Version},
};
use futures_util::future::try_join_all;

use super::{DependencyError, Order, is_alias, local_path, shown};
use crate::{
    local::load_folder,
    offer, pull,
    reference::{OciChart, is_exact, is_oci},
    settings::{Repositories, Repository},
};

/// What the world has of the dependencies, fetched before anything is chosen.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// By the address of the repository, without a slash at its end.
    indexes: BTreeMap<String, (Repository, RepositoryIndex)>,
    /// The versions in a registry, the highest first, by the address of the chart.
    versions: BTreeMap<String, Vec<String>>,
}

impl Offers {
    /// What the repository at an address offers.
    pub(super) fn at(&self, repository: &str) -> Option<&(Repository, RepositoryIndex)> {
        self.indexes.get(address(repository))
    }
}

/// A slash at the end makes no other repository.
fn address(repository: &str) -> &str {
    repository.trim_end_matches('/')
}

/// The dependencies with addresses where aliases stood.
pub(super) fn with_addresses(
    declared: &[Dependency],
    repositories: &Repositories,
) -> Result<Vec<Dependency>, DependencyError> {
    let mut missing = Vec::new();
    let resolved = declared.iter().map(|dependency| {
        let mut dependency = dependency.clone();
        let repository = dependency.repository.clone();
        match is_alias(&repository).map(|it| repositories.named(it)) {
            Some(Some(known)) => dependency.repository.clone_from(&known.url),
            Some(None) => missing.push(repository),
            None if !repository.is_empty() && !repository.contains("://") => {
                missing.push(repository);
            }
            None => {}
        }
        dependency
    });
    let resolved = resolved.collect();
    if missing.is_empty() { Ok(resolved) } else { Err(DependencyError::NoRepository(missing)) }
}

/// Asks every repository once, all at the same time.
pub(super) async fn offers(
    order: &Order<'_>,
    wanted: &[Dependency],
) -> Result<Offers, DependencyError> {
    let is_elsewhere =
        |it: &&Dependency| !it.repository.is_empty() && !it.repository.starts_with("file://");
    let elsewhere: Vec<&Dependency> = wanted.iter().filter(is_elsewhere).collect();
    let mut by_address: BTreeMap<&str, &Dependency> = BTreeMap::new();
    for dependency in elsewhere.iter().filter(|it| !is_oci(&it.repository)) {
        by_address.entry(address(&dependency.repository)).or_insert(dependency);
    }
    let is_told = !by_address.is_empty() && !order.skips_refresh;
    if is_told {
        (order.tell)("Hang tight while we grab the latest from your chart repositories...");
    }
    let indexes = by_address.into_values().map(|dependency| async move {
        let url = dependency.repository.clone();
        let unnamed = || Repository { url: url.clone(), ..Repository::default() };
        let known = order.market.repositories.at(&url).cloned().unwrap_or_else(unnamed);
        let index = if order.skips_refresh {
            offer::kept(order.market, &known).await
        } else {
            offer::refresh(order.market, &known).await
        };
        let index = index.map_err(|it| DependencyError::Index {
            name: dependency.name.clone(),
            source: Box::new(it),
        })?;
        let key = address(&url).to_owned();
        if order.skips_refresh {
            return Ok((key, (known, index)));
        }
        let shown = if known.name.is_empty() { &url } else { &known.name };
        (order.tell)(&format!("...Successfully got an update from the {shown:?} chart repository"));
        Ok((key, (known, index)))
    });
    let indexes: Vec<_> = try_join_all(indexes).await?;
    if is_told {
        (order.tell)("Update Complete. ⎈Happy Helming!⎈");
    }
    let ranges = elsewhere.iter().filter(|it| is_oci(&it.repository) && !is_exact(&it.version));
    let versions = ranges.map(|dependency| async move {
        let chart = in_registry(dependency)?;
        let versions = pull::versions(&order.market.client, &chart).await;
        let repository = dependency.repository.clone();
        let versions = versions.map_err(|source| DependencyError::Tags { repository, source })?;
        Ok((chart.address(), versions))
    });
    let versions = try_join_all(versions).await?.into_iter().collect();
    Ok(Offers { indexes: indexes.into_iter().collect(), versions })
}

pub(super) fn in_registry(dependency: &Dependency) -> Result<OciChart, DependencyError> {
    let address = format!("{}/{}", dependency.repository.trim_end_matches('/'), dependency.name);
    OciChart::parse(&address)
        .map_err(|source| DependencyError::Reference { name: dependency.name.clone(), source })
}

/// Chooses a version for each dependency; names all for which there is none.
pub(super) fn choose(
    dir: &Path,
    declared: &[Dependency],
    offers: &Offers,
) -> Result<Vec<Dependency>, DependencyError> {
    let mut missing = Vec::new();
    let mut chosen = Vec::new();
    for dependency in declared {
        match version(dir, dependency, offers)? {
            Some(version) => chosen.push(Dependency {
                name: dependency.name.clone(),
                repository: dependency.repository.clone(),
                version,
                ..Dependency::default()
            }),
            None => missing.push(shown(dependency)),
        }
    }
    if missing.is_empty() { Ok(chosen) } else { Err(DependencyError::NoVersion(missing)) }
}

fn version(
    dir: &Path,
    dependency: &Dependency,
    offers: &Offers,
) -> Result<Option<String>, DependencyError> {
    let Dependency { name, version, repository, .. } = dependency;
    let constraint = Constraint::parse(version)
        .map_err(|source| DependencyError::Constraint { name: name.clone(), source })?;
    let fits = |it: &str| Version::parse(it).is_ok_and(|it| constraint.check(&it));
    if repository.is_empty() {
        let path = dir.join("charts").join(name);
        return if host::files::is_dir(&path) {
            Ok(Some(version.clone()))
        } else {
            Err(DependencyError::NoDirectory(path))
        };
    }
    if let Some(path) = local_path(dir, repository) {
        if !host::files::is_dir(&path) {
            return Err(DependencyError::NoDirectory(path));
        }
        let chart = load_folder(&path).map_err(|it| DependencyError::LoadLocal {
            name: name.clone(),
            source: Box::new(it),
        })?;
        return Ok(Some(chart.metadata.version).filter(|it| fits(it)));
    }
    if is_oci(repository) {
        let found = offers.versions.get(&in_registry(dependency)?.address());
        return Ok(match found {
            None => Some(version.clone()),
            Some(offered) => offered.iter().find(|it| fits(it)).cloned(),
        });
    }
    let offered = offers.at(repository).and_then(|it| it.1.versions(name));
    let offered = offered.ok_or_else(|| DependencyError::NoChart {
        name: name.clone(),
        repository: repository.clone(),
    })?;
    let found = offered.iter().find(|it| !it.urls.is_empty() && fits(&it.version));
    Ok(found.map(|it| it.version.clone()))
}
