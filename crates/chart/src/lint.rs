//! `helm lint`: Helm's rules with Helm's words (Helm 4.1.4, `pkg/chart/v2/lint`), and traps of which
//! Helm says nothing.

use std::fmt;

use crate::{
    archive,
    capabilities::KubeVersion,
    chart::{Chart, ChartFile},
    load::LoadError,
    source::Source,
    values::Values,
};

mod chartfile;
mod crds;
mod dependencies;
mod deprecated;
mod given;
mod object;
mod templates;
mod traps;
mod url;
mod values_file;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    Info,
    /// Something that works and surprises, of which Helm does not warn; it fails no chart.
    Trap,
    Warning,
    Error,
}

/// One thing that a rule says. `Display` is Helm's line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    pub severity: Severity,
    /// What it is about: `Chart.yaml`, `templates/service.yaml`.
    pub path: String,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Info => "INFO",
            Severity::Trap => "TRAP",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        write!(f, "[{severity}] {}: {}", self.path, self.text)
    }
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Entry {
    #[default]
    Missing,
    File,
    Folder,
}

/// A chart's folder, as it lies on disk.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The absolute path, which some messages name.
    pub path: String,
    pub files: Vec<ChartFile>,
    /// What `templates` is; an empty folder has no files to tell.
    pub templates: Entry,
    /// What `crds` is.
    pub crds: Entry,
}

impl Folder {
    /// The folder that an archive holds.
    pub fn from_archive(path: &str, archive: &[u8]) -> Result<Self, LoadError> {
        let files = archive::unpack(archive).map_err(LoadError::Archive)?;
        let entry = |prefix: &str| {
            let has = files.iter().any(|it| it.path.starts_with(prefix));
            if has { Entry::Folder } else { Entry::Missing }
        };
        let (templates, crds) = (entry("templates/"), entry("crds/"));
        Ok(Self { path: path.to_owned(), templates, crds, files })
    }

    pub(crate) fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.iter().find(|it| it.path == path).map(|it| &*it.data)
    }

    fn load(&self) -> Result<Chart, LoadError> {
        Chart::load_any(self.files.clone())
    }
}

/// Everything but the folder.
#[derive(Clone, Copy)]
pub struct LintInputs<'i> {
    pub values: &'i Values,
    pub namespace: &'i str,
    /// Decides what is deprecated; Helm's own when there is none.
    pub kube_version: Option<&'i KubeVersion>,
    pub skips_schema: bool,
    /// Whether traps are looked for.
    pub has_traps: bool,
    pub source: &'i dyn Source,
}

impl fmt::Debug for LintInputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LintInputs").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// What the rules say of a folder, in Helm's order; then the traps.
///
/// Nothing when there is no Chart.yaml: that is no chart.
pub fn lint(folder: &Folder, inputs: &LintInputs<'_>) -> Option<Vec<Finding>> {
    let chart_yaml = folder.file("Chart.yaml")?;
    let mut findings = Findings::default();
    chartfile::check(chart_yaml, &mut findings);
    values_file::check(folder, inputs, &mut findings);
    templates::check(folder, inputs, &mut findings);
    dependencies::check(folder, &mut findings);
    crds::check(folder, &mut findings);
    if inputs.has_traps {
        traps::check(folder, inputs, &mut findings);
    }
    Some(findings.0)
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, severity: Severity, path: &str, text: impl Into<String>) {
        self.0.push(Finding { severity, path: path.to_owned(), text: text.into() });
    }

    fn info(&mut self, path: &str, text: impl Into<String>) {
        self.add(Severity::Info, path, text);
    }

    fn trap(&mut self, path: &str, text: impl Into<String>) {
        self.add(Severity::Trap, path, text);
    }

    fn warning(&mut self, path: &str, text: impl Into<String>) {
        self.add(Severity::Warning, path, text);
    }

    fn error(&mut self, path: &str, text: impl Into<String>) {
        self.add(Severity::Error, path, text);
    }
}

/// What `helm lint` prints of one chart, and whether the chart failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LintReport {
    /// Empty when there is nothing to say, and quiet was wanted.
    pub text: String,
    pub has_failed: bool,
    /// Whether there is more than information.
    pub has_problems: bool,
}

/// Words what was found at a path; `Err` is why there is no chart.
pub fn report(
    path: &str,
    found: &Result<Vec<Finding>, String>,
    (is_strict, is_quiet): (bool, bool),
) -> LintReport {
    let tolerated = if is_strict { Severity::Warning } else { Severity::Error };
    let (has_failed, has_problems) = match found {
        Err(_) => (true, true),
        Ok(findings) => (
            findings.iter().any(|it| tolerated <= it.severity),
            findings.iter().any(|it| Severity::Info < it.severity),
        ),
    };
    let mut text = String::new();
    if !is_quiet || has_problems {
        text = format!("==> Linting {path}\n");
        match found {
            Err(error) => text.extend(["Error ", error, "\n"]),
            Ok(findings) => {
                let shown = findings.iter().filter(|it| !is_quiet || Severity::Info < it.severity);
                shown.for_each(|it| text.extend([&it.to_string(), "\n"]));
            }
        }
        text.push('\n');
    }
    LintReport { text, has_failed, has_problems }
}

#[cfg(test)]
mod tests;
