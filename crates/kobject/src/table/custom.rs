//! Columns of custom resources: `additionalPrinterColumns` with their simple JSON paths.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{IncludeObject, age, column, list, name, row, since, text, whole};

/// Custom resources as a Table, by the `additionalPrinterColumns` of their definition's version.
///
/// A null, or an empty list, gives Name and Age. A cell whose path finds nothing is null.
/// Source: `k8s.io/apiextensions-apiserver` 0.34, `pkg/registry/customresource/tableconvertor`.
pub fn custom_table(
    printer_columns: &Value,
    objects: &[&Value],
    now: Timestamp,
    include: IncludeObject,
) -> Value {
    let custom = list(printer_columns);
    let mut columns = vec![column("Name")];
    columns.extend(custom.iter().map(definition));
    if custom.is_empty() {
        columns.push(column("Age:date"));
    }
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut cells = vec![name(object)];
            cells.extend(custom.iter().map(|it| cell(it, object, now)));
            if custom.is_empty() {
                cells.push(age(object, now));
            }
            row(object, cells, include)
        })
        .collect();
    whole(&columns, &rows)
}

fn definition(custom: &Value) -> Value {
    json!({
        "name": custom["name"],
        "type": custom["type"],
        "format": text(&custom["format"]),
        "description": text(&custom["description"]),
        "priority": custom["priority"].as_i64().unwrap_or(0),
    })
}

fn cell(custom: &Value, object: &Value, now: Timestamp) -> Value {
    let found = find(object, text(&custom["jsonPath"]));
    let Some(found) = found else { return Value::Null };
    match (text(&custom["type"]), found) {
        ("date", Value::Null) => "<unknown>".into(),
        ("date", time) => match crate::meta::timestamp(time) {
            Some(_) => since(time, now).into(),
            None => "<invalid>".into(),
        },
        ("string", Value::String(text)) => text.as_str().into(),
        ("string", other) => other.to_string().into(),
        ("integer", Value::Number(it)) => it.as_f64().map_or(Value::Null, |it| (it as i64).into()),
        ("number", Value::Number(it)) => it.as_f64().into(),
        ("boolean", Value::Bool(it)) => (*it).into(),
        _ => Value::Null,
    }
}

/// A step of a JSON path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
    Any,
    /// `[?(@.field=="text")]`.
    Where(String, String),
}

/// The first value at a JSON path of the kind that kubectl's columns use.
fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut found = vec![object];
    for step in steps(path)? {
        found = found.into_iter().flat_map(|it| advance(it, &step)).collect();
    }
    found.first().copied()
}

fn advance<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match step {
        Step::Field(name) => value.get(name.as_str()).into_iter().collect(),
        Step::Item(at) => value.get(*at).into_iter().collect(),
        Step::Any => match value {
            Value::Object(map) => map.values().collect(),
            other => list(other).iter().collect(),
        },
        Step::Where(field, expect) => {
            let holds = |it: &&Value| {
                let found = steps(field)
                    .into_iter()
                    .flatten()
                    .try_fold(*it, |it, step| advance(it, &step).first().copied());
                found.is_some_and(|it| found_text(it) == *expect)
            };
            list(value).iter().filter(holds).collect()
        }
    }
}

fn found_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads `.spec.list[0].a\.b`, `.conditions[?(@.type=="Ready")].status`, `.x['y']`; `None` for anything else.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path.trim().trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let is_filter = inner.starts_with('?');
            let end = inner.find(if is_filter { ")]" } else { "]" })? + usize::from(is_filter);
            steps.push(bracket(&inner[..end])?);
            rest = &inner[end + 1..];
        } else {
            let (field, after) = field(rest.strip_prefix('.').unwrap_or(rest));
            steps.push(if field == "*" { Step::Any } else { Step::Field(field) });
            rest = after;
        }
    }
    Some(steps)
}

fn bracket(inner: &str) -> Option<Step> {
    let unquoted = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
    if inner == "*" {
        return Some(Step::Any);
    }
    if let Some(filter) = inner.strip_prefix("?(").and_then(|it| it.strip_suffix(')')) {
        let (field, expect) = filter.split_once("==")?;
        return Some(Step::Where(field.trim().strip_prefix('@')?.to_owned(), unquoted(expect)));
    }
    match inner.parse() {
        Ok(at) => Some(Step::Item(at)),
        Err(_) => Some(Step::Field(unquoted(inner))),
    }
}

/// A name up to the next step; `\.` is a dot of the name.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, it)) = chars.next() {
        match it {
            '\\' => name.extend(chars.next().map(|(_, it)| it)),
            '.' | '[' => return (name, &text[at..]),
            _ => name.push(it),
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_values() {
        let object = json!({"a": {"b.c": 1, "l": [{"t": "x", "v": 2}, {"t": "y", "v": 3}]}});
        for (path, expect) in [
            (".a.b\\.c", json!(1)),
            (".a['b.c']", json!(1)),
            (".a.l[0].v", json!(2)),
            ("$.a.l[?(@.t==\"y\")].v", json!(3)),
            (".a.l[*].t", json!("x")),
        ] {
            assert_eq!(find(&object, path), Some(&expect), "{path}");
        }
        assert_eq!(find(&object, ".a.none.x"), None);
    }

    #[test]
    fn columns_are_typed() {
        let columns = json!([{"name": "Wheels", "type": "integer", "jsonPath": ".spec.wheels"},
            {"name": "Built", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 1},
            {"name": "None", "type": "string", "jsonPath": ".spec.none"}]);
        let car = json!({"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"wheels": 4}});
        let now = "2026-01-01T00:05:00Z".parse().unwrap();
        let table = custom_table(&columns, &[&car], now, IncludeObject::None);
        assert_eq!(table["rows"][0]["cells"], json!(["a", 4, "5m", null]));
        assert_eq!(table["columnDefinitions"][2]["priority"], 1);
        let plain = custom_table(&Value::Null, &[&car], now, IncludeObject::None);
        assert_eq!(plain["rows"][0]["cells"], json!(["a", "5m"]));
    }
}
