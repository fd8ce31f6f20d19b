//! Values that do not fit a chart's schema.

use serde_json::Value as Json;

use super::{Author, Place, Problem, value_note};
use crate::{chart::Chart, fields, metadata::Dependency, similar::nearest};

/// One problem for each line of the validator's text that names a value.
pub(super) fn problems(text: &str, author: &Author<'_>) -> Vec<Problem> {
    let origins = author.origins();
    let mut problems = Vec::new();
    let mut at = Section { prefix: String::new(), chart: Some(author.chart) };
    for line in text.lines() {
        let line = line.trim_end();
        if !line.starts_with([' ', '-']) && line.ends_with(':') {
            at = section(line.trim_end_matches(':'), author.chart);
            continue;
        }
        let Some((pointer, said)) =
            line.trim_start().strip_prefix("- at '").and_then(|it| it.split_once("': "))
        else {
            continue;
        };
        let inner = path(pointer);
        let whole = match (inner.is_empty(), at.prefix.is_empty()) {
            (true, _) => at.prefix.clone(),
            (false, true) => inner.clone(),
            (false, false) => fields::key(&at.prefix, &inner),
        };
        let origin = origins.of(&whole).into_iter().next();
        let unknown =
            said.strip_prefix("additional properties ").and_then(|it| it.split('\'').nth(1));
        let known = at.chart.map(|it| properties(it, pointer)).unwrap_or_default();
        let hint = unknown.and_then(|it| nearest(it, known.iter().map(String::as_str)));
        let named = if whole.is_empty() { "the values".to_owned() } else { whole.clone() };
        // A value that should not be there is where somebody says it.
        let origin = match unknown {
            Some(name) => origins.of(&fields::key(&whole, name)).into_iter().next().or(origin),
            None => origin,
        };
        let place = origin
            .as_ref()
            .and_then(|it| Some(Place { file: it.source.clone(), line: it.line?, column: None }));
        problems.push(Problem {
            text: format!("{named}: {said}"),
            place,
            excerpt: Vec::new(),
            notes: if whole.is_empty() { Vec::new() } else { vec![value_note(&whole, &origins)] },
            hint: hint.map(|it| format!("did you mean `{it}`?")),
        });
    }
    problems
}

struct Section<'c> {
    /// Where the chart's values stand in those of the whole.
    prefix: String,
    chart: Option<&'c Chart>,
}

fn section<'c>(name: &str, root: &'c Chart) -> Section<'c> {
    if name == root.name() {
        return Section { prefix: String::new(), chart: Some(root) };
    }
    find(name, root, "").unwrap_or(Section { prefix: name.to_owned(), chart: None })
}

/// The chart that has a name in the values.
fn find<'c>(name: &str, chart: &'c Chart, prefix: &str) -> Option<Section<'c>> {
    for subchart in &chart.dependencies {
        let listed = chart.metadata.dependencies.iter().flatten();
        let own = listed.filter(|it| it.name == subchart.name()).map(Dependency::name_in_values);
        let own: Vec<&str> = own.collect();
        let own = if own.is_empty() { vec![subchart.name()] } else { own };
        for own in own {
            let prefix = fields::key(prefix, own);
            if own == name {
                return Some(Section { prefix, chart: Some(subchart) });
            }
            if let Some(found) = find(name, subchart, &prefix) {
                return Some(found);
            }
        }
    }
    None
}

/// `/a/0/b~1c` as `a[0].b/c`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        path = match part.parse::<usize>() {
            Ok(item_idx) if !path.is_empty() => fields::item(&path, item_idx),
            _ => fields::key(&path, &part),
        };
    }
    path
}

/// The properties that a schema knows at a place, as far as it says so without references.
fn properties(chart: &Chart, pointer: &str) -> Vec<String> {
    let schema = chart.schema.as_deref().unwrap_or_default();
    let schema: Json = serde_json::from_slice(schema).unwrap_or_default();
    let mut at = &schema;
    for part in pointer.split('/').skip(1) {
        let inner = &at["properties"][part];
        at = if inner.is_null() { &at["items"] } else { inner };
    }
    let names = at["properties"].as_object();
    names.map(|it| it.keys().cloned().collect()).unwrap_or_default()
}
