//! The chart stage: the chart read, its values gathered, and later rendered for a release.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chart::{
    Author, Capabilities, Chart, ChartFile, Inputs, Options, Problem, Rendered, ValueSources,
    Values,
};
use host::{
    files::{self, FileError},
    tree,
};
use jiff::Timestamp;
use pipeline::ImageValues;
use release::{manifest, record};
use serde_json::{Map, Value, json};

use crate::{image::BuiltImage, push, service::ServiceRun, source::World};

#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    #[error("there is no chart at `{}`", path.display())]
    Missing { path: PathBuf },
    #[error("could not read the chart")]
    Read(#[source] FileError),
    #[error("could not load the chart `{chart}`: {}", in_short(std::slice::from_ref(problem)))]
    Load { chart: String, problem: Box<Problem> },
    #[error("could not read the values")]
    ReadValues(#[source] FileError),
    #[error(
        "could not merge the values of `{service}`: {}",
        in_short(std::slice::from_ref(problem))
    )]
    Values { service: String, problem: Box<Problem> },
    #[error("could not render the chart `{chart}`: {}", in_short(problems))]
    Render { chart: String, problems: Vec<Problem> },
    #[error(
        "could not render the chart `{chart}`: each answer of `lookup` makes it look for something else"
    )]
    Lookups { chart: String },
}

impl ChartError {
    /// What is wrong in full: places, the lines there, where values came from, hints.
    pub(crate) fn evidence(&self) -> Vec<String> {
        let problems = match self {
            Self::Load { problem, .. } | Self::Values { problem, .. } => {
                std::slice::from_ref(&**problem)
            }
            Self::Render { problems, .. } => problems,
            Self::Missing { .. } | Self::Read(_) | Self::ReadValues(_) | Self::Lookups { .. } => {
                &[]
            }
        };
        chart::problem_lines(problems)
    }
}

/// The first problem on one line, and how many there are beside it.
fn in_short(problems: &[Problem]) -> String {
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    let line = first.lines().next().unwrap_or_default();
    match problems.len() {
        0 | 1 => line.to_owned(),
        2 => format!("{line} (and another problem)"),
        several => format!("{line} (and {} more problems)", several - 1),
    }
}

/// A chart with the values that this run gives it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) version: String,
    chart: Chart,
    /// The chart's path, as the project names it.
    folder: String,
    sources: ValueSources,
    /// The sources merged.
    values: Values,
    /// What the record keeps of the chart.
    pub(crate) record: record::Chart,
    /// What the record keeps of the values: the user's alone.
    pub(crate) config: Map<String, Value>,
    text: String,
}

/// What decides a rendering beside the chart and its values.
pub(crate) struct For<'a> {
    pub(crate) release: &'a chart::Release,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) now: Timestamp,
}

impl Loaded {
    pub(crate) fn render(&self, for_: &For<'_>, world: &World<'_>) -> Result<Rendered, ChartError> {
        let inputs = Inputs {
            release: for_.release,
            capabilities: for_.capabilities,
            source: world,
            options: Options::default(),
        };
        chart::render_with(&self.chart, &self.values, &inputs).map_err(|error| {
            let author = Author {
                chart: &self.chart,
                folder: &self.folder,
                sources: &self.sources,
                values: &self.values,
                inputs,
            };
            let problems = chart::diagnose(&error, &author);
            ChartError::Render { chart: self.name.clone(), problems }
        })
    }

    /// Whether a template names a word: what it may need of the cluster is asked only then.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.text.contains(word)
    }
}

pub(crate) fn load(run: &ServiceRun<'_>, image: Option<&BuiltImage>) -> Result<Loaded, ChartError> {
    let source = &run.service.chart;
    let path = run.workspace.root.join(&source.path);
    let files = read_chart(&path)?;
    let chart_record = record_of(&files);
    let text = files
        .iter()
        .filter(|it| it.path.contains("templates/") || it.path.ends_with("values.yaml"))
        .map(|it| String::from_utf8_lossy(&it.data))
        .collect::<Vec<_>>()
        .join("\n");
    let folder = source.path.clone();
    let loaded = Chart::load(files.clone()).map_err(|error| {
        let problem = Box::new(chart::diagnose_load(&error, &folder, &files));
        ChartError::Load { chart: folder.clone(), problem }
    })?;
    let sources = value_sources(run, image)?;
    let root = &run.workspace.root;
    let read_file = |path: &str| fs::read_to_string(root.join(path)).map_err(|it| it.to_string());
    let values = sources.merge(&read_file).map_err(|error| {
        let problem = Box::new(chart::diagnose_values(&error, &sources));
        ChartError::Values { service: run.service.name.clone(), problem }
    })?;
    Ok(Loaded {
        name: loaded.name().to_owned(),
        version: loaded.metadata.version.clone(),
        config: match Value::from_values(&values) {
            Value::Object(config) => config,
            _ => Map::new(),
        },
        chart: loaded,
        folder,
        sources,
        values,
        record: chart_record,
        text,
    })
}

fn read_chart(path: &Path) -> Result<Vec<ChartFile>, ChartError> {
    let is_there = path.join("Chart.yaml").is_file();
    if !is_there {
        return Err(ChartError::Missing { path: path.to_owned() });
    }
    let tree = tree::read(path, &|it| it == ".git").map_err(ChartError::Read)?;
    Ok(tree.into_iter().map(|it| ChartFile { path: it.path, data: it.content.into() }).collect())
}

/// Values in helm's order: the project's files, the environment's, the image, the command line's.
fn value_sources(
    run: &ServiceRun<'_>,
    image: Option<&BuiltImage>,
) -> Result<ValueSources, ChartError> {
    let root = &run.workspace.root;
    let source = &run.service.chart;
    let overlay = run.environment.services.get(&run.service.name);
    let overlay_files = overlay.iter().flat_map(|it| &it.values);
    let mut files = Vec::new();
    for path in source.values.iter().chain(overlay_files) {
        files.push(value_file(root, Path::new(path))?);
    }
    if let Some(image) = image {
        let values = image_values(run, image, &source.image);
        files.push(("the image".to_owned(), values.to_string().into_bytes()));
    }
    for path in &run.options.value_files {
        files.push(value_file(Path::new(""), path)?);
    }
    let overlay_set = overlay.iter().flat_map(|it| &it.set);
    Ok(ValueSources {
        files,
        set: source.set.iter().chain(overlay_set).chain(&run.options.set).cloned().collect(),
        set_string: run.options.set_string.clone(),
        ..ValueSources::default()
    })
}

/// The file's name for messages is as it was written.
fn value_file(root: &Path, path: &Path) -> Result<(String, Vec<u8>), ChartError> {
    let content = files::read(&root.join(path)).map_err(ChartError::ReadValues)?;
    Ok((path.display().to_string(), content))
}

/// The values that receive the image, each at its path.
fn image_values(run: &ServiceRun<'_>, image: &BuiltImage, paths: &ImageValues) -> Value {
    let pushed = run
        .environment
        .registry
        .as_ref()
        .filter(|_| !run.target.is_embedded)
        .and_then(|it| push::in_registry(image, it).ok());
    let reference = pushed.unwrap_or_else(|| image.reference.clone());
    let digest = image.descriptor.digest.clone();
    let whole = reference.with_digest(digest.clone()).familiar();
    let tag = reference.tag.clone().unwrap_or_default();
    let untagged = oci::Reference { tag: None, digest: None, ..reference }.familiar();
    let (hub, name) = match untagged.rsplit_once('/') {
        Some((hub, name)) if paths.hub.is_some() => (hub.to_owned(), name.to_owned()),
        _ => (String::new(), untagged),
    };
    let mut values = json!({});
    let parts = [
        (&paths.whole, whole),
        (&paths.hub, hub),
        (&paths.image, name),
        (&paths.tag, tag),
        (&paths.digest, digest.to_string()),
    ];
    for (path, value) in parts {
        if let Some(path) = path {
            set(&mut values, path, value);
        }
    }
    values
}

/// Sets a text at a path with dots, making the tables on the way.
fn set(values: &mut Value, path: &str, text: String) {
    let mut place = values;
    for key in path.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[key];
    }
    *place = Value::String(text);
}

/// What helm stores of a chart: subcharts are not among it.
fn record_of(files: &[ChartFile]) -> record::Chart {
    let yaml = |name: &str| {
        let file = files.iter().find(|it| it.path == name)?;
        manifest::read(&String::from_utf8_lossy(&file.data)).ok()
    };
    let raw = |it: &ChartFile| record::File::new(it.path.clone(), &it.data);
    let is_template = |it: &&ChartFile| it.path.starts_with("templates/");
    let is_other = |it: &&ChartFile| {
        let own = ["Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json"];
        !own.contains(&it.path.as_str())
            && !it.path.starts_with("templates/")
            && !it.path.starts_with("charts/")
    };
    let schema = files.iter().find(|it| it.path == "values.schema.json");
    record::Chart {
        metadata: yaml("Chart.yaml").unwrap_or_default(),
        lock: yaml("Chart.lock").unwrap_or_default(),
        templates: files.iter().filter(is_template).map(raw).collect(),
        values: yaml("values.yaml").unwrap_or_default(),
        schema: schema.map_or(Value::Null, |it| Value::String(STANDARD.encode(&it.data))),
        files: files.iter().filter(is_other).map(raw).collect(),
        rest: Map::new(),
    }
}

/// Values as the record's JSON.
trait FromValues {
    fn from_values(values: &Values) -> Self;
}

impl FromValues for Value {
    fn from_values(values: &Values) -> Self {
        let map = goyaml::Value::Map(values.table.clone());
        json_of(&map)
    }
}

fn json_of(value: &goyaml::Value) -> Value {
    manifest::read(&goyaml::print_v2(value)).unwrap_or_default()
}
