//! The chosen charts, fetched and put into `charts/`.

use std::{collections::BTreeMap, path::Path};

use chart::{
    Chart, Dependency,
    semver::{Constraint, Version},
};
use host::files;

use super::{
    DependencyError, Order,
    choose::{Offers, in_registry},
    local_path,
};
use crate::{
    fetch::{self, Fetched, Provenance, Wanted},
    local::load_folder,
    reference::is_oci,
};

const CHARTS: &str = "charts";

/// What is to lie in `charts/`: archives and provenance files by their names.
type Files = BTreeMap<String, Vec<u8>>;

/// Fetches everything, then replaces what lies in `charts/`; returns the versions that there are now.
pub(super) async fn bring(
    order: &Order<'_>,
    chosen: &[Dependency],
    offers: &Offers,
) -> Result<Vec<Dependency>, DependencyError> {
    (order.tell)(&format!("Saving {} charts", chosen.len()));
    let mut files = Files::new();
    let mut brought = Vec::new();
    for dependency in chosen {
        let mut dependency = dependency.clone();
        let Dependency { name, repository, .. } = &dependency;
        if repository.is_empty() {
            (order.tell)(&format!(
                "Dependency {name} did not declare a repository. Assuming it exists in the charts directory"
            ));
            check_present(order.dir, &dependency)?;
        } else if let Some(path) = local_path(order.dir, repository) {
            dependency.version = pack(order, &path, &dependency, &mut files)?;
        } else {
            (order.tell)(&format!("Downloading {name} from repo {repository}"));
            download(order, &dependency, offers, &mut files).await?;
        }
        brought.push(dependency);
    }
    put(order, &files, chosen)?;
    Ok(brought)
}

/// A dependency without a repository lies in `charts/` as a folder already.
fn check_present(dir: &Path, dependency: &Dependency) -> Result<(), DependencyError> {
    let Dependency { name, version, .. } = dependency;
    let chart = load_folder(&dir.join(CHARTS).join(name))
        .map_err(|it| DependencyError::LoadLocal { name: name.clone(), source: Box::new(it) })?;
    if satisfies(dependency, &chart)? {
        return Ok(());
    }
    Err(DependencyError::NotSatisfied {
        name: name.clone(),
        found: chart.metadata.version,
        constraint: version.clone(),
    })
}

fn satisfies(dependency: &Dependency, chart: &Chart) -> Result<bool, DependencyError> {
    let constraint = Constraint::parse(&dependency.version)
        .map_err(|source| DependencyError::Constraint { name: dependency.name.clone(), source })?;
    Ok(Version::parse(&chart.metadata.version).is_ok_and(|it| constraint.check(&it)))
}

/// Packs the chart of a folder; returns its version.
fn pack(
    order: &Order<'_>,
    path: &Path,
    dependency: &Dependency,
    files: &mut Files,
) -> Result<String, DependencyError> {
    let name = &dependency.name;
    if !files::is_dir(path) {
        return Err(DependencyError::NoDirectory(path.to_owned()));
    }
    let chart = load_folder(path)
        .map_err(|it| DependencyError::LoadLocal { name: name.clone(), source: Box::new(it) })?;
    if !satisfies(dependency, &chart)? {
        return Err(DependencyError::NoLocalVersion(name.clone()));
    }
    let archive = chart
        .to_archive(order.modified_s)
        .map_err(|source| DependencyError::Pack { name: name.clone(), source })?;
    files.insert(chart.package_name(), archive);
    Ok(chart.metadata.version)
}

async fn download(
    order: &Order<'_>,
    dependency: &Dependency,
    offers: &Offers,
    files: &mut Files,
) -> Result<(), DependencyError> {
    let Dependency { name, version, repository, .. } = dependency;
    let fetched = if is_oci(repository) {
        let wanted = Wanted {
            chart: &in_registry(dependency)?.address(),
            version,
            repository: None,
            login: None,
            passes_login_on: false,
            provenance: order.provenance,
        };
        fetch::fetch(order.market, &wanted).await
    } else {
        let (known, index) = offers.at(repository).ok_or_else(|| {
            let (name, repository) = (name.clone(), repository.clone());
            DependencyError::NoChart { name, repository }
        })?;
        let wanted = (name.as_str(), version.as_str());
        fetch::offered(order.market, (known, index), wanted, order.provenance).await
    };
    let Fetched { file_name, archive, provenance, .. } = fetched.map_err(|source| {
        let (name, repository) = (name.clone(), repository.clone());
        DependencyError::Fetch { name, repository, source: Box::new(source) }
    })?;
    match &provenance {
        Some(provenance) => (order.check)(&file_name, &archive, provenance)
            .map_err(|source| DependencyError::Verify { name: name.clone(), source })?,
        None if order.provenance == Provenance::IfThere => {
            (order.tell)(&format!("WARNING: Verification not found for {name}"));
        }
        None => {}
    }
    Chart::from_archive(&archive)
        .map_err(|source| DependencyError::Archive { name: name.clone(), source })?;
    if let Some(provenance) = provenance {
        files.insert(format!("{file_name}.prov"), provenance.to_vec());
    }
    files.insert(file_name, archive.to_vec());
    Ok(())
}

/// Writes the new files, each in one step, and removes the archives that are not wanted any more.
fn put(order: &Order<'_>, wanted: &Files, chosen: &[Dependency]) -> Result<(), DependencyError> {
    let dir = order.dir.join(CHARTS);
    let failed = |source| DependencyError::File { path: order.dir.to_owned(), source };
    files::create_dir(&dir).map_err(failed)?;
    for (name, content) in wanted {
        files::write_atomic(&dir.join(name), content).map_err(failed)?;
    }
    (order.tell)("Deleting outdated charts");
    let is_local = |name: &str| chosen.iter().any(|it| it.repository.is_empty() && it.name == name);
    for entry in files::list(&dir).map_err(failed)? {
        let is_archive = entry.name.ends_with(".tgz");
        let is_provenance = entry.name.ends_with(".tgz.prov");
        let is_kept = entry.is_dir || wanted.contains_key(&entry.name);
        if is_kept || !(is_archive || is_provenance) {
            continue;
        }
        let path = dir.join(&entry.name);
        if is_archive {
            let content = files::read(&path).map_err(failed)?;
            match Chart::from_archive(&content) {
                Ok(chart) if is_local(chart.name()) => continue,
                Ok(_) => {}
                Err(error) => {
                    let path = path.display();
                    (order.tell)(&format!(
                        "Could not verify {path} for deletion: {error} (Skipping)"
                    ));
                    continue;
                }
            }
        }
        files::remove(&path).map_err(failed)?;
    }
    Ok(())
}
