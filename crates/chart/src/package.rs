//! Charts as archives: `.tgz` with the files that Helm packs, in its order (Helm 4.1.4,
//! `pkg/chart/v2/util/save.go`).

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use crate::{
    chart::Chart,
    metadata::{Metadata, ValidationError},
    semver::{Version, VersionError},
};

/// What a file of an archive is allowed.
const MODE: u32 = 0o644;

/// Why a chart is not packed. `Display` is Helm's text.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("{0}")]
    Version(VersionError),
    #[error("found in Chart.yaml, but missing in charts/ directory: {}", .0.join(", "))]
    MissingDependencies(Vec<String>),
    #[error("failed to save: chart validation: {0}")]
    Validation(ValidationError),
    #[error("failed to save: invalid JSON in values.schema.json")]
    Schema,
    #[error("failed to save: {0}")]
    Write(#[source] std::io::Error),
}

/// What `helm package` changes before it packs; nothing stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Versions<'v> {
    pub version: Option<&'v str>,
    pub app_version: Option<&'v str>,
}

impl Chart {
    /// Gives the chart other versions, and checks what Helm checks before it packs one.
    pub fn prepare_package(&mut self, versions: Versions<'_>) -> Result<(), PackageError> {
        if let Some(version) = versions.version.filter(|it| !it.is_empty()) {
            version.clone_into(&mut self.metadata.version);
        }
        Version::parse(&self.metadata.version).map_err(PackageError::Version)?;
        if let Some(version) = versions.app_version.filter(|it| !it.is_empty()) {
            version.clone_into(&mut self.metadata.app_version);
        }
        let listed = self.metadata.dependencies.iter().flatten();
        let is_missing = |name: &&String| !self.dependencies.iter().any(|it| it.name() == **name);
        let missing: Vec<String> = listed.map(|it| &it.name).filter(is_missing).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(PackageError::MissingDependencies(missing)) }
    }

    /// The file's name: `faro-1.2.3.tgz`.
    pub fn package_name(&self) -> String {
        format!("{}-{}.tgz", self.name(), self.metadata.version)
    }

    /// The chart as an archive; the same chart gives the same bytes.
    ///
    /// Every file has the time that is given, in seconds since 1970: Helm takes each file's own.
    pub fn to_archive(&self, modified_s: u64) -> Result<Vec<u8>, PackageError> {
        let mut archive = Archive { tar: tar::Builder::new(Vec::new()), modified_s };
        archive.chart(self, self.name())?;
        let tar = archive.tar.into_inner().map_err(PackageError::Write)?;
        let mut gzip = GzBuilder::new().comment("Helm").write(Vec::new(), Compression::default());
        gzip.write_all(&tar).and_then(|()| gzip.finish()).map_err(PackageError::Write)
    }
}

struct Archive {
    tar: tar::Builder<Vec<u8>>,
    modified_s: u64,
}

impl Archive {
    fn chart(&mut self, chart: &Chart, base: &str) -> Result<(), PackageError> {
        let metadata = &chart.metadata;
        let is_first_version = metadata.api_version == "v1";
        let described = if is_first_version {
            // A chart of the first version names its dependencies in requirements.yaml.
            Metadata { dependencies: None, ..metadata.clone() }.to_yaml()
        } else {
            metadata.to_yaml()
        };
        self.add(base, "Chart.yaml", described.as_bytes())?;
        if let Some(lock) = chart.lock.as_ref().filter(|_| metadata.api_version == "v2") {
            self.add(base, "Chart.lock", lock.to_yaml().as_bytes())?;
        }
        for file in chart.raw.iter().filter(|it| it.path == "values.yaml") {
            self.add(base, &file.path, &file.data)?;
        }
        if let Some(schema) = &chart.schema {
            serde_json::from_slice::<serde_json::Value>(schema)
                .map_err(|_| PackageError::Schema)?;
            self.add(base, "values.schema.json", schema)?;
        }
        for file in chart.templates.iter().chain(chart.files.iter()) {
            self.add(base, &file.path, &file.data)?;
        }
        for subchart in &chart.dependencies {
            self.chart(subchart, &format!("{base}/charts/{}", subchart.name()))?;
        }
        Ok(())
    }

    fn add(&mut self, base: &str, path: &str, data: &[u8]) -> Result<(), PackageError> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(MODE);
        header.set_size(data.len() as u64);
        header.set_mtime(self.modified_s);
        header.set_entry_type(tar::EntryType::Regular);
        let path = format!("{base}/{path}");
        self.tar.append_data(&mut header, path, data).map_err(PackageError::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::ChartFile;

    fn chart(files: &[(&str, &str)]) -> Chart {
        let file = |(path, data): &(&str, &str)| ChartFile {
            path: (*path).to_owned(),
            data: (*data).into(),
        };
        Chart::load(files.iter().map(file).collect()).unwrap()
    }

    const CHART_YAML: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

    #[test]
    fn an_archive_is_read_back() {
        let long = format!("templates/{}/a.yaml", "deep".repeat(40));
        let mut chart = chart(&[
            ("Chart.yaml", CHART_YAML),
            ("values.yaml", "a: 1\n"),
            (&long, "a: {{ .Values.a }}\n"),
            ("charts/s/Chart.yaml", "apiVersion: v1\nname: s\nversion: 0.1.0\n"),
            ("README.md", "c\n"),
        ]);
        let versions = Versions { version: Some("2.0.0"), app_version: Some("7") };
        chart.prepare_package(versions).unwrap();
        assert_eq!(chart.package_name(), "c-2.0.0.tgz");
        let archive = chart.to_archive(0).unwrap();
        assert_eq!(archive, chart.to_archive(0).unwrap());
        let back = Chart::from_archive(&archive).unwrap();
        assert_eq!((&*back.metadata.version, &*back.metadata.app_version), ("2.0.0", "7"));
        assert_eq!(back.templates, chart.templates);
        assert_eq!(back.files, chart.files);
        assert_eq!(back.dependencies[0].name(), "s");
    }

    #[test]
    fn what_cannot_be_packed_is_said_as_by_helm() {
        let text = |files: &[(&str, &str)], version| {
            let mut chart = chart(files);
            let versions = Versions { version, app_version: None };
            let packed = chart.prepare_package(versions).and_then(|()| chart.to_archive(0));
            packed.unwrap_err().to_string()
        };
        let plain = [("Chart.yaml", CHART_YAML)];
        assert_eq!(text(&plain, Some("x")), "invalid semantic version");
        let with = format!("{CHART_YAML}dependencies: [{{name: d, version: 1.0.0}}]\n");
        assert_eq!(
            text(&[("Chart.yaml", &with)], None),
            "found in Chart.yaml, but missing in charts/ directory: d"
        );
        let schema = [("Chart.yaml", CHART_YAML), ("values.schema.json", "{")];
        assert_eq!(text(&schema, None), "failed to save: invalid JSON in values.schema.json");
    }
}
