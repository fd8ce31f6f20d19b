//! Values that a chart takes over from its subcharts (`import-values`).

use gotmpl::{Map, Value};
use goyaml::Value as Yaml;

use crate::{
    coalesce::{Nulls, TypeMismatch, coalesce, merge_tables, print},
    dependency::table_at,
    tree::Node,
    warning::Warning,
    yaml::to_template_value,
};

/// Imports everywhere, from the bottom up. A chart's own values become those of its whole tree.
pub(crate) fn import(node: &mut Node<'_>, log: &mut Vec<Warning>) -> Result<(), TypeMismatch> {
    for subchart in &mut node.dependencies {
        import(subchart, log)?;
    }
    let Some(listed) = node.listed() else { return Ok(()) };
    let values = coalesce(node, &Map::default(), Nulls::Keep, log)?;
    let imported = Map::new();
    for dependency in &listed {
        let mut dependency = dependency.borrow_mut();
        let name = dependency.declared.name.clone();
        let mut imports = Vec::new();
        for import in &dependency.declared.import_values {
            let Some((child, parent)) = paths(import) else { continue };
            imports.push((child.clone(), parent.clone()));
            match table_at(&values, &format!("{name}.{child}")) {
                None => {
                    log.push(missing_table(import, &name, &values, &child));
                }
                Some(table) => merge_tables(&imported, &at_path(&parent, table), log),
            }
        }
        dependency.imports = Some(imports);
    }
    let values = values.deep_copy();
    merge_tables(&values, &imported, log);
    node.values = values;
    Ok(())
}

/// What Helm says when there is no table to import; it names the first part of the path that is none.
fn missing_table(import: &Yaml, name: &str, values: &Map, child: &str) -> Warning {
    let path = format!("{name}.{child}");
    let mut ends = path.match_indices('.').map(|(end, _)| end).chain([path.len()]);
    let end = ends.find(|end| table_at(values, &path[..*end]).is_none()).unwrap_or(path.len());
    let part = path[..end].rsplit('.').next().unwrap_or_default();
    let warning = match import {
        Yaml::String(_) => Warning::warn("ImportValues missing table"),
        _ => Warning::warn("ImportValues missing table from chart").with("chart", name),
    };
    warning.with("error", format!("{part:?} is not a table"))
}

/// Where to take a table from, below the subchart's values, and where to put it.
fn paths(import: &Yaml) -> Option<(String, String)> {
    match import {
        Yaml::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        Yaml::Map(_) => {
            let text = |key| print(&import.get(key).map_or(Value::Nil, to_template_value));
            Some((text("child"), text("parent")))
        }
        _ => None,
    }
}

/// The table below a path of names with points between.
fn at_path(path: &str, table: Map) -> Map {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, name| Map::from_iter([(name, Value::Map(inner))]))
}
