//! The requests that actions become; building them sends none.

use http::{Method, Request};
use reconcile::{Key, Kind, Part, Propagation, Target};
use serde_json::{Value, json};

/// Who the fields that controllers write belong to.
const FIELD_MANAGER: &str = "kube-controller-manager";

pub(crate) type Bytes = Request<Vec<u8>>;

fn base(kind: Kind) -> String {
    match kind.group {
        "" => format!("/api/{}", kind.version),
        group => format!("/apis/{group}/{}", kind.version),
    }
}

fn collection(kind: Kind, namespace: &str) -> String {
    match namespace {
        "" => format!("{}/{}", base(kind), kind.plural),
        namespace => format!("{}/namespaces/{namespace}/{}", base(kind), kind.plural),
    }
}

fn single(key: &Key) -> String {
    format!("{}/{}", collection(key.kind, &key.namespace), key.name)
}

fn request(method: Method, path: String, content_type: &str, body: &Value) -> Bytes {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, content_type)
        .body(body)
        .expect("kinds and the names that the server gave make a path")
}

fn read(path: String) -> Bytes {
    request(Method::GET, path, JSON, &Value::Null)
}

const JSON: &str = "application/json";

pub(crate) fn list(kind: Kind) -> Bytes {
    read(collection(kind, ""))
}

pub(crate) fn watch(kind: Kind, resource_version: &str) -> Bytes {
    let path = collection(kind, "");
    read(format!("{path}?watch=true&allowWatchBookmarks=true&resourceVersion={resource_version}"))
}

pub(crate) fn get(target: &Target) -> Bytes {
    read(single(&target.key))
}

pub(crate) fn create(kind: Kind, object: &Value) -> Bytes {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let path = format!("{}?fieldManager={FIELD_MANAGER}", collection(kind, namespace));
    request(Method::POST, path, JSON, object)
}

/// A merge patch that the server refuses when the object is another, or another version where one is named.
pub(crate) fn patch(target: &Target, part: Part, mut patch: Value) -> Bytes {
    let path = match part {
        Part::Whole => single(&target.key),
        Part::Status => format!("{}/status", single(&target.key)),
    };
    if let Some(version) = &target.resource_version {
        patch["metadata"]["resourceVersion"] = version.as_str().into();
    }
    patch["metadata"]["uid"] = target.uid.as_str().into();
    request(
        Method::PATCH,
        format!("{path}?fieldManager={FIELD_MANAGER}"),
        "application/merge-patch+json",
        &patch,
    )
}

fn policy(propagation: Propagation) -> &'static str {
    match propagation {
        Propagation::Background => "Background",
        Propagation::Foreground => "Foreground",
        Propagation::Orphan => "Orphan",
    }
}

pub(crate) fn delete(target: &Target, propagation: Option<Propagation>) -> Bytes {
    let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": target.uid } });
    if let Some(version) = &target.resource_version {
        options["preconditions"]["resourceVersion"] = version.as_str().into();
    }
    if let Some(propagation) = propagation {
        options["propagationPolicy"] = policy(propagation).into();
    }
    request(Method::DELETE, single(&target.key), JSON, &options)
}

pub(crate) fn delete_collection(kind: Kind, namespace: &str) -> Bytes {
    let options =
        json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
    request(Method::DELETE, collection(kind, namespace), JSON, &options)
}

pub(crate) fn finalize(target: &Target, finalizers: &[String]) -> Bytes {
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": target.key.name, "uid": target.uid, "resourceVersion": target.resource_version },
        "spec": { "finalizers": finalizers },
    });
    request(Method::PUT, format!("{}/finalize", single(&target.key)), JSON, &namespace)
}

pub(crate) fn bind(target: &Target, node: &str) -> Bytes {
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": { "name": target.key.name, "namespace": target.key.namespace, "uid": target.uid },
        "target": { "apiVersion": "v1", "kind": "Node", "name": node },
    });
    request(Method::POST, format!("{}/binding", single(&target.key)), JSON, &binding)
}

#[cfg(test)]
mod tests {
    use reconcile::kinds;

    use super::*;

    fn check(request: &Bytes, line: &str, body: &str) {
        assert_eq!(format!("{} {}", request.method(), request.uri()), line);
        assert_eq!(String::from_utf8_lossy(request.body()), body);
    }

    fn target(kind: Kind) -> Target {
        Target {
            key: Key::new(kind, "d", "web"),
            uid: "u".to_owned(),
            resource_version: Some("7".to_owned()),
        }
    }

    #[test]
    fn requests_go_where_the_api_has_them() {
        check(&list(kinds::POD), "GET /api/v1/pods", "");
        check(&list(kinds::DEPLOYMENT), "GET /apis/apps/v1/deployments", "");
        check(
            &patch(&target(kinds::DEPLOYMENT), Part::Status, json!({ "status": {} })),
            "PATCH /apis/apps/v1/namespaces/d/deployments/web/status?fieldManager=kube-controller-manager",
            r#"{"metadata":{"resourceVersion":"7","uid":"u"},"status":{}}"#,
        );
        check(
            &bind(&target(kinds::POD), "zarpa"),
            "POST /api/v1/namespaces/d/pods/web/binding",
            r#"{"apiVersion":"v1","kind":"Binding","metadata":{"name":"web","namespace":"d","uid":"u"},"target":{"apiVersion":"v1","kind":"Node","name":"zarpa"}}"#,
        );
        check(
            &delete(&target(kinds::POD), Some(Propagation::Background)),
            "DELETE /api/v1/namespaces/d/pods/web",
            r#"{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"7","uid":"u"},"propagationPolicy":"Background"}"#,
        );
    }
}
