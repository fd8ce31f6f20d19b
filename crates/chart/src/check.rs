//! Objects against the schemas of Kubernetes 1.34 and of the chart's own CRDs, without a cluster.

use std::collections::BTreeMap;

use goyaml::Value;
use kobject::{
    Schema, catalog, default,
    schema::{self, TypeError},
    validate,
};
use serde_json::Value as Json;

use crate::{fields, render::Rendered, similar::nearest};

/// The version whose schemas these are.
pub const KUBERNETES: &str = "1.34";

/// What the API server would refuse of an object, or could not know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectProblem {
    /// The template's path in the output: `faro/templates/service.yaml`.
    pub source: String,
    /// `Service/faro`
    pub object: String,
    /// The field, where it is known: `spec.ports[0].port`.
    pub field: String,
    /// The field's line in the document, from 1; the document's first line when it is not known.
    pub line: usize,
    /// What is wrong: `unknown field`.
    pub text: String,
    /// What was meant, perhaps.
    pub hint: Option<String>,
    /// Whether the object may still be right: nothing is known of its kind.
    pub is_unknown_kind: bool,
}

/// Checks every object of a rendering, hooks and CRDs included.
pub fn check_objects(rendered: &Rendered) -> Vec<ObjectProblem> {
    let crds = rendered.crds.iter().map(|it| (&it.source, &it.content));
    let manifests = rendered.manifests.iter().map(|it| (&it.source, &it.content));
    let hooks = rendered.hooks.iter().map(|it| (&it.path, &it.manifest));
    let mut documents = Vec::new();
    for (source, content) in crds.chain(manifests).chain(hooks) {
        // What is no YAML has been refused before; files of `crds/` are refused here.
        let parts = crate::manifest::split_documents(content);
        documents
            .extend(parts.into_iter().map(|text| (source, text, goyaml::read(text.as_bytes()))));
    }
    let values = documents.iter().filter_map(|(_, _, value)| value.as_ref().ok());
    let custom = custom_schemas(values);
    let mut problems = Vec::new();
    for (source, text, value) in &documents {
        let found = match value {
            Ok(Value::Null) => Vec::new(),
            Ok(value) => Checker { text, custom: &custom }.document(value),
            Err(error) => vec![Found::whole(error.to_string())],
        };
        let object = value.as_ref().map(object_name).unwrap_or_default();
        problems.extend(found.into_iter().map(|it| ObjectProblem {
            source: (*source).clone(),
            object: object.clone(),
            field: it.field,
            line: it.line,
            text: it.text,
            hint: it.hint,
            is_unknown_kind: it.is_unknown_kind,
        }));
    }
    problems
}

/// The schemas of the CRDs among some objects, by `apiVersion` and kind.
type Custom = BTreeMap<(String, String), Schema>;

fn custom_schemas<'v>(objects: impl Iterator<Item = &'v Value>) -> Custom {
    let mut schemas = Custom::new();
    for object in objects.filter(|it| text(it, "kind") == "CustomResourceDefinition") {
        let object = to_json(object);
        let spec = &object["spec"];
        let (Some(group), Some(kind)) = (spec["group"].as_str(), spec["names"]["kind"].as_str())
        else {
            continue;
        };
        for version in spec["versions"].as_array().into_iter().flatten() {
            let Some(name) = version["name"].as_str() else { continue };
            let schema = Schema::from_openapi(group, kind, &version["schema"]["openAPIV3Schema"]);
            schemas.insert((format!("{group}/{name}"), kind.to_owned()), schema);
        }
    }
    schemas
}

/// A problem, before it is known whose it is.
#[derive(Debug, Default)]
struct Found {
    field: String,
    line: usize,
    text: String,
    hint: Option<String>,
    is_unknown_kind: bool,
}

impl Found {
    fn whole(text: String) -> Self {
        Self { line: 1, text, ..Self::default() }
    }
}

struct Checker<'c> {
    text: &'c str,
    custom: &'c Custom,
}

impl Checker<'_> {
    fn document(&self, value: &Value) -> Vec<Found> {
        let (Value::Map(_), api_version, kind) =
            (value, text(value, "apiVersion"), text(value, "kind"))
        else {
            return vec![Found::whole("is no object".to_owned())];
        };
        if kind == "List" && api_version == "v1" {
            let Some(Value::List(items)) = value.get("items") else { return Vec::new() };
            return items.iter().flat_map(|it| self.document(it)).collect();
        }
        let missing = [("apiVersion", api_version), ("kind", kind)];
        let missing = missing.iter().filter(|(_, value)| value.is_empty());
        let missing: Vec<Found> =
            missing.map(|(field, _)| Found::whole(format!("has no {field}"))).collect();
        if !missing.is_empty() {
            return missing;
        }
        let mut object = to_json(value);
        if let Some(schema) = self.custom.get(&(api_version.to_owned(), kind.to_owned())) {
            return self.fit(schema, &object);
        }
        let Some(resource) = catalog::by_kind(api_version, kind) else {
            return vec![unknown_kind(api_version, kind)];
        };
        let found = self.fit(&schema::of(resource), &object);
        if !found.is_empty() {
            return found;
        }
        if resource.is_namespaced && object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = Json::from("default");
        }
        default::apply_defaults(resource, &mut object);
        let errors = validate::validate(resource, &object, None).into_iter();
        errors
            .map(|error| {
                let text = error.to_string();
                let said = text.strip_prefix(&format!("{}: ", error.field)).unwrap_or(&text);
                self.at(&error.field, said.to_owned(), None)
            })
            .collect()
    }

    /// Unknown fields and wrong types.
    fn fit(&self, schema: &Schema, object: &Json) -> Vec<Found> {
        let mut found = Vec::new();
        for said in schema::unknown_fields(schema, object) {
            let path = said.trim_start_matches("unknown field ").trim_matches('"');
            let names = siblings(schema, path);
            let last = path.rsplit('.').next().unwrap_or(path);
            let hint = nearest(last, names.iter().map(String::as_str));
            let hint = hint.map(|it| format!("did you mean `{it}`?"));
            found.push(self.at(path, "unknown field".to_owned(), hint));
        }
        for error in schema::type_errors(schema, object) {
            found.push(match &error {
                TypeError::Mismatch { found, place, expected } => {
                    let path = place.split_once('.').map_or("", |(_, path)| path);
                    self.at(path, format!("is of type {found}, but {expected} is wanted"), None)
                }
                error => self.at("", error.to_string(), None),
            });
        }
        found
    }

    fn at(&self, field: &str, text: String, hint: Option<String>) -> Found {
        let places = fields::places(self.text);
        // Nobody says the positions in lists of fields that have the wrong type.
        let without_items = |path: &str| {
            let parts = path.split('[').map(|it| it.split_once(']').map_or(it, |(_, rest)| rest));
            parts.collect::<String>()
        };
        let place = places.get(field).or_else(|| {
            places.iter().find(|(path, _)| without_items(path) == field).map(|it| it.1)
        });
        let line = place.map_or(1, |it| it.line + 1);
        Found { field: field.to_owned(), line, text, hint, is_unknown_kind: false }
    }
}

/// The fields that there are where a field is not.
fn siblings(schema: &Schema, path: &str) -> Vec<String> {
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    let mut at = Some(schema.root().clone());
    for part in parent.split('.').filter(|it| !it.is_empty()) {
        let (name, items) = part
            .split_once('[')
            .map_or((part, 0), |(name, rest)| (name, rest.matches(']').count()));
        at = at.and_then(|it| it.at_key(name).cloned());
        for _ in 0..items {
            at = at.and_then(|it| it.element().cloned());
        }
    }
    at.map(|it| it.fields().map(|(name, _)| name.to_owned()).collect()).unwrap_or_default()
}

fn unknown_kind(api_version: &str, kind: &str) -> Found {
    let (group, _) = catalog::split_api_version(api_version);
    let all = catalog::all();
    let same_kind = all.iter().filter(|it| &*it.kind == kind);
    let versions: Vec<String> = same_kind.map(|it| it.api_version()).collect();
    let is_custom = group.contains('.') && !all.iter().any(|it| &*it.group == group);
    if is_custom {
        let text =
            format!("{api_version} {kind} is a custom resource without a CRD here: not checked");
        return Found { is_unknown_kind: true, ..Found::whole(text) };
    }
    let hint = if versions.is_empty() {
        let kinds = all.iter().filter(|it| it.api_version() == api_version).map(|it| &*it.kind);
        nearest(kind, kinds)
            .or_else(|| nearest(kind, all.iter().map(|it| &*it.kind)))
            .map(|it| format!("did you mean `{it}`?"))
    } else {
        Some(format!("it is in {}", versions.join(", ")))
    };
    let text = format!("there is no {kind} in {api_version} of Kubernetes {KUBERNETES}");
    Found { hint, ..Found::whole(text) }
}

/// `Deployment/faro`
pub(crate) fn object_name(object: &Value) -> String {
    let name = object.get("metadata").map(|it| text(it, "name")).unwrap_or_default();
    format!("{}/{name}", text(object, "kind"))
}

pub(crate) fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A YAML value as JSON.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Float(number) => {
            serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number)
        }
        Value::String(text) => Json::from(&**text),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            let entry = |(key, value): &(Box<str>, Value)| (key.to_string(), to_json(value));
            Json::Object(entries.iter().map(entry).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{manifest::Manifest, render::Crd};

    fn check(documents: &[&str]) -> Vec<String> {
        let manifest = |text: &&str| Manifest {
            source: "c/templates/a.yaml".to_owned(),
            content: (*text).to_owned(),
            api_version: String::new(),
            kind: String::new(),
            name: String::new(),
            namespace: None,
        };
        let manifests = documents.iter().map(manifest).collect();
        let content = "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata: {name: widgets.a.b}\nspec:\n  group: a.b\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}\n";
        let crds = vec![Crd { source: "c/crds/w.yaml".to_owned(), content: content.to_owned() }];
        let rendered = Rendered { manifests, crds, ..Rendered::default() };
        let problems = check_objects(&rendered).into_iter();
        let text = |it: ObjectProblem| {
            let hint = it.hint.map(|it| format!(" ({it})")).unwrap_or_default();
            format!("{} {}:{} {}{hint}", it.object, it.line, it.field, it.text)
        };
        problems.map(text).collect()
    }

    #[test]
    fn what_the_server_would_refuse_is_found_with_its_line() {
        let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replica: 1\n  replicas: two\n";
        assert_eq!(
            check(&[deployment]),
            [
                "Deployment/d 5:spec.replica unknown field (did you mean `replicas`?)",
                "Deployment/d 6:spec.replicas is of type string, but int32 is wanted"
            ]
        );
        let service =
            "apiVersion: v1\nkind: Service\nmetadata: {name: S}\nspec: {ports: [{port: 0}]}\n";
        let found = check(&[service]);
        assert!(
            found.iter().any(|it| it.starts_with("Service/S 3:metadata.name Invalid value")),
            "{found:?}"
        );
        assert!(
            found.iter().any(|it| it.contains("spec.ports[0].port Invalid value: 0")),
            "{found:?}"
        );
    }

    #[test]
    fn unknown_kinds_are_told_apart_from_custom_ones() {
        let object = |api_version: &str, kind: &str| {
            format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n")
        };
        let one = |api_version: &str, kind: &str| check(&[&object(api_version, kind)]).join("; ");
        assert_eq!(
            one("extensions/v1beta1", "Ingress"),
            "Ingress/x 1: there is no Ingress in extensions/v1beta1 of Kubernetes 1.34 (it is in networking.k8s.io/v1)"
        );
        assert!(one("apps/v1", "Deploymnet").ends_with("(did you mean `Deployment`?)"));
        assert!(
            one("x.y/v1", "Thing")
                .ends_with("is a custom resource without a CRD here: not checked")
        );
        assert_eq!(one("a.b/v1", "Widget"), "");
    }

    #[test]
    fn custom_resources_are_held_against_the_charts_own_crds() {
        let widget =
            "apiVersion: a.b/v1\nkind: Widget\nmetadata: {name: x}\nspec: {size: big, sise: 1}\n";
        let found = check(&[widget]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("spec.sise unknown field (did you mean `size`?)"), "{found:?}");
    }
}
