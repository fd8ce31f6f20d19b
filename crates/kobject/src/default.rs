//! What the real server fills in when it decodes an object, without looking at any other object.
//!
//! Source: Kubernetes 1.34, `pkg/apis/*/*/defaults.go`, and what encoding Go structs adds: `{}` and zeros of
//! required fields, canonical quantities. What admission and allocation add (service accounts, cluster IPs,
//! default classes, tolerations) is the API server's work.

use serde_json::{Map, Value};

use crate::{
    Resource,
    schema::{Schema, Shape, Type, normalize, of},
};

mod cluster;
mod extension;
mod pod;
mod workload;

type Object = Map<String, Value>;

/// Fills in the defaults of a built-in kind; the object is of that kind and has no fields of wrong types.
///
/// Doing it again changes nothing. An object that belongs to no namespace loses the one that it names. For kinds that are not built in nothing is done.
pub fn apply_defaults(resource: &Resource, object: &mut Value) {
    let schema = of(resource);
    if schema.is_custom() {
        return;
    }
    let package = match &*resource.group {
        "" => "core",
        group => group.split('.').next().unwrap_or_default(),
    };
    let kind = format!("{package}.{}.{}", resource.version, resource.kind);
    fill(schema.root(), &kind, object);
    if !resource.is_namespaced
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("namespace");
    }
}

/// Fills in what a custom resource's schema gives as `default`, where the map around it is there.
///
/// A null where the schema allows none counts as absent.
/// Source: `k8s.io/apiextensions-apiserver` 0.34, `pkg/apiserver/schema/defaulting`.
pub fn apply_schema_defaults(schema: &Schema, object: &mut Value) {
    fill_custom(schema.root(), object);
}

fn fill_custom(at: &Type, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, field) in at.fields() {
                let is_absent = map.get(name).is_none_or(|it| it.is_null() && !field.is_nullable());
                if is_absent && let Some(default) = field.default_value() {
                    map.insert(name.to_owned(), default.clone());
                }
            }
            for (key, value) in map {
                if let Some(field) = at.at_key(key).filter(|_| key != "metadata") {
                    fill_custom(field, value);
                }
            }
        }
        Value::Array(items) => {
            let Some(element) = at.element() else { return };
            items.iter_mut().for_each(|it| fill_custom(element, it));
        }
        _ => {}
    }
}

/// Fills in a value of a built-in type, the outer before the inner; `kind` is `core.v1.Pod`, or empty.
fn fill(at: &Type, kind: &str, value: &mut Value) {
    match (at.shape(), value) {
        (Shape::Object, Value::Object(map)) => {
            fill_by_kind(kind, map);
            for (name, field) in at.fields() {
                match map.get_mut(name) {
                    Some(value) => fill(field, kind_of(field), value),
                    None => insert_by_schema(map, name, field),
                }
            }
        }
        (Shape::Map, Value::Object(map)) => {
            let Some(element) = at.element() else { return };
            map.values_mut().for_each(|it| fill(element, kind_of(element), it));
        }
        (Shape::List, Value::Array(items)) => {
            let Some(element) = at.element() else { return };
            items.iter_mut().for_each(|it| fill(element, kind_of(element), it));
        }
        (_, scalar) => normalize(at, scalar),
    }
}

/// The end of a definition's name, the package first: `core.v1.Container`.
fn kind_of(at: &Type) -> &'static str {
    let name = at.definition().unwrap_or_default();
    name.rmatch_indices('.').nth(2).map_or("", |(dot, _)| &name[dot + 1..])
}

/// The schema's `default`; one that is nothing (`""`, `0`, `false`) is there for fields that Go always writes.
fn insert_by_schema(map: &mut Object, name: &str, field: &Type) {
    let Some(default) = field.default_value() else {
        if field.writes_null() {
            map.insert(name.to_owned(), Value::Null);
        }
        return;
    };
    // Times have `{}` too, and are left out.
    if default.is_object() && field.shape() != Shape::Object {
        return;
    }
    let mut value = default.clone();
    fill(field, kind_of(field), &mut value);
    map.insert(name.to_owned(), value);
}

fn fill_by_kind(kind: &str, map: &mut Object) {
    match kind.split('.').next().unwrap_or_default() {
        "core" => {
            pod::fill(kind, map);
            cluster::fill_core(kind, map);
        }
        "apps" | "batch" | "autoscaling" => workload::fill(kind, map),
        "admissionregistration" | "apiextensions" | "flowcontrol" => extension::fill(kind, map),
        "" => {}
        _ => cluster::fill_other(kind, map),
    }
}

/// Whether Go would take the value for unset.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(it) => !it,
        Value::Number(it) => it.as_i64() == Some(0),
        Value::String(it) => it.is_empty(),
        Value::Array(it) => it.is_empty(),
        Value::Object(_) => false,
    }
}

/// Sets a field that is absent (a pointer in Go).
fn set(map: &mut Object, key: &str, value: impl Into<Value>) {
    if map.get(key).is_none_or(Value::is_null) {
        map.insert(key.to_owned(), value.into());
    }
}

/// Sets a field that is absent or nothing (a plain value in Go).
fn set_zero(map: &mut Object, key: &str, value: impl Into<Value>) {
    if map.get(key).is_none_or(is_zero) {
        map.insert(key.to_owned(), value.into());
    }
}

/// The map at a key, made when it is absent.
fn child<'a>(map: &'a mut Object, key: &str) -> &'a mut Object {
    crate::meta::object_mut(map.entry(key).or_insert(Value::Null))
}

/// The maps in the list at a key.
fn items<'a>(map: &'a mut Object, key: &str) -> impl Iterator<Item = &'a mut Object> {
    let list = map.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn text<'a>(map: &'a Object, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
