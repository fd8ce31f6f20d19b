//! Which subcharts take part, and under which name (Helm 4.1.4, `pkg/chart/v2/util/dependencies.go`).

use gotmpl::{Map, Value};

use crate::{
    coalesce::{Nulls, TypeMismatch, coalesce},
    semver::{Constraint, Version},
    tree::{LiveDependency, Node},
    warning::Warning,
};

/// Removes and renames subcharts by what the values say, all the way down.
///
/// `path` leads to the chart in the values, with a point behind each name; the values are those of the
/// whole tree.
pub(crate) fn enable(
    node: &mut Node<'_>,
    values: &Map,
    path: &str,
    log: &mut Vec<Warning>,
) -> Result<(), TypeMismatch> {
    let Some(listed) = node.listed() else { return Ok(()) };
    node.dependencies = chosen(node, &listed);
    for dependency in &listed {
        dependency.borrow_mut().declared.is_enabled = true;
    }
    let values = coalesce(node, values, Nulls::Remove, log)?;
    for dependency in &listed {
        let mut dependency = dependency.borrow_mut();
        apply_tags(&mut dependency, &values, log);
    }
    for dependency in &listed {
        let mut dependency = dependency.borrow_mut();
        apply_conditions(&mut dependency, &values, path, log);
    }
    let is_disabled = |name: &str| {
        listed.iter().any(|it| {
            let it = it.borrow();
            !it.declared.is_enabled && it.declared.name == name
        })
    };
    node.dependencies.retain(|subchart| !is_disabled(&subchart.name()));
    let kept = listed.iter().filter(|it| !is_disabled(&it.borrow().declared.name));
    let kept: Vec<_> = kept.cloned().collect();
    for subchart in &mut node.dependencies {
        let path = format!("{path}{}.", subchart.name());
        enable(subchart, &values, &path, log)?;
    }
    node.metadata.borrow_mut().dependencies = (!kept.is_empty()).then_some(kept);
    Ok(())
}

type Listed = std::rc::Rc<std::cell::RefCell<LiveDependency>>;

/// The subcharts that nobody lists, then for each dependency the chart that fits, renamed.
fn chosen<'c>(node: &Node<'c>, listed: &[Listed]) -> Vec<Node<'c>> {
    let fits = |subchart: &Node<'_>, dependency: &LiveDependency| {
        subchart.name() == dependency.declared.name
            && is_in_range(&dependency.declared.version, &subchart.chart.metadata.version)
    };
    let is_listed = |subchart: &Node<'_>| listed.iter().any(|it| fits(subchart, &it.borrow()));
    let mut chosen: Vec<Node<'c>> =
        node.dependencies.iter().filter(|it| !is_listed(it)).cloned().collect();
    for dependency in listed {
        let mut dependency = dependency.borrow_mut();
        if let Some(subchart) = node.dependencies.iter().find(|it| fits(it, &dependency)) {
            let copy = subchart.with_own_metadata();
            if !dependency.declared.alias.is_empty() {
                copy.metadata.borrow_mut().name.clone_from(&dependency.declared.alias);
            }
            chosen.push(copy);
        }
        if !dependency.declared.alias.is_empty() {
            dependency.declared.name = dependency.declared.alias.clone();
        }
    }
    chosen
}

/// Whether a version is in a range; false when either cannot be read.
pub(crate) fn is_in_range(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.check(&version),
        _ => false,
    }
}

/// A dependency is off when one of its tags is false and none is true.
fn apply_tags(dependency: &mut LiveDependency, values: &Map, log: &mut Vec<Warning>) {
    let Some(Value::Map(tags) | Value::Values(tags)) = values.get("tags") else { return };
    let (mut has_true, mut has_false) = (false, false);
    for tag in &dependency.declared.tags {
        match tags.get(tag) {
            None => {}
            Some(Value::Bool(true)) => has_true = true,
            Some(Value::Bool(false)) => has_false = true,
            Some(_) => log.push(
                Warning::warn("returned non-bool value")
                    .with("tag", tag)
                    .with("chart", &dependency.declared.name),
            ),
        }
    }
    dependency.declared.is_enabled = has_true || !has_false;
}

/// The first path that leads to a boolean decides.
fn apply_conditions(
    dependency: &mut LiveDependency,
    values: &Map,
    path: &str,
    log: &mut Vec<Warning>,
) {
    let conditions = dependency.declared.condition.trim().to_owned();
    for condition in conditions.split(',').filter(|it| !it.is_empty()) {
        match value_at(values, &format!("{path}{condition}")) {
            None => {}
            Some(Value::Bool(truth)) => {
                dependency.declared.is_enabled = truth;
                return;
            }
            Some(_) => log.push(
                Warning::warn("returned non-bool value")
                    .with("path", condition)
                    .with("chart", &dependency.declared.name),
            ),
        }
    }
}

/// The value at a path of names with points between, unless it is a table.
fn value_at(values: &Map, path: &str) -> Option<Value> {
    let (tables, key) = match path.rsplit_once('.') {
        Some((tables, key)) => (table_at(values, tables)?, key),
        None => (values.clone(), path),
    };
    tables.get(key).filter(|value| !matches!(value, Value::Map(_)))
}

/// The table at a path of names with points between.
pub(crate) fn table_at(values: &Map, path: &str) -> Option<Map> {
    let mut table = values.clone();
    for name in path.split('.') {
        table = match table.get(name)? {
            Value::Map(inner) | Value::Values(inner) => inner,
            _ => return None,
        };
    }
    Some(table)
}
