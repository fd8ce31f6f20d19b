//! Templates and what they render to (Helm 4.1.4, `rules/template.go`).

use std::collections::BTreeMap;

use goyaml::Value;
use kobject::validate::name::{dns1035_label, dns1123_label, dns1123_subdomain};

use super::{
    Entry, Findings, Folder, LintInputs, deprecated,
    object::{self, Object},
};
use crate::{
    capabilities::Capabilities,
    chart::Chart,
    coalesce::{Nulls, coalesce},
    dependency::enable,
    imports::import,
    pathname,
    release::Release,
    render::{Inputs, Options, execute, to_template_values},
    schema,
    scope::templates,
    tree::Node,
    values,
};

const FOLDER: &str = "templates/";

pub(super) fn check(folder: &Folder, inputs: &LintInputs<'_>, findings: &mut Findings) {
    match folder.templates {
        Entry::Missing => return findings.warning(FOLDER, "directory does not exist"),
        Entry::File => return findings.error(FOLDER, "not a directory"),
        Entry::Folder => {}
    }
    let chart = match folder.load() {
        Ok(chart) => chart,
        Err(error) => return findings.error(FOLDER, error.to_string()),
    };
    match render(&chart, inputs) {
        // Helm says nothing of dependencies and values that do not fit.
        Err(None) => {}
        Err(Some(error)) => findings.error(FOLDER, error),
        Ok(files) => {
            for template in &chart.templates {
                let content = files.get(&pathname::join(chart.name(), &template.path));
                let content = content.map(String::as_str).unwrap_or_default();
                if !check_file(&template.path, content, inputs, findings) {
                    return;
                }
            }
        }
    }
}

/// Every file of the output, before it is split.
fn render(
    chart: &Chart,
    inputs: &LintInputs<'_>,
) -> Result<BTreeMap<String, String>, Option<String>> {
    let mut capabilities = Capabilities::default();
    if let Some(version) = inputs.kube_version {
        capabilities.kube_version = version.clone();
    }
    let release = Release {
        name: "test-release".to_owned(),
        namespace: inputs.namespace.to_owned(),
        is_upgrade: false,
        is_install: false,
        revision: 0,
        service: "Helm".to_owned(),
    };
    let mut log = Vec::new();
    let values = to_template_values(inputs.values);
    let mut root = Node::new(chart);
    enable(&mut root, &values, "", &mut log).map_err(|_| None)?;
    import(&mut root, &mut log).map_err(|_| None)?;
    let values = coalesce(&root, &values, Nulls::Remove, &mut log).map_err(|_| None)?;
    let values = coalesce(&root, &values, Nulls::Remove, &mut log)
        .map_err(|error| Some(error.to_string()))?;
    if !inputs.skips_schema {
        schema::validate(&root, &values, inputs.source, &mut log)
            .map_err(|error| Some(crate::RenderError::Schema(error).to_string()))?;
    }
    let templates = templates(&root, values, &release, &capabilities);
    let options = Options { is_lint: true, ..Options::default() };
    let render =
        Inputs { release: &release, capabilities: &capabilities, source: inputs.source, options };
    execute(&templates, &render).map_err(|error| Some(error.to_string()))
}

/// Whether Helm goes on with the next file.
fn check_file(path: &str, content: &str, inputs: &LintInputs<'_>, findings: &mut Findings) -> bool {
    let extension = pathname::extension(path);
    if ![".yaml", ".yml", ".tpl", ".txt"].contains(&extension) {
        let text = format!(
            "file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"
        );
        findings.error(path, text);
    }
    let is_yaml = [".yaml", ".yml"].iter().any(|it| extension.eq_ignore_ascii_case(it));
    if !is_yaml || content.trim().is_empty() {
        return true;
    }
    if let Some(line) = content.lines().find(|it| !it.trim().is_empty())
        && line.starts_with([' ', '\t'])
    {
        let line = gotmpl::strconv::quote(line.as_bytes());
        let text = format!(
            "document starts with an illegal indent: {line}, which may cause parsing problems"
        );
        findings.warning(path, text);
    }
    for document in object::read_all(content.as_bytes()) {
        match document {
            Ok(object) => check_object(path, &object, content, inputs, findings),
            Err(error) => {
                findings.error(path, format!("unable to parse YAML: {error}"));
                return false;
            }
        }
    }
    true
}

fn check_object(
    path: &str,
    object: &Object,
    content: &str,
    inputs: &LintInputs<'_>,
    findings: &mut Findings,
) {
    let Object { api_version, kind, name } = object;
    if let Some(problems) = name_problems(kind, name) {
        let prefix = "object name does not conform to Kubernetes naming requirements";
        findings.warning(path, format!("{prefix}: {name:?}: {problems}"));
    }
    let default = Capabilities::default().kube_version;
    let version = inputs.kube_version.unwrap_or(&default);
    if let (Ok(major), Ok(minor)) = (version.major.parse(), version.minor.parse())
        && let Some(text) = deprecated::warning(api_version, kind, (major, minor))
    {
        findings.warning(path, text);
    }
    let has_selector = content.contains("matchLabels") || content.contains("matchExpressions");
    if ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"].contains(&kind.as_str())
        && !has_selector
    {
        let text =
            format!("a {kind} must contain matchLabels or matchExpressions, and {name:?} does not");
        findings.error(path, text);
    }
    if kind == "List" && has_policy_in_list(content) {
        let text = "annotation 'helm.sh/resource-policy' within List objects are ignored";
        findings.error(path, text);
    }
}

/// What the API server says of a name, as one text.
fn name_problems(kind: &str, name: &str) -> Option<String> {
    let problems = match kind.to_lowercase().as_str() {
        "service" => dns1035_label(name),
        "namespace" => dns1123_label(name),
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        _ => dns1123_subdomain(name),
    };
    let problem = |text: &String| format!("metadata.name: Invalid value: {name:?}: {text}");
    let problems: Vec<String> = problems.iter().map(problem).collect();
    match problems.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

/// `IsValidPathSegmentName`.
fn path_segment(name: &str) -> Vec<String> {
    if [".", ".."].contains(&name) {
        return vec![format!("may not be '{name}'")];
    }
    let wrong = ["/", "%"].iter().filter(|it| name.contains(**it));
    wrong.map(|it| format!("may not contain '{it}'")).collect()
}

fn has_policy_in_list(content: &str) -> bool {
    let documents = values::split(content.as_bytes()).unwrap_or_default();
    let value = documents.first().and_then(|it| goyaml::read(it).ok()).unwrap_or_default();
    let Some(Value::List(items)) = value.get("items") else { return false };
    items.iter().any(|it| {
        let annotations = it.get("metadata").and_then(|it| it.get("annotations"));
        annotations.is_some_and(|it| it.get("helm.sh/resource-policy").is_some())
    })
}
