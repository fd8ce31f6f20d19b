//! Charts from their files (Helm 4.1.4, `pkg/chart/v2/loader`).

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    archive::{self, ArchiveError, FILE_BYTES_MAX},
    chart::{Chart, ChartFile},
    decode::DecodeError,
    ignore::{IgnoreError, Rules},
    metadata::{Metadata, Nulls, ValidationError, read_api_version, read_lock},
    pathname,
    values::{DocumentsError, read_documents},
};

/// How deep charts may lie within charts.
const DEPTH_MAX: usize = 64;

/// Why files are no chart. `Display` is Helm's text.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{0}")]
    Ignore(IgnoreError),
    #[error("chart file {0:?} is larger than the maximum file size {FILE_BYTES_MAX}")]
    FileTooLarge(String),
    #[error("{0}")]
    Archive(ArchiveError),
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    #[error("cannot load {file}: {error}")]
    Decode { file: &'static str, error: DecodeError },
    #[error("cannot load values.yaml: {0}")]
    Values(DocumentsError),
    #[error("{0}")]
    Validation(ValidationError),
    #[error("unsupported chart version")]
    UnsupportedVersion,
    #[error("invalid chart apiVersion")]
    InvalidVersion,
    #[error("error unpacking subchart tar in {chart}: expected {expected}, got {found}")]
    SubchartArchive { chart: String, expected: String, found: String },
    #[error("error unpacking subchart {name} in {chart}: {error}")]
    Subchart { name: String, chart: String, error: Box<Self> },
    #[error("charts are nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

impl Chart {
    /// Reads a chart from the files of a folder, `.helmignore` included; what it names is left out.
    ///
    /// The files may come in any order.
    pub fn load(files: Vec<ChartFile>) -> Result<Self, LoadError> {
        load(files, Format::Checked)
    }

    /// As [`Self::load`], whatever format of Chart.yaml is named: the linter has a rule for that.
    pub(crate) fn load_any(files: Vec<ChartFile>) -> Result<Self, LoadError> {
        load(files, Format::Any)
    }

    /// Reads a packaged chart, whose `.helmignore` does not count.
    pub fn from_archive(archive: &[u8]) -> Result<Self, LoadError> {
        let files = archive::unpack(archive).map_err(LoadError::Archive)?;
        check_version(&files)?;
        from_files(files, 0)
    }
}

/// Whether the version of Chart.yaml's own format matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Checked,
    Any,
}

fn load(files: Vec<ChartFile>, format: Format) -> Result<Chart, LoadError> {
    let own_rules = files.iter().find(|file| file.path == ".helmignore");
    let rules = Rules::parse(own_rules.map(|file| without_bom(&file.data)));
    let rules = rules.map_err(LoadError::Ignore)?;
    let mut files = files;
    if format == Format::Checked {
        check_version(&files)?;
    }
    let mut folders = BTreeMap::new();
    files.retain(|file| !rules.ignores(&file.path, &mut folders));
    files.sort_by(|one, two| pathname::compare(&one.path, &two.path));
    for file in &mut files {
        if FILE_BYTES_MAX < file.data.n_bytes() as u64 {
            return Err(LoadError::FileTooLarge(pathname::base(&file.path).to_owned()));
        }
    }
    from_files(files, 0)
}

/// Helm looks at the version first, to choose a loader.
fn check_version(files: &[ChartFile]) -> Result<(), LoadError> {
    let Some(file) = files.iter().find(|file| file.path == "Chart.yaml") else {
        return Err(LoadError::NoChartYaml);
    };
    let fail = |error| LoadError::Decode { file: "Chart.yaml", error };
    let api_version = read_api_version(without_bom(&file.data)).map_err(fail)?;
    match api_version.as_str() {
        "" | "v1" | "v2" => Ok(()),
        "v3" => Err(LoadError::InvalidVersion),
        _ => Err(LoadError::UnsupportedVersion),
    }
}

/// Whether a chart cannot be loaded and rendered without the file at a path of its folder; all others are there for
/// `.Files`, and for people. Charts within the chart count, too.
pub fn is_always_read(path: &str) -> bool {
    let is_below = |folder: &str| path.split('/').any(|it| it == folder);
    match pathname::base(path) {
        ".helmignore" | "Chart.yaml" | "Chart.lock" | "requirements.yaml" | "requirements.lock"
        | "values.yaml" | "values.schema.json" => true,
        name => pathname::extension(name) == ".tgz" || is_below("templates") || is_below("crds"),
    }
}

/// A chart in the making.
struct Loading {
    chart: Chart,
    has_metadata: bool,
    nulls: Nulls,
    files: Vec<ChartFile>,
    /// The files below `charts/`, by the element that follows; that element is the first of each path.
    subcharts: BTreeMap<String, Vec<ChartFile>>,
}

fn from_files(mut files: Vec<ChartFile>, depth: usize) -> Result<Chart, LoadError> {
    if DEPTH_MAX < depth {
        return Err(LoadError::TooDeep);
    }
    let mut loading = Loading {
        chart: Chart {
            metadata: Metadata::default(),
            lock: None,
            values: None,
            schema: None,
            templates: Vec::new(),
            files: Arc::default(),
            raw: Vec::new(),
            dependencies: Vec::new(),
        },
        has_metadata: false,
        nulls: Nulls::default(),
        files: Vec::new(),
        subcharts: BTreeMap::new(),
    };
    for file in &mut files {
        if file.data.is_here() && file.data.starts_with(b"\xef\xbb\xbf") {
            file.data = file.data[3..].into();
        }
        if file.path == "Chart.yaml" {
            loading.metadata("Chart.yaml", &file.data)?;
            if loading.chart.metadata.api_version.is_empty() {
                loading.chart.metadata.api_version = "v1".to_owned();
            }
        }
    }
    for file in files {
        loading.add(file)?;
    }
    if !loading.has_metadata {
        return Err(LoadError::NoChartYaml);
    }
    loading.chart.metadata.validate(loading.nulls).map_err(LoadError::Validation)?;
    for (name, files) in std::mem::take(&mut loading.subcharts) {
        if !name.starts_with(['_', '.']) {
            let subchart = loading.subchart(name, files, depth)?;
            loading.chart.dependencies.push(subchart);
        }
    }
    loading.chart.files = Arc::new(loading.files);
    Ok(loading.chart)
}

impl Loading {
    fn metadata(&mut self, file: &'static str, data: &[u8]) -> Result<(), LoadError> {
        let metadata = &mut self.chart.metadata;
        self.nulls = metadata.read(data).map_err(|error| LoadError::Decode { file, error })?;
        self.has_metadata = true;
        Ok(())
    }

    fn add(&mut self, file: ChartFile) -> Result<(), LoadError> {
        match file.path.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => self.lock("Chart.lock", &file.data)?,
            "values.yaml" => {
                self.chart.values = Some(read_documents(&file.data).map_err(LoadError::Values)?);
            }
            "values.schema.json" => {
                self.chart.schema = Some(file.data);
                return Ok(());
            }
            "requirements.yaml" => {
                self.metadata("requirements.yaml", &file.data)?;
                self.keep_for_v1(&file);
            }
            "requirements.lock" => {
                self.lock("requirements.lock", &file.data)?;
                self.has_metadata = true;
                self.keep_for_v1(&file);
            }
            path if path.starts_with("templates/") => {
                self.chart.templates.push(file);
                return Ok(());
            }
            path if path.starts_with("charts/") && pathname::extension(path) != ".prov" => {
                let path = path["charts/".len()..].to_owned();
                let name = path.split('/').next().unwrap_or_default().to_owned();
                self.subcharts.entry(name).or_default().push(ChartFile { path, data: file.data });
                return Ok(());
            }
            _ => {
                self.files.push(file);
                return Ok(());
            }
        }
        self.chart.raw.push(file);
        Ok(())
    }

    fn lock(&mut self, file: &'static str, data: &[u8]) -> Result<(), LoadError> {
        let lock = read_lock(data).map_err(|error| LoadError::Decode { file, error })?;
        self.chart.lock = Some(lock);
        Ok(())
    }

    /// Charts of the first version see these files; those of the second should not have them.
    fn keep_for_v1(&mut self, file: &ChartFile) {
        if self.chart.metadata.api_version == "v1" {
            self.files.push(file.clone());
        }
    }

    fn subchart(
        &self,
        name: String,
        files: Vec<ChartFile>,
        depth: usize,
    ) -> Result<Chart, LoadError> {
        let chart = self.chart.name().to_owned();
        let loaded = if pathname::extension(&name) == ".tgz" {
            let first = &files[0];
            if first.path != name {
                let found = first.path.clone();
                return Err(LoadError::SubchartArchive { chart, expected: name, found });
            }
            archive::unpack(&first.data)
                .map_err(LoadError::Archive)
                .and_then(|files| from_files(files, depth + 1))
        } else {
            // A file that lies in `charts/` itself belongs to no chart, and so none is found.
            let inner = files.into_iter().filter_map(|file| {
                let path = file.path.split_once('/')?.1.to_owned();
                Some(ChartFile { path, data: file.data })
            });
            from_files(inner.collect(), depth + 1)
        };
        loaded.map_err(|error| LoadError::Subchart { name, chart, error: Box::new(error) })
    }
}

fn without_bom(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data)
}
