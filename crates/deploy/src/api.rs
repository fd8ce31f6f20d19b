//! The few requests that a deploy makes of an API server, over values.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use http::{Method, Request, header};
use kube::{Client, core::WatchEvent};
use serde_json::{Value, json};
use thiserror::Error;

use release::fields::MANAGER;

/// What a request to the API server failed with.
#[derive(Debug, Error)]
pub enum ApiError {
    #[error("the API server refused to {verb} {path}: {message}")]
    Refused { verb: Verb, path: String, code: u16, reason: String, message: String },
    #[error("could not {verb} {path}")]
    Request { verb: Verb, path: String, source: Box<kube::Error> },
    #[error("the cluster does not know the kind {kind} of {api_version}")]
    UnknownKind { api_version: String, kind: String },
}

impl ApiError {
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::Refused { code: 409, reason, .. } if reason == "AlreadyExists")
    }

    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// Says that the version that a watch asked for is gone.
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Refused { code: 410, .. })
    }

    /// What to say of it in one line, without the request.
    pub fn summary(&self) -> String {
        match self {
            Self::Refused { message, .. } => message.clone(),
            Self::Request { .. } | Self::UnknownKind { .. } => self.to_string(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Apply,
    Update,
    Patch,
    Delete,
}

impl std::fmt::Display for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Apply => "apply",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        })
    }
}

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Json,
    Merge,
    Strategic,
}

/// Which objects of a collection are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Select {
    pub(crate) labels: Option<String>,
    pub(crate) fields: Option<String>,
}

impl Select {
    pub(crate) fn labels(selector: impl Into<String>) -> Self {
        Self { labels: Some(selector.into()), fields: None }
    }

    pub(crate) fn name(name: &str) -> Self {
        Self { labels: None, fields: Some(format!("metadata.name={name}")) }
    }

    fn query(&self) -> Vec<(&'static str, &str)> {
        let labels = self.labels.as_deref().map(|it| ("labelSelector", it));
        labels.into_iter().chain(self.fields.as_deref().map(|it| ("fieldSelector", it))).collect()
    }
}

/// A list's items, each with its kind, and the version to watch from.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) items: Vec<Value>,
    pub(crate) version: String,
}

/// What is asked of a list: whole objects or their metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Whole,
    Metadata,
}

pub(crate) async fn get(client: &Client, path: &str) -> Result<Value, ApiError> {
    send(client, Verb::Get, build(Method::GET, path, &[], None)).await
}

/// Gets an object, or nothing when it is not there.
pub(crate) async fn find(client: &Client, path: &str) -> Result<Option<Value>, ApiError> {
    match get(client, path).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) async fn list(
    client: &Client,
    path: &str,
    select: &Select,
    detail: Detail,
) -> Result<Listed, ApiError> {
    const METADATA: &str =
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json";
    let mut request = build(Method::GET, path, &select.query(), None);
    if detail == Detail::Metadata {
        request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static(METADATA));
    }
    let mut list = send(client, Verb::List, request).await?;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let api_version = list["apiVersion"].clone();
    let kind =
        list["kind"].as_str().and_then(|it| it.strip_suffix("List")).unwrap_or_default().to_owned();
    let Value::Array(mut items) = list["items"].take() else {
        return Ok(Listed { items: Vec::new(), version });
    };
    // Items of a list do not repeat their kind.
    for item in items.iter_mut().filter(|it| it["kind"].is_null()) {
        item["apiVersion"] = api_version.clone();
        item["kind"] = Value::from(kind.as_str());
    }
    Ok(Listed { items, version })
}

pub(crate) async fn create(client: &Client, path: &str, object: &Value) -> Result<Value, ApiError> {
    let query = [("fieldManager", MANAGER)];
    send(
        client,
        Verb::Create,
        build(Method::POST, path, &query, Some(("application/json", object))),
    )
    .await
}

/// Applies server-side as the manager `helm`; conflicts are refused unless forced.
pub(crate) async fn apply(
    client: &Client,
    path: &str,
    object: &Value,
    is_forced: bool,
) -> Result<Value, ApiError> {
    let force = if is_forced { "true" } else { "false" };
    let query = [("fieldManager", MANAGER), ("force", force), ("fieldValidation", "Strict")];
    let body = Some(("application/apply-patch+yaml", object));
    send(client, Verb::Apply, build(Method::PATCH, path, &query, body)).await
}

pub(crate) async fn update(client: &Client, path: &str, object: &Value) -> Result<Value, ApiError> {
    let query = [("fieldManager", MANAGER)];
    send(client, Verb::Update, build(Method::PUT, path, &query, Some(("application/json", object))))
        .await
}

pub(crate) async fn patch(
    client: &Client,
    path: &str,
    kind: PatchKind,
    manager: &str,
    patch: &Value,
) -> Result<Value, ApiError> {
    let content_type = match kind {
        PatchKind::Json => "application/json-patch+json",
        PatchKind::Merge => "application/merge-patch+json",
        PatchKind::Strategic => "application/strategic-merge-patch+json",
    };
    let query = [("fieldManager", manager)];
    send(client, Verb::Patch, build(Method::PATCH, path, &query, Some((content_type, patch)))).await
}

/// Deletes in the background; an object that is not there counts as deleted, and is told apart by `false`.
pub(crate) async fn delete(client: &Client, path: &str) -> Result<bool, ApiError> {
    let options =
        json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
    let request = build(Method::DELETE, path, &[], Some(("application/json", &options)));
    match send(client, Verb::Delete, request).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Watches a collection from a version on.
pub(crate) async fn watch(
    client: &Client,
    path: &str,
    select: &Select,
    version: &str,
) -> Result<impl Stream<Item = Result<WatchEvent<Value>, ApiError>> + use<>, ApiError> {
    let mut query = select.query();
    query.extend([("watch", "true"), ("resourceVersion", version), ("timeoutSeconds", "290")]);
    let request = build(Method::GET, path, &query, None);
    let path = path.to_owned();
    let events = client.request_events::<Value>(request).await;
    let events = events.map_err(|source| error(Verb::Watch, path.clone(), source))?;
    Ok(events.map(move |it: Result<_, kube::Error>| {
        it.map_err(|source| error(Verb::Watch, path.clone(), source))
    }))
}

/// A text, as logs are.
pub(crate) async fn text(
    client: &Client,
    path: &str,
    query: &[(&str, &str)],
) -> Result<String, ApiError> {
    let answer = client.request_text(build(Method::GET, path, query, None)).await;
    answer.map_err(|source| error(Verb::Get, path.to_owned(), source))
}

/// The lines of a text that goes on, as followed logs do.
pub(crate) async fn lines(
    client: &Client,
    path: &str,
    query: &[(&str, &str)],
) -> Result<impl Stream<Item = std::io::Result<String>> + use<>, ApiError> {
    use futures_util::AsyncBufReadExt as _;
    let reader = client.request_stream(build(Method::GET, path, query, None)).await;
    let reader = reader.map_err(|source| error(Verb::Get, path.to_owned(), source))?;
    Ok(Box::pin(reader).lines())
}

/// How long a connection that broke is left alone before the next try.
pub(crate) fn backoff(n_failures: u32) -> Duration {
    Duration::from_millis((50 << n_failures.min(6)).min(2_000))
}

async fn send(client: &Client, verb: Verb, request: Request<Vec<u8>>) -> Result<Value, ApiError> {
    let path = request.uri().path().to_owned();
    client.request(request).await.map_err(|source| error(verb, path, source))
}

fn error(verb: Verb, path: String, source: kube::Error) -> ApiError {
    match source {
        kube::Error::Api(status) => ApiError::Refused {
            verb,
            path,
            code: status.code,
            reason: status.reason.clone(),
            message: status.message.clone(),
        },
        source => ApiError::Request { verb, path, source: Box::new(source) },
    }
}

fn build(
    method: Method,
    path: &str,
    query: &[(&str, &str)],
    body: Option<(&str, &Value)>,
) -> Request<Vec<u8>> {
    let mut uri = path.to_owned();
    for (position, (key, value)) in query.iter().enumerate() {
        uri.push(if position == 0 { '?' } else { '&' });
        uri.push_str(key);
        uri.push('=');
        uri.push_str(&encode(value));
    }
    let request = Request::builder().method(method).uri(uri);
    match body {
        Some((content_type, body)) => {
            request.header(header::CONTENT_TYPE, content_type).body(body.to_string().into_bytes())
        }
        None => request.body(Vec::new()),
    }
    .expect("paths are made of names that the API server accepted, and queries are encoded")
}

/// Percent-encodes what may not stand in a path segment or a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                encoded.push(byte.into());
            }
            byte => encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    encoded
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).expect("four bits").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::{build, encode};

    #[test]
    fn requests_are_encoded() {
        let request = build(
            Method::GET,
            "/api/v1/pods",
            &[("labelSelector", "a=b,c in (d)"), ("x", "1")],
            None,
        );
        assert_eq!(request.uri(), "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29&x=1");
        let request =
            build(Method::POST, "/x", &[], Some(("application/json", &json!({ "a": 1 }))));
        assert_eq!(request.body(), b"{\"a\":1}");
        assert_eq!(encode("system:x/é"), "system:x%2F%C3%A9");
    }
}
