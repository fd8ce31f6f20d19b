//! OpenAPI v3: the index, and a document for each group version, as kubectl 1.34 reads them.
//!
//! kubectl asks for the kind of a path, for the `fieldValidation` and `dryRun` parameters of its PATCH, and
//! for the schemas with their patch extensions. Descriptions, operation ids and the deprecated watch paths
//! are left out, so that the documents stay small for the clients that read them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    Resource, Subresource, catalog,
    data::{self, data},
    schema::definition_name,
};

mod path;

const REF: &str = "#/components/schemas/";
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// A kind that is not built in: its resource, and the `openAPIV3Schema` of the version.
#[derive(Debug, Clone, Copy)]
pub struct CustomKind<'a> {
    /// How it is served.
    pub resource: &'a Resource,
    /// What its definition says of the objects; null says nothing.
    pub schema: &'a Value,
}

/// The index of `/openapi/v3` for the built-in group versions.
///
/// Keys of `paths` are `api/v1` and `apis/GROUP/VERSION`. The hash in a URL changes with the data only, so
/// clients keep what they have.
pub fn index() -> Value {
    let mut paths = Map::new();
    for (group_version, _) in &data().group_versions {
        let path = document_path(group_version);
        let url = format!("/openapi/v3/{path}?hash={:016X}", data::hash());
        paths.insert(path, json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

/// Where the index lists the document of a group version: `apis/apps/v1`.
pub fn document_path(api_version: &str) -> String {
    let prefix = if api_version.contains('/') { "apis" } else { "api" };
    format!("{prefix}/{api_version}")
}

/// The document of a built-in group version; the core group is the empty string.
pub fn document(group: &str, version: &str) -> Option<Value> {
    let resources: Vec<&Resource> =
        catalog::all().iter().filter(|it| it.group == group && it.version == version).collect();
    if resources.is_empty() {
        return None;
    }
    let mut schemas = BTreeMap::new();
    let mut paths = Map::new();
    for resource in resources {
        let names = Names::of(resource)?;
        collect(&names.kind, &mut schemas);
        collect(&names.list, &mut schemas);
        for subresource in &resource.subresources {
            collect(&subresource_name(subresource), &mut schemas);
        }
        path::extend(&mut paths, resource, &names);
    }
    Some(whole(paths, schemas))
}

/// The document of one custom group version.
pub fn custom_document(kinds: &[CustomKind<'_>]) -> Value {
    let mut schemas = BTreeMap::new();
    let mut paths = Map::new();
    for kind in kinds {
        let names = Names::of_custom(kind.resource);
        collect(&format!("{META}.ObjectMeta"), &mut schemas);
        collect(&format!("{META}.ListMeta"), &mut schemas);
        schemas.insert(names.kind.clone(), custom_schema(kind));
        schemas.insert(names.list.clone(), custom_list_schema(kind.resource, &names));
        for subresource in &kind.resource.subresources {
            collect(&subresource_name(subresource), &mut schemas);
        }
        path::extend(&mut paths, kind.resource, &names);
    }
    whole(paths, schemas)
}

/// The definitions of a resource's objects and lists.
struct Names {
    kind: String,
    list: String,
}

impl Names {
    fn of(resource: &Resource) -> Option<Self> {
        let kind = definition_name(&resource.group, &resource.version, &resource.kind)?;
        // Kinds that only answer a question have no list.
        let list = definition_name(&resource.group, &resource.version, &resource.list_kind);
        Some(Self { list: list.unwrap_or_else(|| kind.clone()), kind })
    }

    fn of_custom(resource: &Resource) -> Self {
        let mut package: Vec<&str> = resource.group.split('.').rev().collect();
        package.push(&resource.version);
        let package = package.join(".");
        Self {
            kind: format!("{package}.{}", resource.kind),
            list: format!("{package}.{}", resource.list_kind),
        }
    }
}

fn subresource_name(subresource: &Subresource) -> String {
    definition_name(&subresource.group, &subresource.version, &subresource.kind).unwrap_or_default()
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{REF}{name}") })
}

fn whole(paths: Map<String, Value>, mut schemas: BTreeMap<String, Value>) -> Value {
    for common in ["DeleteOptions", "Patch", "Status", "APIResourceList"] {
        collect(&format!("{META}.{common}"), &mut schemas);
    }
    let mut document = json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.34.4" },
    });
    document["paths"] = paths.into();
    document["components"]["schemas"] = Value::Object(schemas.into_iter().collect());
    document
}

/// Adds a built-in definition and everything that it refers to.
fn collect(name: &str, schemas: &mut BTreeMap<String, Value>) {
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let Some(index) = data::definition_index(&name) else { continue };
        if schemas.contains_key(&name) {
            continue;
        }
        let schema =
            serde_json::from_str(data().definitions[index].json).expect("the data is JSON");
        collect_references(&schema, &mut open);
        schemas.insert(name, schema);
    }
}

fn collect_references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str);
            found.extend(name.and_then(|it| it.strip_prefix(REF)).map(str::to_owned));
            map.values().for_each(|it| collect_references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| collect_references(it, found)),
        _ => {}
    }
}

fn group_version_kind(group: &str, version: &str, kind: &str) -> Value {
    json!({ "group": group, "version": version, "kind": kind })
}

fn custom_schema(kind: &CustomKind<'_>) -> Value {
    let resource = kind.resource;
    let mut schema = match kind.schema {
        Value::Object(_) => kind.schema.clone(),
        _ => json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
    };
    let properties = &mut schema["properties"];
    for field in ["apiVersion", "kind"] {
        properties[field] = json!({ "type": "string" });
    }
    properties["metadata"] = json!({ "allOf": [reference(&format!("{META}.ObjectMeta"))] });
    schema["x-kubernetes-group-version-kind"] =
        json!([group_version_kind(&resource.group, &resource.version, &resource.kind)]);
    schema
}

fn custom_list_schema(resource: &Resource, names: &Names) -> Value {
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
            "metadata": { "allOf": [reference(&format!("{META}.ListMeta"))] },
            "items": { "type": "array", "items": reference(&names.kind) },
        },
        "x-kubernetes-group-version-kind":
            [group_version_kind(&resource.group, &resource.version, &resource.list_kind)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::by_kind;

    #[test]
    fn index_names_every_group_version() {
        let index = index();
        assert!(
            index["paths"]["api/v1"]["serverRelativeURL"]
                .as_str()
                .unwrap()
                .starts_with("/openapi/v3/api/v1?hash=")
        );
        assert!(index["paths"]["apis/apps/v1"].is_object());
        assert_eq!(index["paths"].as_object().unwrap().len(), data().group_versions.len());
    }

    /// Every reference of a document leads somewhere.
    fn check_closed(document: &Value) {
        let mut references = Vec::new();
        collect_references(document, &mut references);
        for name in references {
            assert!(document["components"]["schemas"][&name].is_object(), "{name}");
        }
    }

    #[test]
    fn every_document_is_closed() {
        for (group_version, _) in &data().group_versions {
            let (group, version) = catalog::split_api_version(group_version);
            check_closed(&document(group, version).unwrap());
        }
        assert!(document("nothing.example.com", "v1").is_none());
    }

    #[test]
    fn patch_declares_what_kubectl_asks_for() {
        let document = document("apps", "v1").unwrap();
        let patch =
            &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert_eq!(
            patch["x-kubernetes-group-version-kind"],
            json!({"group": "apps", "version": "v1", "kind": "Deployment"})
        );
        let names: Vec<&str> = patch["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
        let kinds = &document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"];
        assert_eq!(kinds, &json!([{"group": "apps", "version": "v1", "kind": "Deployment"}]));
    }

    #[test]
    fn custom_kinds_are_described() {
        let resource = Resource {
            group: "cars.example.com".into(),
            kind: "Car".into(),
            list_kind: "CarList".into(),
            plural: "cars".into(),
            ..by_kind("apps/v1", "Deployment").unwrap().clone()
        };
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object"}}});
        let document = custom_document(&[CustomKind { resource: &resource, schema: &schema }]);
        check_closed(&document);
        assert!(
            document["components"]["schemas"]["com.example.cars.v1.Car"]["properties"]["spec"]
                .is_object()
        );
        assert!(document["paths"]["/apis/cars.example.com/v1/cars"]["get"].is_object());
    }
}
