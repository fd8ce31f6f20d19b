//! What each template sees as its dot (Helm 4.1.4, `recAllTpls` in `pkg/engine/engine.go`).

use std::collections::BTreeMap;

use gotmpl::{Map, Text, Value};

use crate::{
    capabilities::Capabilities, dependency::table_at, files::Files, pathname, release::Release,
    tree::Node,
};

/// A template with what it sees.
#[derive(Clone, Debug)]
pub(crate) struct Template<'c> {
    pub(crate) text: &'c Text,
    /// Shared by all templates of a chart, and by the parent's `.Subcharts`.
    pub(crate) scope: Map,
    /// The folder of templates, in the output's paths.
    pub(crate) base_path: String,
}

/// Every template of a chart and those below, by its path in the output.
pub(crate) fn templates<'c>(
    root: &Node<'c>,
    values: Map,
    release: &Release,
    capabilities: &Capabilities,
) -> BTreeMap<String, Template<'c>> {
    let top = Map::from_iter([
        ("Capabilities", capabilities.to_value()),
        ("Release", Value::Map(release.to_map())),
        ("Values", Value::Values(values)),
    ]);
    let mut templates = BTreeMap::new();
    collect(root, None, &top, &mut templates);
    templates
}

fn collect<'c>(
    node: &Node<'c>,
    parent_path: Option<&str>,
    above: &Map,
    templates: &mut BTreeMap<String, Template<'c>>,
) -> Map {
    let name = node.name();
    let is_root = parent_path.is_none();
    let values = if is_root {
        above.get("Values").unwrap_or_default()
    } else {
        let own = table_at(above, &format!("Values.{name}"));
        Value::Values(match own {
            Some(values) => values,
            None => Map::new(),
        })
    };
    let subcharts = Map::new();
    let scope = Map::from_iter([
        ("Capabilities", above.get("Capabilities").unwrap_or_default()),
        ("Chart", Value::Map(node.metadata_map(is_root))),
        ("Files", Value::object(Files::new(&node.chart.files))),
        ("Release", above.get("Release").unwrap_or_default()),
        ("Subcharts", Value::Map(subcharts.clone())),
        ("Values", values),
    ]);
    let path = match parent_path {
        None => name,
        Some(parent) => format!("{parent}/charts/{name}"),
    };
    for subchart in &node.dependencies {
        let inner = collect(subchart, Some(&path), &scope, templates);
        subcharts.insert(subchart.name(), Value::Map(inner));
    }
    let base_path = pathname::join(&path, "templates");
    for file in &node.chart.templates {
        if node.chart.is_library() && !pathname::base(&file.path).starts_with('_') {
            continue;
        }
        let template =
            Template { text: &file.data, scope: scope.clone(), base_path: base_path.clone() };
        templates.insert(pathname::join(&path, &file.path), template);
    }
    scope
}
