//! The dependencies of a chart, and what `charts/` has of them (Helm 4.1.4, `pkg/action/dependency.go`).

use std::{fmt::Write as _, path::Path};

use chart::{
    Chart, Dependency,
    semver::{Constraint, Version},
};
use host::files;

use super::DependencyError;
use crate::local::{LocalError, load_folder};

/// How wide a column may be when nothing is said.
pub const MAX_COLUMN: usize = 80;

/// An archive in `charts/`; nothing when it is no chart.
struct Archive {
    name: String,
    chart: Option<Chart>,
}

/// A table of what the chart at a path declares, in helm's form; `shown` is the path as the user wrote it.
pub fn list(path: &Path, shown: &str, max_column: usize) -> Result<String, DependencyError> {
    let shown = shown.trim_end_matches('/');
    let chart = read(path).map_err(|it| DependencyError::Load(Box::new(it)))?;
    let Some(declared) = &chart.metadata.dependencies else {
        return Ok(format!("WARNING: no dependencies at {shown}/charts\n"));
    };
    let dir = path.join("charts");
    let entries = if files::is_dir(&dir) {
        files::list(&dir)
            .map_err(|source| DependencyError::File { path: path.to_owned(), source })?
    } else {
        Vec::new()
    };
    let archives: Vec<Archive> = entries
        .iter()
        .filter(|it| !it.is_dir && it.name.ends_with(".tgz"))
        .map(|it| Archive { name: it.name.clone(), chart: read(&dir.join(&it.name)).ok() })
        .collect();
    let row = |it: &Dependency| {
        let status = status(it, &archives, &chart);
        [it.name.clone(), it.version.clone(), it.repository.clone(), status.to_owned()]
    };
    let mut text = table(&declared.iter().map(row).collect::<Vec<_>>(), max_column);
    text.push('\n');
    for entry in entries.iter().filter(|it| it.is_dir || it.name.ends_with(".tgz")) {
        let place = format!("{shown}/charts/{}", entry.name);
        let warning = match read(&dir.join(&entry.name)) {
            Err(_) => "is not a chart",
            Ok(chart) if declared.iter().any(|it| it.name == chart.name()) => continue,
            Ok(_) => "is not in Chart.yaml",
        };
        writeln!(text, "WARNING: {place:?} {warning}.").expect("writing to a string succeeds");
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Chart, LocalError> {
    if files::is_dir(path) {
        return load_folder(path);
    }
    let content = files::read(path).map_err(LocalError::Read)?;
    Chart::from_archive(&content)
        .map_err(|source| LocalError::Load { path: path.to_owned(), source })
}

/// One word or two on what there is of a dependency: an archive first, then a folder.
fn status(dependency: &Dependency, archives: &[Archive], parent: &Chart) -> &'static str {
    let prefix = format!("{}-", dependency.name);
    let version = |it: &Archive| {
        let rest = it.name.strip_prefix(&prefix)?.strip_suffix(".tgz")?;
        Some(rest.to_owned())
    };
    let mut found: Vec<&Archive> = archives.iter().filter(|it| version(it).is_some()).collect();
    if 1 < found.len() {
        found.retain(|it| version(it).is_some_and(|it| Version::parse_strict(&it).is_ok()));
        if 1 < found.len() {
            return "too many matches";
        }
    }
    if let Some(archive) = found.first() {
        return match &archive.chart {
            None => "corrupt",
            Some(chart) if chart.name() != dependency.name => "misnamed",
            Some(chart) => fit(dependency, chart).unwrap_or("ok"),
        };
    }
    match parent.dependencies.iter().rev().find(|it| it.name() == dependency.name) {
        None => "missing",
        Some(chart) => fit(dependency, chart).unwrap_or("unpacked"),
    }
}

/// What is wrong with a chart's version, if anything.
fn fit(dependency: &Dependency, chart: &Chart) -> Option<&'static str> {
    let found = &chart.metadata.version;
    if *found == dependency.version {
        return None;
    }
    match (Constraint::parse(&dependency.version), Version::parse(found)) {
        (Ok(constraint), Ok(version)) if constraint.check(&version) => None,
        (Ok(_), Ok(_)) => Some("wrong version"),
        _ => Some("invalid version"),
    }
}

/// Columns as wide as their widest cell, with tabs between.
fn table(rows: &[[String; 4]], max_column: usize) -> String {
    let header = ["NAME", "VERSION", "REPOSITORY", "STATUS"].map(str::to_owned);
    let width = |it: &String| it.chars().count().min(max_column);
    let rows: Vec<&[String; 4]> = std::iter::once(&header).chain(rows).collect();
    let widths: [usize; 4] =
        std::array::from_fn(|at| rows.iter().map(|it| width(&it[at])).max().unwrap_or_default());
    let cell = |(text, width): (&String, usize)| {
        let n_chars = text.chars().count();
        if n_chars <= width {
            return format!("{text:<width$}");
        }
        let kept: String = text.chars().take(width.saturating_sub(3)).collect();
        format!("{kept}...")
    };
    let line = |row: &&[String; 4]| {
        let cells: Vec<String> = row.iter().zip(widths).map(cell).collect();
        cells.join("\t") + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, path: &str, text: &str) {
        files::write_atomic(&dir.join(path), text.as_bytes()).unwrap();
    }

    const CHART: &str = "apiVersion: v2\nname: c\nversion: 0.1.0\n";

    /// Recorded from helm 4.1.4.
    #[test]
    fn the_table_is_helm_s() {
        let dir = tempfile::tempdir().unwrap();
        let chart = format!(
            "{CHART}dependencies:\n- {{name: sub, version: '>=0.1.0 <2', repository: 'file://../sub'}}\n\
             - {{name: nowhere-with-a-long-name, version: 1.0.0, repository: 'https://example.com/charts'}}\n\
             - {{name: noversion, repository: 'oci://r.io/x'}}\n"
        );
        write(dir.path(), "c/Chart.yaml", &chart);
        write(dir.path(), "c/charts/extra/Chart.yaml", &CHART.replace("name: c", "name: extra"));
        write(dir.path(), "c/charts/sub/Chart.yaml", &CHART.replace("name: c", "name: sub"));
        let text = list(&dir.path().join("c"), "c/", MAX_COLUMN).unwrap();
        let expect = "NAME                    \tVERSION   \tREPOSITORY                \tSTATUS  \n\
            sub                     \t>=0.1.0 <2\tfile://../sub             \tunpacked\n\
            nowhere-with-a-long-name\t1.0.0     \thttps://example.com/charts\tmissing \n\
            noversion               \t          \toci://r.io/x              \tmissing \n\
            \nWARNING: \"c/charts/extra\" is not in Chart.yaml.\n";
        assert_eq!(text, expect);
        let narrow = list(&dir.path().join("c"), "c", 10).unwrap();
        assert!(narrow.contains("nowhere...\t1.0.0     \thttps:/...\tmissing \n"), "{narrow}");
    }

    #[test]
    fn what_is_wrong_with_an_archive_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let check = |files: &[(&str, &str)], want: &str| {
            let dir = dir.path().join(want);
            let declared = "dependencies: [{name: sub, version: ^1, repository: 'https://r'}]\n";
            write(&dir, "Chart.yaml", &format!("{CHART}{declared}"));
            for (name, chart) in files {
                let text = CHART.replace("name: c", &format!("name: {chart}"));
                write(&dir, "s/Chart.yaml", &text.replace("0.1.0", "1.2.3"));
                let archive = load_folder(&dir.join("s")).unwrap().to_archive(0).unwrap();
                let archive = if *chart == "-" { b"no" } else { archive.as_slice() };
                files::write_atomic(&dir.join("charts").join(name), archive).unwrap();
            }
            // The chart itself may be one that cannot be loaded whole.
            let shown = list(&dir, "c", MAX_COLUMN).unwrap_or_else(|it| format!("{it:?}"));
            assert!(shown.contains(want), "{shown}");
        };
        check(&[("sub-1.2.3.tgz", "sub")], "ok");
        check(&[("sub-1.2.3.tgz", "other")], "misnamed");
        check(&[("sub-1.2.3.tgz", "sub"), ("sub-1.2.4.tgz", "sub")], "too many matches");
        check(&[("sub-1.2.3.tgz", "sub"), ("sub-chart-1.0.0.tgz", "sub-chart")], "ok");
    }
}
