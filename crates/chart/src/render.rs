//! From a chart and values to manifests.

use std::{borrow::Cow, collections::BTreeMap, fmt, rc::Rc};

use gotmpl::{Context, Limits, Map, Templates, Value};
use memchr::arch::all::memchr::One;

use crate::{
    capabilities::Capabilities,
    chart::Chart,
    coalesce::{Nulls, coalesce},
    dependency::{enable, is_in_range},
    functions::Host,
    imports::import,
    manifest::{Hook, Manifest, sort},
    metadata::Dependency,
    pathname,
    release::Release,
    render_error::RenderError,
    schema,
    scope::{Template, templates},
    source::Source,
    tree::Node,
    values::Values,
    warning::Warning,
    yaml::to_template_value,
};

/// Native stack that templates may use. Callers need as much and some more.
const STACK_BYTES_MAX: usize = 1 << 20;

/// What a chart was rendered to.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// In the order of installation.
    pub manifests: Vec<Manifest>,
    /// Sorted by kind, as Helm prints them; their weights are for whoever runs them.
    pub hooks: Vec<Hook>,
    /// NOTES.txt of the chart itself.
    pub notes: Option<String>,
    /// The files of `crds/`, of the chart and then of its subcharts; they are no templates.
    pub crds: Vec<Crd>,
    /// What Helm would log.
    pub warnings: Vec<Warning>,
}

/// A file of `crds/`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Crd {
    /// The path in the output: `faro/crds/widgets.yaml`.
    pub source: String,
    pub content: String,
}

/// How to render.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether values.schema.json is left alone.
    pub skips_schema: bool,
    /// Whether `fail` and `required` give "" (`helm lint`).
    pub is_lint: bool,
    /// Whether the notes of subcharts are added to those of the chart.
    pub has_subchart_notes: bool,
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        let limits = Limits { stack_bytes_max: STACK_BYTES_MAX, ..Limits::default() };
        Self { skips_schema: false, is_lint: false, has_subchart_notes: false, limits }
    }
}

/// Renders a chart as `helm template` and `helm install` do.
///
/// Uses about a MiB of native stack; see [`Options`].
///
/// # Errors
/// What Helm refuses, in its words.
pub fn render(
    chart: &Chart,
    values: &Values,
    release: &Release,
    capabilities: &Capabilities,
    source: &dyn Source,
) -> Result<Rendered, RenderError> {
    let options = Options::default();
    render_with(chart, values, &Inputs { release, capabilities, source, options })
}

/// Everything but the chart and the values.
#[derive(Clone, Copy)]
pub struct Inputs<'i> {
    pub release: &'i Release,
    pub capabilities: &'i Capabilities,
    pub source: &'i dyn Source,
    pub options: Options,
}

impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").field("release", &self.release).finish_non_exhaustive()
    }
}

/// As [`render`], with options.
pub fn render_with(
    chart: &Chart,
    values: &Values,
    inputs: &Inputs<'_>,
) -> Result<Rendered, RenderError> {
    let mut warnings = Vec::new();
    let rendered = render_logged(chart, values, inputs, &mut warnings)?;
    Ok(Rendered { warnings, ..rendered })
}

/// As [`render_with`], for callers who want to know what Helm would log before it fails, too.
///
/// The warnings are added to `log` and not to what is rendered.
pub fn render_logged(
    chart: &Chart,
    values: &Values,
    inputs: &Inputs<'_>,
    log: &mut Vec<Warning>,
) -> Result<Rendered, RenderError> {
    let mut rendered = Rendered::default();
    check_installable(chart)?;
    if chart.metadata.is_deprecated {
        log.push(Warning::warn("this chart is deprecated"));
    }
    let values = to_template_values(values);
    let mut root = Node::new(chart);
    enable(&mut root, &values, "", log).map_err(RenderError::Dependencies)?;
    import(&mut root, log).map_err(RenderError::Dependencies)?;
    let values = coalesce(&root, &values, Nulls::Remove, log).map_err(RenderError::Values)?;
    if !inputs.options.skips_schema {
        schema::validate(&root, &values, inputs.source, log).map_err(RenderError::Schema)?;
    }
    check_kube_version(chart, inputs.capabilities)?;
    let templates = templates(&root, values, inputs.release, inputs.capabilities);
    let mut files = execute(&templates, inputs)?;
    rendered.notes = take_notes(&mut files, &root.name(), inputs.options.has_subchart_notes);
    let sorted = sort(files, log).map_err(RenderError::Manifest)?;
    rendered.manifests = sorted.manifests;
    rendered.hooks = sorted.hooks;
    collect_crds(&root, None, &mut rendered.crds);
    Ok(rendered)
}

pub(crate) fn to_template_values(values: &Values) -> Map {
    let convert = |(key, value): &(Box<str>, goyaml::Value)| (Rc::from(&**key), user_value(value));
    Map::from_sorted(values.table.iter().map(convert).collect())
}

/// As `to_template_value`, but the integers of `--set` stay integers.
fn user_value(value: &goyaml::Value) -> Value {
    match value {
        goyaml::Value::Int(number) => Value::Int64(*number),
        goyaml::Value::List(items) => Value::List(items.iter().map(user_value).collect()),
        goyaml::Value::Map(entries) => {
            let convert =
                |(key, value): &(Box<str>, goyaml::Value)| (Rc::from(&**key), user_value(value));
            Value::Map(Map::from_sorted(entries.iter().map(convert).collect()))
        }
        value => to_template_value(value),
    }
}

fn check_installable(chart: &Chart) -> Result<(), RenderError> {
    if chart.metadata.kind == "library" {
        return Err(RenderError::Library);
    }
    let is_missing = |dependency: &&Dependency| {
        !chart.dependencies.iter().any(|subchart| subchart.name() == dependency.name)
    };
    let listed = chart.metadata.dependencies.iter().flatten();
    let missing: Vec<String> = listed.filter(is_missing).map(|it| it.name.clone()).collect();
    if missing.is_empty() { Ok(()) } else { Err(RenderError::MissingDependencies(missing)) }
}

fn check_kube_version(chart: &Chart, capabilities: &Capabilities) -> Result<(), RenderError> {
    let wanted = &chart.metadata.kube_version;
    let found = &capabilities.kube_version;
    if wanted.is_empty() || is_in_range(wanted, &found.normalized) {
        return Ok(());
    }
    Err(RenderError::KubeVersion { wanted: wanted.clone(), found: found.version.clone() })
}

/// Parses every template and executes those that are files of the output.
pub(crate) fn execute(
    templates: &BTreeMap<String, Template<'_>>,
    inputs: &Inputs<'_>,
) -> Result<BTreeMap<String, String>, RenderError> {
    let limits = inputs.options.limits;
    let host = Host::new(inputs.source, inputs.options.is_lint);
    let parsed = inputs.source.cache().map_or_else(Templates::new, Templates::with_cache);
    // The deepest first, so that what a parent defines replaces what its subcharts define.
    let mut order: Vec<(&String, &Template<'_>)> = templates.iter().collect();
    let depth = |path: &str| path.bytes().filter(|byte| *byte == b'/').count();
    order.sort_by(|(one, _), (two, _)| (depth(two), two).cmp(&(depth(one), one)));
    for (path, template) in &order {
        parsed
            .parse(path, template.text.clone(), &host, limits.stack_bytes_max)
            .map_err(|error| RenderError::parse(path, &error))?;
    }
    let mut context = Context::new(&parsed, &host, limits);
    let mut files = BTreeMap::new();
    for (path, template) in order {
        if pathname::base(path).starts_with('_') {
            continue;
        }
        let about = Map::from_iter([
            ("BasePath", Value::from(template.base_path.as_str())),
            ("Name", Value::from(path.as_str())),
        ]);
        template.scope.insert("Template", Value::Values(about));
        let dot = Value::Values(template.scope.clone());
        let text =
            context.execute(path, &dot).map_err(|error| RenderError::execute(path, &error))?;
        files.insert(path.clone(), without_no_value(&text.to_text()));
    }
    Ok(files)
}

/// Helm takes out what Go prints for a value that is not there.
fn without_no_value(text: &str) -> String {
    const NO_VALUE: &str = "<no value>";
    let mut kept = String::with_capacity(text.len());
    let mut start = 0;
    let is_whole = |at: &usize| text[*at..].starts_with(NO_VALUE);
    for found in One::new(b'<').iter(text.as_bytes()).filter(is_whole) {
        kept.push_str(&text[start..found]);
        start = found + NO_VALUE.len();
    }
    kept.push_str(&text[start..]);
    kept
}

/// Takes NOTES.txt out of the files.
fn take_notes(
    files: &mut BTreeMap<String, String>,
    chart: &str,
    has_subchart_notes: bool,
) -> Option<String> {
    let own = pathname::join(chart, "templates/NOTES.txt");
    let mut notes: Option<String> = None;
    files.retain(|path, content| {
        let is_note = path.ends_with("NOTES.txt");
        if is_note && (has_subchart_notes || *path == own) {
            let notes = notes.get_or_insert_default();
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(content);
        }
        !is_note
    });
    notes
}

fn collect_crds(node: &Node<'_>, parent_path: Option<&str>, crds: &mut Vec<Crd>) {
    let path = match parent_path {
        None => node.name(),
        Some(parent) => format!("{parent}/charts/{}", node.name()),
    };
    for file in node.chart.files.iter().filter(|file| file.path.starts_with("crds/")) {
        let extension = pathname::extension(&file.path).to_lowercase();
        if [".yaml", ".yml", ".json"].contains(&extension.as_str()) {
            let content = String::from_utf8_lossy(&file.data).into_owned();
            crds.push(Crd { source: pathname::join(&path, &file.path), content });
        }
    }
    for subchart in &node.dependencies {
        collect_crds(subchart, Some(&path), crds);
    }
}

impl Rendered {
    /// The manifests as a release record keeps them, each after a line with its source; without hooks.
    pub fn manifest_text(&self, has_crds: bool) -> String {
        parts(self.documents(has_crds)).concat()
    }

    /// What `helm template` prints.
    pub fn template_text(&self, options: TextOptions) -> String {
        self.template_parts(options).concat()
    }

    /// What `helm template` prints, in parts: a text of megabytes need not be there twice.
    pub fn template_parts(&self, options: TextOptions) -> Vec<Cow<'_, str>> {
        let mut documents = self.documents(options.has_crds);
        let last = documents.pop();
        // Helm trims what stands before the hooks.
        let mut last = parts(last).concat();
        last.truncate(last.trim_end().len());
        last.push('\n');
        let is_shown = |hook: &&Hook| options.has_hooks && (options.has_tests || !hook.is_test());
        let hooks = self.hooks.iter().filter(is_shown);
        let hooks = parts(hooks.map(|it| (it.path.as_str(), it.manifest.as_str())));
        let before = parts(documents).into_iter().map(Cow::Borrowed);
        before.chain([Cow::Owned(last)]).chain(hooks.into_iter().map(Cow::Borrowed)).collect()
    }

    /// Sources and contents.
    fn documents(&self, has_crds: bool) -> Vec<(&str, &str)> {
        let crds = self.crds.iter().filter(|_| has_crds);
        let crds = crds.map(|it| (it.source.as_str(), it.content.as_str()));
        let manifests = self.manifests.iter();
        crds.chain(manifests.map(|it| (it.source.as_str(), it.content.as_str()))).collect()
    }
}

/// Documents as they are printed, from sources and contents.
fn parts<'d>(documents: impl IntoIterator<Item = (&'d str, &'d str)>) -> Vec<&'d str> {
    let parts = |(source, content)| ["---\n# Source: ", source, "\n", content, "\n"];
    documents.into_iter().flat_map(parts).collect()
}

/// What to print.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TextOptions {
    /// `--include-crds`
    pub has_crds: bool,
    /// Not `--no-hooks`.
    pub has_hooks: bool,
    /// Not `--skip-tests`.
    pub has_tests: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { has_crds: false, has_hooks: true, has_tests: true }
    }
}
