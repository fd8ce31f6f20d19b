//! What works and surprises: things that Helm does without a word.

use std::{cell::Cell, collections::BTreeSet, io::Write as _};

use base64::Engine as _;
use flate2::{Compression, write::GzEncoder};
use goyaml::Value;
use jiff::{SignedDuration, Timestamp};

use super::{Findings, Folder, LintInputs, chartfile::repeated, given};
use crate::{
    capabilities::Capabilities,
    chart::Chart,
    check::{object_name, text},
    dependency::is_in_range,
    diff::{Change, compare},
    fields,
    manifest::UNKNOWN_HOOKS,
    release::Release,
    render::{Inputs, Options, Rendered, render_with},
    source::Source,
};

/// What a Secret, and so a release's record, may hold.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// From where on a record is worth a word: charts grow.
const RECORD_BYTES_NEAR: usize = RECORD_BYTES_MAX / 10 * 8;
/// Fields named of an object that differs each time.
const FIELDS_SHOWN_MAX: usize = 3;

pub(super) fn check(folder: &Folder, inputs: &LintInputs<'_>, findings: &mut Findings) {
    let Ok(chart) = folder.load() else { return };
    values(folder, findings);
    given::check(&chart, &inputs.values.table, findings);
    dependencies(&chart, findings);
    if !chart.crds().is_empty() {
        let text = "CRDs are installed once: `helm upgrade` never changes them, nor adds new ones";
        findings.trap("crds/", text);
    }
    lookups(&chart, findings);
    let Some(rendered) = render(&chart, inputs, 1) else { return };
    let documents = documents(&rendered);
    annotations(&chart, &documents, findings);
    twice(&chart, &documents, findings);
    needs(&chart, &rendered, &documents, findings);
    let unknown = rendered.warnings.iter();
    for events in unknown.filter_map(|it| it.attribute_of(UNKNOWN_HOOKS, "hookTypes")) {
        let text = format!("a document is left out, for one of its hooks is unknown: {events}");
        findings.trap("templates/", text);
    }
    if let Some(second) = render(&chart, inputs, 2) {
        differences(&chart, &rendered, &second, findings);
    }
    let record_bytes = record_bytes(&chart, &rendered);
    if RECORD_BYTES_NEAR < record_bytes {
        let text = format!(
            "the release's record takes about {} KiB, and a Secret holds {} KiB; templates and files are stored with it",
            record_bytes >> 10,
            RECORD_BYTES_MAX >> 10
        );
        findings.trap("", text);
    }
}

/// A document with what it is.
struct Document<'d> {
    source: &'d str,
    value: Value,
    is_hook: bool,
}

fn documents(rendered: &Rendered) -> Vec<Document<'_>> {
    let manifests = rendered.manifests.iter().map(|it| (&it.source, &it.content, false));
    let hooks = rendered.hooks.iter().map(|it| (&it.path, &it.manifest, true));
    let mut documents = Vec::new();
    for (source, content, is_hook) in manifests.chain(hooks) {
        if let Ok(value) = goyaml::read(content.as_bytes()) {
            documents.push(Document { source, value, is_hook });
        }
    }
    documents
}

/// A path in the output as a path in the chart.
fn own<'p>(chart: &Chart, source: &'p str) -> &'p str {
    source.strip_prefix(chart.name()).and_then(|it| it.strip_prefix('/')).unwrap_or(source)
}

fn values(folder: &Folder, findings: &mut Findings) {
    for text in repeated(folder.file("values.yaml").unwrap_or_default()) {
        findings.trap("values.yaml", format!("{text}; the last one counts"));
    }
}

fn dependencies(chart: &Chart, findings: &mut Findings) {
    const FILE: &str = "Chart.yaml";
    for dependency in chart.metadata.dependencies.iter().flatten() {
        let name = &dependency.name;
        if dependency.condition.split(',').skip(1).any(|it| it.starts_with(' ')) {
            let text = format!(
                "the condition of {name} has a blank after a comma, which belongs to the path: no value is found there"
            );
            findings.trap(FILE, text);
        }
        let present = chart.dependencies.iter().find(|it| it.name() == *name);
        if let Some(present) = present.map(|it| &it.metadata.version)
            && !is_in_range(&dependency.version, present)
        {
            let text = format!(
                "charts/ has {name} {present}, which is not in {}: it counts as not listed, without alias and import-values",
                dependency.version
            );
            findings.trap(FILE, text);
        }
    }
}

fn lookups(chart: &Chart, findings: &mut Findings) {
    for template in &chart.templates {
        let text = String::from_utf8_lossy(&template.data);
        let is_call = |action: &str| {
            let mut words =
                action.split(|it: char| !(it.is_alphanumeric() || "_.$\"".contains(it)));
            words.any(|it| it == "lookup")
        };
        if text.split("{{").skip(1).any(|it| is_call(it.split("}}").next().unwrap_or_default())) {
            let text = "`lookup` finds nothing but in a cluster: what is printed here, planned or kept in git may differ from what is installed";
            findings.trap(&template.path, text);
        }
    }
}

fn annotations(chart: &Chart, documents: &[Document<'_>], findings: &mut Findings) {
    for Document { source, value, is_hook } in documents {
        let path = own(chart, source);
        let object = object_name(value);
        let annotations = value.get("metadata").and_then(|it| it.get("annotations"));
        let annotation = |name| annotations.map(|it| text(it, name)).filter(|it| !it.is_empty());
        let policy = annotation("helm.sh/resource-policy").map(str::trim);
        if let Some(policy) = policy.filter(|it| *it != "keep") {
            let text = format!(
                "{object}: helm.sh/resource-policy is {policy:?}, and only \"keep\" is known: at uninstall the object stays and nobody says so"
            );
            findings.trap(path, text);
        }
        if !is_hook {
            continue;
        }
        if policy.is_some() {
            findings
                .trap(path, format!("{object}: helm.sh/resource-policy means nothing on a hook"));
        }
        if annotation("helm.sh/hook-delete-policy").is_none() {
            let text = format!(
                "{object}: a hook without helm.sh/hook-delete-policy stays until it runs again, and after uninstall for good"
            );
            findings.trap(path, text);
        }
        if let Some(weight) =
            annotation("helm.sh/hook-weight").filter(|it| it.parse::<i64>().is_err())
        {
            findings.trap(
                path,
                format!("{object}: the hook's weight {weight:?} is no integer and counts as 0"),
            );
        }
    }
}

fn twice(chart: &Chart, documents: &[Document<'_>], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for Document { source, value, is_hook } in documents {
        let namespace = value.get("metadata").map(|it| text(it, "namespace")).unwrap_or_default();
        let group = text(value, "apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
        let object = object_name(value);
        let is_named = !object.ends_with('/');
        if is_named && !is_hook && !seen.insert((group, object.clone(), namespace)) {
            let text =
                format!("{object} is rendered twice: an install fails, or the last one wins");
            findings.trap(own(chart, source), text);
        }
    }
}

/// Hooks of the first install that want what is only made after them.
fn needs(chart: &Chart, rendered: &Rendered, documents: &[Document<'_>], findings: &mut Findings) {
    let made = |kind: &str, name: &str| {
        let object = format!("{kind}/{name}");
        documents.iter().any(|it| !it.is_hook && object_name(&it.value) == object)
    };
    let early = rendered.hooks.iter().filter(|it| it.events.contains(&"pre-install"));
    for hook in early {
        let Ok(value) = goyaml::read(hook.manifest.as_bytes()) else { continue };
        for (path, leaf) in fields::leaves(&value) {
            let Some(name) = leaf.as_str() else { continue };
            let kind = match path.rsplit('.').take(2).collect::<Vec<_>>().as_slice() {
                ["serviceAccountName", ..] => "ServiceAccount",
                ["secretName", "secret"] | ["name", "secretRef" | "secretKeyRef"] => "Secret",
                ["name", "configMap" | "configMapRef" | "configMapKeyRef"] => "ConfigMap",
                ["claimName", ..] => "PersistentVolumeClaim",
                _ => continue,
            };
            if made(kind, name) {
                let (hook_kind, hook_name) = (&hook.kind, &hook.name);
                let text = format!(
                    "{hook_kind}/{hook_name} runs before the first install, and wants {kind}/{name} that is only made by it ({path})"
                );
                findings.trap(own(chart, &hook.path), text);
            }
        }
    }
}

fn differences(chart: &Chart, one: &Rendered, two: &Rendered, findings: &mut Findings) {
    let text = |it: &Rendered| it.template_text(crate::TextOptions::default());
    for difference in compare(&text(one), &text(two)).unwrap_or_default() {
        let Change::Changed(fields) = &difference.change else {
            let text = format!("{} is not rendered each time", difference.object);
            findings.trap(own(chart, &difference.source), text);
            continue;
        };
        let mut names: Vec<&str> = fields.iter().map(|it| it.path.as_str()).collect();
        let n_more = names.len().saturating_sub(FIELDS_SHOWN_MAX);
        names.truncate(FIELDS_SHOWN_MAX);
        let more = if n_more == 0 { String::new() } else { format!(" and {n_more} more") };
        let text = format!(
            "{} renders differently each time ({}{more}): every upgrade changes it",
            difference.object,
            names.join(", ")
        );
        findings.trap(own(chart, &difference.source), text);
    }
}

fn render(chart: &Chart, inputs: &LintInputs<'_>, seed: u64) -> Option<Rendered> {
    let release = Release::install("test-release", inputs.namespace);
    let mut capabilities = Capabilities::default();
    if let Some(version) = inputs.kube_version {
        capabilities.kube_version = version.clone();
    }
    let options = Options { skips_schema: true, ..Options::default() };
    let source = Seeded { state: Cell::new(seed), days: seed };
    let (release, capabilities) = (&release, &capabilities);
    let render = Inputs { release, capabilities, source: &source, options };
    render_with(chart, inputs.values, &render).ok()
}

/// A world of its own for each seed, always the same for one.
struct Seeded {
    state: Cell<u64>,
    days: u64,
}

impl Source for Seeded {
    fn now(&self) -> Timestamp {
        let hours = i64::try_from(self.days).unwrap_or_default() * 24 * 40;
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        // SplitMix64: good enough to find primes and to tell two worlds apart.
        for byte in buffer {
            let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.state.set(state);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = mixed.to_be_bytes()[0];
        }
    }
}

/// About what the record's text takes: the chart and the manifests, packed and in base 64.
fn record_bytes(chart: &Chart, rendered: &Rendered) -> usize {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let base64 = base64::engine::general_purpose::STANDARD;
    for file in chart.templates.iter().chain(chart.files.iter()) {
        // Writing into memory does not fail.
        drop(gzip.write_all(base64.encode(&file.data).as_bytes()));
    }
    let texts = [
        &chart.schema.as_deref().map(|it| base64.encode(it)).unwrap_or_default(),
        &rendered.manifest_text(false),
    ];
    for text in texts {
        drop(gzip.write_all(text.as_bytes()));
    }
    for hook in &rendered.hooks {
        drop(gzip.write_all(hook.manifest.as_bytes()));
    }
    gzip.finish().map_or(0, |it| it.len().div_ceil(3) * 4)
}
