//! Chart.yaml: what Helm wants of it (Helm 4.1.4, `rules/chartfile.go`).

use goyaml::{EventData, Parser, Value};

use super::{Findings, url};
use crate::{
    metadata::Metadata,
    pathname,
    semver::{Constraint, Version},
};

const FILE: &str = "Chart.yaml";

pub(super) fn check(text: &[u8], findings: &mut Findings) {
    let mut metadata = Metadata::default();
    if let Err(error) = metadata.read(text) {
        return findings.error(FILE, format!("unable to parse YAML\n\t{error}"));
    }
    let value = goyaml::read(text).unwrap_or_default();
    if let Some(error) = strictly(text, &value) {
        findings.warning(FILE, format!("failed to strictly parse chart metadata file\n\t{error}"));
    }
    let errors = [
        name(&metadata),
        api_version(&metadata),
        is_text(&value, "version"),
        version(&metadata),
        is_text(&value, "appVersion"),
        maintainers(&metadata, &value),
        sources(&metadata),
    ];
    errors.into_iter().flatten().for_each(|it| findings.error(FILE, it));
    if metadata.icon.is_empty() {
        findings.info(FILE, "icon is recommended");
    } else if !url::is_request_url(&metadata.icon) {
        findings.error(FILE, format!("invalid icon URL '{}'", metadata.icon));
    }
    [kind(&metadata), dependencies(&metadata)]
        .into_iter()
        .flatten()
        .for_each(|it| findings.error(FILE, it));
    if Version::parse_strict(&metadata.version).is_err() {
        let text = format!("version '{}' is not a valid SemVerV2", metadata.version);
        findings.warning(FILE, text);
    }
}

fn name(metadata: &Metadata) -> Option<String> {
    match metadata.name.as_str() {
        "" => Some("name is required".to_owned()),
        name if pathname::base(name) != name => Some(format!("chart name {name:?} is invalid")),
        _ => None,
    }
}

fn api_version(metadata: &Metadata) -> Option<String> {
    const ALLOWED: &str = "The value must be either \"v1\" or \"v2\"";
    match metadata.api_version.as_str() {
        "v1" | "v2" => None,
        "" => Some(format!("apiVersion is required. {ALLOWED}")),
        other => Some(format!("apiVersion '{other}' is not valid. {ALLOWED}")),
    }
}

/// Whether a field that is there was written as text.
fn is_text(value: &Value, field: &str) -> Option<String> {
    let found = match value.get(field)? {
        Value::String(_) => return None,
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => "float64",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
    };
    Some(format!("{field} should be of type string but it's of type {found}"))
}

fn version(metadata: &Metadata) -> Option<String> {
    let text = &metadata.version;
    if text.is_empty() {
        return Some("version is required".to_owned());
    }
    let Ok(version) = Version::parse(text) else {
        return Some(format!("version '{text}' is not a valid SemVer"));
    };
    let above_zero = Constraint::parse(">0.0.0-0").ok()?;
    let problem = above_zero.validate(&version).into_iter().next()?;
    Some(format!("version {problem}"))
}

fn maintainers(metadata: &Metadata, value: &Value) -> Option<String> {
    // Nulls are not among those that were read.
    if let Some(Value::List(items)) = value.get("maintainers")
        && let Some(place) = items.iter().position(|it| *it == Value::Null)
    {
        let before = metadata.maintainers.iter().take(place).find_map(maintainer);
        return Some(before.unwrap_or_else(|| "a maintainer entry is empty".to_owned()));
    }
    metadata.maintainers.iter().find_map(maintainer)
}

fn maintainer(maintainer: &crate::Maintainer) -> Option<String> {
    let crate::Maintainer { name, email, url } = maintainer;
    if name.is_empty() {
        return Some("each maintainer requires a name".to_owned());
    }
    if !email.is_empty() && !url::is_email(email) {
        return Some(format!("invalid email '{email}' for maintainer '{name}'"));
    }
    (!url.is_empty() && !url::is_url(url))
        .then(|| format!("invalid url '{url}' for maintainer '{name}'"))
}

fn sources(metadata: &Metadata) -> Option<String> {
    let wrong = metadata.sources.iter().find(|it| !url::is_request_url(it))?;
    Some(format!("invalid source URL '{wrong}'"))
}

fn kind(metadata: &Metadata) -> Option<String> {
    let Metadata { kind, api_version, .. } = metadata;
    (!kind.is_empty() && api_version != "v2").then(|| {
        format!(
            "chart type is not valid in apiVersion '{api_version}'. It is valid in apiVersion 'v2'"
        )
    })
}

fn dependencies(metadata: &Metadata) -> Option<String> {
    let api_version = &metadata.api_version;
    let has_some = metadata.dependencies.iter().flatten().next().is_some();
    (has_some && api_version != "v2").then(|| {
        format!("dependencies are not valid in the Chart file with apiVersion '{api_version}'. They are valid in apiVersion 'v2'")
    })
}

const FIELDS: [&str; 17] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];
const MAINTAINER_FIELDS: [&str; 3] = ["name", "email", "url"];
const DEPENDENCY_FIELDS: [&str; 8] =
    ["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];

/// What a decoder says that takes no key twice, and none that it does not know.
fn strictly(text: &[u8], value: &Value) -> Option<String> {
    if let Some(text) = repeated_keys(text) {
        return Some(format!("error converting YAML to JSON: {text}"));
    }
    let unknown = unknown_field(value, &FIELDS)?;
    let prefix = "error unmarshaling JSON: while decoding JSON: json";
    Some(format!("{prefix}: unknown field {unknown:?}"))
}

/// The first key that no field has, in the order of the keys.
fn unknown_field(value: &Value, known: &[&str]) -> Option<String> {
    let Value::Map(entries) = value else { return None };
    entries.iter().find_map(|(key, value)| {
        if !known.iter().any(|it| key.eq_ignore_ascii_case(it)) {
            return Some(key.to_string());
        }
        let inner: &[&str] = match key.to_lowercase().as_str() {
            "maintainers" => &MAINTAINER_FIELDS,
            "dependencies" => &DEPENDENCY_FIELDS,
            _ => return None,
        };
        let Value::List(items) = value else { return None };
        items.iter().find_map(|it| unknown_field(it, inner))
    })
}

/// The keys that come twice in one table, as go-yaml words them.
fn repeated_keys(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut parser = Parser::new(&text);
    // The keys of each open table; nothing for a list. A table's keys and values come in turn.
    let mut open: Vec<Option<(Vec<String>, bool)>> = Vec::new();
    let mut repeated = Vec::new();
    while let Ok(event) = parser.next_event() {
        match event.data {
            EventData::StreamEnd | EventData::DocumentEnd => break,
            EventData::MappingStart(_) => {
                turn(&mut open);
                open.push(Some((Vec::new(), true)));
            }
            EventData::SequenceStart(_) => {
                turn(&mut open);
                open.push(None);
            }
            EventData::MappingEnd | EventData::SequenceEnd => drop(open.pop()),
            EventData::Scalar { value, .. } => {
                if let Some(Some((keys, true))) = open.last_mut() {
                    if keys.iter().any(|it| *it == value) {
                        let line = event.start.line + 1;
                        repeated.push(format!("  line {line}: key {value:?} already set in map"));
                    }
                    keys.push(value.into_owned());
                }
                turn(&mut open);
            }
            EventData::Alias(_) => turn(&mut open),
            EventData::StreamStart | EventData::DocumentStart => {}
        }
    }
    (!repeated.is_empty()).then(|| format!("yaml: unmarshal errors:\n{}", repeated.join("\n")))
}

/// A key or a value of the innermost table has been seen.
fn turn(open: &mut [Option<(Vec<String>, bool)>]) {
    if let Some(Some((_, is_key))) = open.last_mut() {
        *is_key = !*is_key;
    }
}

/// Whether a text has a key twice; for values, where Helm takes the last one without a word.
pub(super) fn repeated(text: &[u8]) -> Vec<String> {
    let found = repeated_keys(text).unwrap_or_default();
    found.lines().skip(1).map(|it| it.trim().to_owned()).collect()
}
