//! Two renderings, object by object and field by field.

use std::{collections::BTreeMap, fmt};

use goyaml::{ReadError, Value};

use crate::{check::text, fields, manifest::split_documents};

/// An object that is not the same in both renderings.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `Deployment/faro`, or `Deployment/faro in web` where a namespace is named.
    pub object: String,
    /// The template's path in the output; of an object that is gone, the one it came from.
    pub source: String,
    pub change: Change,
}

/// What became of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Added,
    Removed,
    /// The fields that differ, in their order.
    Changed(Vec<FieldChange>),
}

/// A field that is not the same.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// `spec.template.spec.containers[name=faro].image`
    pub path: String,
    /// Nothing where there was none.
    pub from: Option<Value>,
    /// Nothing where there is none any more.
    pub to: Option<Value>,
}

/// What differs between two texts of documents, in the order of the second; then what is gone.
///
/// Objects are told apart by group, kind, namespace and name; those of one name by their order.
///
/// # Errors
/// A document that is no YAML.
pub fn compare(from: &str, to: &str) -> Result<Vec<Difference>, ReadError> {
    let (mut before, after) = (objects(from)?, objects(to)?);
    let mut differences = Vec::new();
    for (key, object) in after {
        let place = before.iter().position(|(other, _)| *other == key);
        let change = match place.map(|it| before.remove(it).1) {
            None => Change::Added,
            Some(old) => {
                let mut changes = Vec::new();
                walk(String::new(), Some(&old.value), Some(&object.value), &mut changes);
                if changes.is_empty() {
                    continue;
                }
                Change::Changed(changes)
            }
        };
        differences.push(Difference { object: object.name, source: object.source, change });
    }
    let gone = before.into_iter().map(|(_, old)| Difference {
        object: old.name,
        source: old.source,
        change: Change::Removed,
    });
    differences.extend(gone);
    Ok(differences)
}

struct Object {
    name: String,
    source: String,
    value: Value,
}

/// Group, kind, namespace, name, and how many had them before.
type Key = (String, String, String, String, usize);

fn objects(rendering: &str) -> Result<Vec<(Key, Object)>, ReadError> {
    let mut seen: BTreeMap<(String, String, String, String), usize> = BTreeMap::new();
    let mut objects = Vec::new();
    for document in split_documents(rendering) {
        let value = goyaml::read(document.as_bytes())?;
        if !matches!(value, Value::Map(_)) {
            continue;
        }
        let source = document.lines().find_map(|it| it.strip_prefix("# Source: "));
        let metadata = |key| value.get("metadata").map(|it| text(it, key)).unwrap_or_default();
        let group = text(&value, "apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
        let (kind, namespace, name) =
            (text(&value, "kind"), metadata("namespace"), metadata("name"));
        let key = [group, kind, namespace, name].map(str::to_owned);
        let [group, kind, namespace, name] = key.clone();
        let n_before = seen.entry(key.into()).or_default();
        let place = if namespace.is_empty() { String::new() } else { format!(" in {namespace}") };
        let object = Object {
            name: format!("{kind}/{name}{place}"),
            source: source.unwrap_or_default().to_owned(),
            value: value.clone(),
        };
        objects.push(((group, kind, namespace, name, *n_before), object));
        *n_before += 1;
    }
    Ok(objects)
}

fn walk(path: String, from: Option<&Value>, to: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (from, to) {
        (Some(one), Some(two)) if one == two => {}
        (Some(Value::Map(one)), Some(Value::Map(two))) => {
            let mut keys: Vec<&str> = one.iter().chain(two).map(|(key, _)| &**key).collect();
            keys.sort_unstable();
            keys.dedup();
            let find = |entries: &'_ [(Box<str>, Value)], key: &str| {
                entries.iter().position(|(name, _)| &**name == key)
            };
            for key in keys {
                let from = find(one, key).map(|it| &one[it].1);
                let to = find(two, key).map(|it| &two[it].1);
                walk(fields::key(&path, key), from, to, changes);
            }
        }
        (Some(Value::List(one)), Some(Value::List(two))) => match (names(one), names(two)) {
            (Some(before), Some(after)) => {
                let mut all: Vec<&str> = before.clone();
                all.extend(after.iter().filter(|it| !before.contains(it)));
                for name in all {
                    let from = before.iter().position(|it| *it == name).map(|it| &one[it]);
                    let to = after.iter().position(|it| *it == name).map(|it| &two[it]);
                    walk(format!("{path}[name={name}]"), from, to, changes);
                }
            }
            _ => {
                for item_idx in 0..one.len().max(two.len()) {
                    let (from, to) = (one.get(item_idx), two.get(item_idx));
                    walk(fields::item(&path, item_idx), from, to, changes);
                }
            }
        },
        (from, to) => {
            changes.push(FieldChange { path, from: from.cloned(), to: to.cloned() });
        }
    }
}

/// The names by which items are told apart, when each has one of its own.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> =
        items.iter().map(|it| it.get("name").and_then(Value::as_str)).collect::<Option<_>>()?;
    let is_unique = names.iter().enumerate().all(|(place, it)| !names[..place].contains(it));
    is_unique.then_some(names)
}

impl fmt::Display for Difference {
    /// A line for the object, and one for each field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source =
            if self.source.is_empty() { String::new() } else { format!("  ({})", self.source) };
        match &self.change {
            Change::Added => write!(f, "+ {}{source}", self.object),
            Change::Removed => write!(f, "- {}{source}", self.object),
            Change::Changed(changes) => {
                write!(f, "~ {}{source}", self.object)?;
                changes.iter().try_for_each(|it| write!(f, "\n    {it}"))
            }
        }
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match (self.from.as_ref().map(show), self.to.as_ref().map(show)) {
            (Some(from), Some(to)) => write!(f, "{path}: {from} -> {to}"),
            (None, Some(to)) => write!(f, "{path}: + {to}"),
            (Some(from), None) => write!(f, "{path}: - {from}"),
            (None, None) => Ok(()),
        }
    }
}

/// A value on one line.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Float(number) => goyaml::format_g(*number),
        Value::String(text) => gotmpl::strconv::quote(text.as_bytes()),
        Value::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(Box<str>, Value)| format!("{key}: {}", show(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, expect: &str) {
        let differences = compare(from, to).unwrap();
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(lines.join("\n"), expect);
    }

    const DEPLOYMENT: &str = "---\n# Source: c/templates/d.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: 1\n  containers:\n  - {name: a, image: x}\n  - {name: b, image: why}\n";

    #[test]
    fn fields_that_differ_are_named() {
        let to = DEPLOYMENT
            .replace("replicas: 1", "replicas: \"1\"")
            .replace("- {name: a, image: x}\n", "")
            .replace("image: why", "image: z, args: [q]");
        check(
            DEPLOYMENT,
            &to,
            "~ Deployment/d  (c/templates/d.yaml)\n    spec.containers[name=a]: - {image: \"x\", name: \"a\"}\n    spec.containers[name=b].args: + [\"q\"]\n    spec.containers[name=b].image: \"why\" -> \"z\"\n    spec.replicas: 1 -> \"1\"",
        );
    }

    #[test]
    fn objects_come_and_go() {
        let service = "---\nkind: Service\nmetadata: {name: s, namespace: web}\n";
        check(DEPLOYMENT, service, "+ Service/s in web\n- Deployment/d  (c/templates/d.yaml)");
        check(DEPLOYMENT, DEPLOYMENT, "");
        check("", "# nothing\n", "");
    }

    #[test]
    fn the_version_of_an_api_does_not_make_another_object() {
        let to = DEPLOYMENT.replace("apps/v1", "apps/v1beta1");
        check(
            DEPLOYMENT,
            &to,
            "~ Deployment/d  (c/templates/d.yaml)\n    apiVersion: \"apps/v1\" -> \"apps/v1beta1\"",
        );
    }

    #[test]
    fn what_is_no_yaml_is_an_error() {
        assert!(compare("a: b: c", "").is_err());
    }
}
