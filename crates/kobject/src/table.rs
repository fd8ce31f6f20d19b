//! `kubectl get`: objects as rows of a `meta.k8s.io/v1` Table, with the columns of the real server.
//!
//! Source: Kubernetes 1.34, `pkg/printers/internalversion/printers.go`. Columns carry no descriptions;
//! those of priority 1 are shown by `-o wide`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{Resource, meta};

mod age;
mod cluster;
mod custom;
mod extension;
mod pod;
mod service;
mod storage;
mod workload;

pub use age::human_duration;
pub use custom::custom_table;

/// The columns of a kind, and how an object fills them.
struct Printer {
    /// Names between bars: `+` before those of priority 1, `:type` after those that are no strings.
    columns: &'static str,
    cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// What a row carries of its object (`includeObject` of the request).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata, as a `PartialObjectMetadata`.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

/// The objects of a resource as a Table, each row with its object's metadata.
///
/// `metadata` of the Table is empty: list versions and continue tokens are the caller's.
/// Kinds without columns of their own have Name and Created At.
pub fn table(resource: &Resource, objects: &[&Value], now: Timestamp) -> Value {
    table_including(resource, objects, now, IncludeObject::Metadata)
}

/// Like [`table`], with a choice of what a row carries of its object.
pub fn table_including(
    resource: &Resource,
    objects: &[&Value],
    now: Timestamp,
    include: IncludeObject,
) -> Value {
    let printer = printer(&resource.group, &resource.kind);
    let columns: Vec<Value> = printer.columns.split('|').map(column).collect();
    let rows: Vec<Value> =
        objects.iter().map(|it| row(it, (printer.cells)(it, now), include)).collect();
    whole(&columns, &rows)
}

/// The metadata of an object, as clients that ask for `PartialObjectMetadata` get it.
pub fn partial_object_metadata(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}

fn whole(columns: &[Value], rows: &[Value]) -> Value {
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": columns,
        "rows": rows,
    })
}

fn column(column: &str) -> Value {
    let (name, priority) = match column.strip_prefix('+') {
        Some(name) => (name, 1),
        None => (column, 0),
    };
    let (name, kind) = name.split_once(':').unwrap_or((name, "string"));
    let format = if name == "Name" { "name" } else { "" };
    json!({ "name": name, "type": kind, "format": format, "description": "", "priority": priority })
}

fn row(object: &Value, cells: Vec<Value>, include: IncludeObject) -> Value {
    let mut row = Map::new();
    row.insert("cells".to_owned(), cells.into());
    match include {
        IncludeObject::None => {
            row.insert("object".to_owned(), Value::Null);
        }
        IncludeObject::Metadata => {
            row.insert("object".to_owned(), partial_object_metadata(object));
        }
        IncludeObject::Object => {
            row.insert("object".to_owned(), object.clone());
        }
    }
    let phase = object["status"]["phase"].as_str().unwrap_or_default();
    if meta::kind(object) == "Pod"
        && let Some(message) = pod::completion(phase)
    {
        let condition =
            json!({ "type": "Completed", "status": "True", "reason": phase, "message": message });
        row.insert("conditions".to_owned(), json!([condition]));
    }
    row.into()
}

/// Kinds without columns of their own.
const PLAIN: Printer = Printer {
    columns: "Name|Created At:date",
    cells: |object, _| vec![name(object), object["metadata"]["creationTimestamp"].clone()],
};

fn printer(group: &str, kind: &str) -> Printer {
    let found = match group {
        "" => pod::printer(kind)
            .or_else(|| service::printer(kind))
            .or_else(|| storage::printer(kind))
            .or_else(|| workload::printer(kind))
            .or_else(|| cluster::printer(kind)),
        "apps" | "batch" | "autoscaling" | "policy" => workload::printer(kind),
        "networking.k8s.io" | "discovery.k8s.io" => service::printer(kind),
        "storage.k8s.io" => storage::printer(kind),
        "events.k8s.io"
        | "rbac.authorization.k8s.io"
        | "coordination.k8s.io"
        | "scheduling.k8s.io"
        | "node.k8s.io"
        | "certificates.k8s.io" => cluster::printer(kind),
        _ => extension::printer(kind),
    };
    found.unwrap_or(PLAIN)
}

fn name(object: &Value) -> Value {
    meta::name(object).into()
}

fn age(object: &Value, now: Timestamp) -> Value {
    since(&object["metadata"]["creationTimestamp"], now).into()
}

/// How long ago a time was; `<unknown>` when there is none.
fn since(time: &Value, now: Timestamp) -> String {
    match meta::timestamp(time) {
        Some(time) => human_duration(now.duration_since(time)),
        None => "<unknown>".to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn text_or<'a>(value: &'a Value, otherwise: &'a str) -> &'a str {
    value.as_str().filter(|it| !it.is_empty()).unwrap_or(otherwise)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn count(value: &Value) -> Value {
    let n_parts = value.as_object().map_or_else(|| list(value).len(), Map::len);
    n_parts.into()
}

/// Texts joined by commas; `<none>` when there are none.
fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() { "<none>".to_owned() } else { texts.join(",") }
}

/// Labels as `a=b,c=d`; `<none>` when there are none.
fn labels(map: &Value) -> String {
    let labels: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", text(value)))
        .collect();
    joined(labels.iter().map(String::as_str))
}

/// A `metav1.LabelSelector` as a query string; `<none>` when it is empty.
fn selector(selector: &Value) -> String {
    match crate::LabelSelector::from_object(selector) {
        Err(_) => "<error>".to_owned(),
        Ok(it) if it.is_everything() => "<none>".to_owned(),
        Ok(it) => it.to_string(),
    }
}

/// Names and images of a template's containers.
fn containers(pod_spec: &Value) -> [Value; 2] {
    ["name", "image"].map(|key| {
        let texts: Vec<&str> =
            list(&pod_spec["containers"]).iter().map(|it| text(&it[key])).collect();
        texts.join(",").into()
    })
}

#[cfg(test)]
mod tests;
