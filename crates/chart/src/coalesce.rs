//! Merging a user's values with those of the charts (Helm 4.1.4, `pkg/chart/common/util/coalesce.go`).
//!
//! Tables are shared by reference exactly where Helm shares them, since templates can change them.

use gotmpl::{Map, Value};

use crate::{tree::Node, warning::Warning};

const GLOBAL: &str = "global";

/// What to do with nulls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Nulls {
    /// A null removes the default of its name.
    Remove,
    /// A null is a value like any other.
    Keep,
}

/// The values of a subchart are no table.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("type mismatch on {chart}: {value}")]
pub struct TypeMismatch {
    chart: String,
    /// The value as Go prints it with `%t`, by mistake.
    value: String,
}

/// Merges values with a chart's and its subcharts'; the values given stay as they are.
pub(crate) fn coalesce(
    node: &Node<'_>,
    values: &Map,
    nulls: Nulls,
    log: &mut Vec<Warning>,
) -> Result<Map, TypeMismatch> {
    let copy = if values.is_nil() { Map::new() } else { values.deep_copy() };
    Coalescing { nulls, log }.chart(node, &copy, "")?;
    Ok(copy)
}

/// Merges two tables in place, the first winning (Helm's `MergeTables`).
pub(crate) fn merge_tables(into: &Map, from: &Map, log: &mut Vec<Warning>) {
    Coalescing { nulls: Nulls::Keep, log }.tables(into, from, "");
}

/// A user's table over a chart's own, subcharts or not (Helm's `CoalesceTables`).
pub(crate) fn coalesce_tables(over: &Map, own: &Map) -> Map {
    let into = Map::new();
    let mut log = Vec::new();
    let mut coalescing = Coalescing { nulls: Nulls::Remove, log: &mut log };
    coalescing.tables(&into, &over.deep_copy(), "");
    coalescing.tables(&into, &own.deep_copy(), "");
    into
}

struct Coalescing<'l> {
    nulls: Nulls,
    log: &'l mut Vec<Warning>,
}

impl Coalescing<'_> {
    fn chart(&mut self, node: &Node<'_>, dest: &Map, prefix: &str) -> Result<(), TypeMismatch> {
        self.values(node, dest, prefix);
        let prefix = joined(prefix, &node.name());
        for subchart in &node.dependencies {
            let name = subchart.name();
            let values = match dest.get(&name) {
                None => {
                    let values = Map::new();
                    dest.insert(name.as_str(), Value::Map(values.clone()));
                    values
                }
                Some(Value::Map(values)) => values,
                Some(value) => {
                    return Err(TypeMismatch { chart: name, value: print_as_boolean(&value) });
                }
            };
            self.globals(&values, dest, &prefix);
            self.chart(subchart, &values, &prefix)?;
        }
        Ok(())
    }

    /// Hands a chart's globals down to a subchart.
    fn globals(&mut self, dest: &Map, from: &Map, prefix: &str) {
        let table = |map: &Map| match map.get(GLOBAL) {
            None => Some(Map::new()),
            Some(Value::Map(map)) => Some(map),
            Some(_) => None,
        };
        let Some(into) = table(dest) else {
            let text = "warning: skipping globals because destination global is not a table.";
            return self.log.push(Warning::info(text));
        };
        let Some(globals) = table(from) else {
            let text = "warning: skipping globals because source global is not a table.";
            return self.log.push(Warning::info(text));
        };
        for (key, value) in globals.entries() {
            match (value, into.get(&key)) {
                (Value::Map(value), None) => {
                    into.insert(key, Value::Map(value.shallow_copy()));
                }
                (Value::Map(value), Some(Value::Map(own))) => {
                    let merged = value.shallow_copy();
                    let nulls = std::mem::replace(&mut self.nulls, Nulls::Keep);
                    self.tables(&merged, &own, &joined(prefix, &key));
                    self.nulls = nulls;
                    into.insert(key, Value::Map(merged));
                }
                (Value::Map(_), Some(_)) => self.log.push(Warning::info(format!(
                    "Conflict: cannot merge map onto non-map for {key:?}. Skipping."
                ))),
                (_, Some(Value::Map(_))) => {
                    self.log.push(Warning::info(format!("key {key} is table. Skipping")));
                }
                (value, _) => {
                    into.insert(key, value);
                }
            }
        }
        dest.insert(GLOBAL, Value::Map(into));
    }

    /// Adds a chart's own values where none are given.
    fn values(&mut self, node: &Node<'_>, dest: &Map, prefix: &str) {
        let prefix = joined(prefix, &node.name());
        for (key, value) in node.values.deep_copy().entries() {
            match (dest.get(&key), value) {
                (None, value) => {
                    dest.insert(key, value);
                }
                (Some(Value::Nil), _) if self.nulls == Nulls::Remove => dest.remove(&key),
                (Some(Value::Map(own)), Value::Map(value)) => {
                    let is_subchart = node.dependencies.iter().any(|it| it.name() == *key);
                    let nulls = self.nulls;
                    if is_subchart {
                        // The subchart's own pass looks at the nulls.
                        self.nulls = Nulls::Keep;
                    }
                    self.tables(&own, &value, &joined(&prefix, &key));
                    self.nulls = nulls;
                }
                (Some(Value::Map(_)), Value::Nil) => {}
                (Some(Value::Map(_)), _) => {
                    self.log.push(Warning::info(format!(
                        "warning: skipped value for {prefix}.{key}: Not a table."
                    )));
                }
                (Some(_), _) => {}
            }
        }
    }

    /// Merges two tables in place, the first winning.
    fn tables(&mut self, dest: &Map, from: &Map, prefix: &str) {
        if from.is_nil() || dest.is_nil() {
            return;
        }
        let entries = from.entries();
        for (key, value) in dest.entries() {
            if value.is_nil() {
                from.insert(key, Value::Nil);
            }
        }
        for (key, value) in entries {
            let own = dest.get(&key);
            let full_key = || joined(prefix, &key);
            match (own, value) {
                (Some(Value::Nil), value) if !value.is_nil() => {
                    if self.nulls == Nulls::Remove {
                        dest.remove(&key);
                    }
                }
                (None, value) => {
                    dest.insert(key, value);
                }
                (Some(Value::Map(own)), Value::Map(value)) => {
                    self.tables(&own, &value, &full_key());
                }
                (Some(Value::Nil), _) => {}
                (Some(_), Value::Map(value)) => {
                    let (key, value) = (full_key(), print(&Value::Map(value)));
                    self.log.push(Warning::info(format!(
                        "warning: cannot overwrite table with non table for {key} ({value})"
                    )));
                }
                (Some(Value::Map(_)), value) if !value.is_nil() => {
                    let (key, value) = (full_key(), print(&value));
                    self.log.push(Warning::info(format!(
                        "warning: destination for {key} is a table. Ignoring non-table value ({value})"
                    )));
                }
                (Some(_), _) => {}
            }
        }
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// What `%v` prints.
pub(crate) fn print(value: &Value) -> String {
    gotmpl::fmt::shown(value)
}

fn print_as_boolean(value: &Value) -> String {
    let shown = gotmpl::fmt::sprintf(&"%t".into(), std::slice::from_ref(value));
    shown.map_or_else(|reason| format!("({reason})"), |text| text.to_string())
}
