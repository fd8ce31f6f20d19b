//! Values that are given under a name which the chart does not know, and which is nearly one that it knows.

use std::borrow::Cow;

use goyaml::Value;

use super::Findings;
use crate::{chart::Chart, similar::nearest, values::Table};

/// Looks at the values of a user beside those of a chart and of the charts below it.
pub(super) fn check(chart: &Chart, given: &Table, findings: &mut Findings) {
    let mut templates = Vec::new();
    collect(chart, &mut templates);
    let is_read = |name: &str| templates.iter().any(|it| has_word(it, name));
    of_chart(chart, given, "", &mut |prefix, wrong, right| {
        if is_read(right) && !is_read(wrong) {
            findings.trap(
                "values.yaml",
                format!(
                    "{prefix}{wrong} is given, and no template reads it; is {prefix}{right} meant?"
                ),
            );
        }
    });
}

/// The templates of a chart and of the charts below it.
fn collect<'c>(chart: &'c Chart, templates: &mut Vec<Cow<'c, str>>) {
    templates.extend(chart.templates.iter().map(|it| String::from_utf8_lossy(&it.data)));
    for dependency in &chart.dependencies {
        collect(dependency, templates);
    }
}

/// Tells of each name in a user's table that is nearly one in the table of the chart beside it.
fn of_chart(chart: &Chart, given: &Table, prefix: &str, tell: &mut dyn FnMut(&str, &str, &str)) {
    if let Some(values) = &chart.values {
        of_table(values, given, prefix, tell);
    }
    for dependency in &chart.dependencies {
        if let Some(Value::Map(inner)) = value(given, dependency.name()) {
            of_chart(dependency, inner, &format!("{prefix}{}.", dependency.name()), tell);
        }
    }
}

fn of_table(known: &Table, given: &Table, prefix: &str, tell: &mut dyn FnMut(&str, &str, &str)) {
    for (name, inner) in given {
        match (value(known, name), inner) {
            (Some(Value::Map(known)), Value::Map(inner)) => {
                of_table(known, inner, &format!("{prefix}{name}."), tell);
            }
            (Some(_), _) => {}
            (None, _) => {
                let free =
                    known.iter().map(|(it, _)| &**it).filter(|it| value(given, it).is_none());
                if let Some(right) = nearest(name, free) {
                    tell(prefix, name, right);
                }
            }
        }
    }
}

fn value<'t>(table: &'t Table, name: &str) -> Option<&'t Value> {
    table.iter().find(|(it, _)| **it == *name).map(|(_, it)| it)
}

/// Whether a text has a name as a word of its own.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    text.match_indices(name).any(|(at, _)| {
        let is_joined =
            text[..at].ends_with(is_part) || text[at + name.len()..].starts_with(is_part);
        !is_joined
    })
}
