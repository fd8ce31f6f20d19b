//! The paths of a resource with their operations.

use serde_json::{Map, Value, json};

use super::{META, Names, group_version_kind, reference, subresource_name};
use crate::{Resource, Subresource};

/// An operation: verb of HTTP, verb of the API, action in the extension.
type Verb = (&'static str, &'static str, &'static str);

const OF_LIST: [Verb; 3] = [
    ("get", "list", "list"),
    ("post", "create", "post"),
    ("delete", "deletecollection", "deletecollection"),
];
const OF_OBJECT: [Verb; 4] = [
    ("get", "get", "get"),
    ("put", "update", "put"),
    ("patch", "patch", "patch"),
    ("delete", "delete", "delete"),
];
const OF_SUBRESOURCE: [Verb; 5] = [
    ("get", "get", "get"),
    ("put", "update", "put"),
    ("patch", "patch", "patch"),
    ("post", "create", "post"),
    ("delete", "delete", "delete"),
];

/// Adds every path of a resource.
pub(super) fn extend(paths: &mut Map<String, Value>, resource: &Resource, names: &Names) {
    let prefix = format!("/{}", super::document_path(&resource.api_version()));
    let (namespace, plural) = (&resource.namespace_segment(), &resource.plural);
    let list = format!("{prefix}{namespace}/{plural}");
    let object = format!("{list}/{{name}}");
    insert(paths, &list, &OF_LIST, resource, names);
    insert(paths, &object, &OF_OBJECT, resource, names);
    if resource.is_namespaced && resource.has_verb("list") {
        insert(paths, &format!("{prefix}/{plural}"), &OF_LIST[..1], resource, names);
    }
    for subresource in &resource.subresources {
        let mut operations = parameters(&object);
        for (method, _, action) in OF_SUBRESOURCE.iter().filter(|it| subresource.has(it.1)) {
            let operation = subresource_operation(method, action, subresource);
            operations.insert((*method).to_owned(), operation);
        }
        paths.insert(format!("{object}/{}", subresource.name), operations.into());
    }
}

impl Resource {
    fn namespace_segment(&self) -> &'static str {
        if self.is_namespaced { "/namespaces/{namespace}" } else { "" }
    }
}

impl Subresource {
    fn has(&self, verb: &str) -> bool {
        self.verbs.iter().any(|it| it == verb)
    }
}

fn insert(
    paths: &mut Map<String, Value>,
    path: &str,
    verbs: &[Verb],
    resource: &Resource,
    names: &Names,
) {
    let mut operations = parameters(path);
    let kind = group_version_kind(&resource.group, &resource.version, &resource.kind);
    for (method, _, action) in verbs.iter().filter(|it| resource.has_verb(it.1)) {
        let answer = match *action {
            "list" => &names.list,
            "delete" | "deletecollection" => &format!("{META}.Status"),
            _ => &names.kind,
        };
        let operation = operation(method, action, &kind, (&names.kind, answer));
        operations.insert((*method).to_owned(), operation);
    }
    if operations.keys().any(|it| it != "parameters") {
        paths.insert(path.to_owned(), operations.into());
    }
}

fn subresource_operation(method: &str, action: &str, subresource: &Subresource) -> Value {
    let kind = group_version_kind(&subresource.group, &subresource.version, &subresource.kind);
    let name = subresource_name(subresource);
    if name.is_empty() {
        // Options of a connection (exec, log, proxy) are parameters, and the answer is a stream.
        return json!({
            "responses": { "200": { "description": "OK" } },
            "x-kubernetes-action": "connect",
            "x-kubernetes-group-version-kind": kind,
        });
    }
    operation(method, action, &kind, (&name, &name))
}

/// The parameters that are part of a path.
fn parameters(path: &str) -> Map<String, Value> {
    let in_path = |name: &str| {
        json!({ "name": name, "in": "path", "required": true,
            "schema": { "type": "string", "uniqueItems": true } })
    };
    let names = ["name", "namespace"].into_iter().filter(|it| path.contains(&format!("{{{it}}}")));
    let mut parameters: Vec<Value> = names.map(in_path).collect();
    parameters.push(query("pretty", "string"));
    Map::from_iter([("parameters".to_owned(), parameters.into())])
}

fn query(name: &str, kind: &str) -> Value {
    json!({ "name": name, "in": "query", "schema": { "type": kind, "uniqueItems": true } })
}

fn operation(method: &str, action: &str, kind: &Value, (body, answer): (&str, &str)) -> Value {
    let content = |name: &str| json!({ "application/json": { "schema": reference(name) } });
    let mut operation = json!({
        "parameters": query_parameters(action),
        "responses": { "200": { "description": "OK", "content": content(answer) } },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind,
    });
    let body = match method {
        "post" | "put" => json!({ "*/*": { "schema": reference(body) } }),
        "delete" => json!({ "*/*": { "schema": reference(&format!("{META}.DeleteOptions")) } }),
        "patch" => patch_content(),
        _ => return operation,
    };
    operation["requestBody"] = json!({ "content": body, "required": method != "delete" });
    operation
}

fn patch_content() -> Value {
    let patch = reference(&format!("{META}.Patch"));
    let kinds =
        ["apply-patch+yaml", "json-patch+json", "merge-patch+json", "strategic-merge-patch+json"];
    kinds.iter().map(|it| (format!("application/{it}"), json!({ "schema": patch }))).collect()
}

fn query_parameters(action: &str) -> Vec<Value> {
    let parameters: &[(&str, &str)] = match action {
        "list" => &[
            ("allowWatchBookmarks", "boolean"),
            ("continue", "string"),
            ("fieldSelector", "string"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
            ("watch", "boolean"),
        ],
        "post" | "put" => {
            &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")]
        }
        "patch" => &[
            ("dryRun", "string"),
            ("fieldManager", "string"),
            ("fieldValidation", "string"),
            ("force", "boolean"),
        ],
        "delete" => &[
            ("dryRun", "string"),
            ("gracePeriodSeconds", "integer"),
            ("propagationPolicy", "string"),
        ],
        "deletecollection" => &[
            ("dryRun", "string"),
            ("fieldSelector", "string"),
            ("gracePeriodSeconds", "integer"),
            ("labelSelector", "string"),
            ("propagationPolicy", "string"),
        ],
        _ => &[],
    };
    parameters.iter().map(|(name, kind)| query(name, kind)).collect()
}
