//! The documents about the server itself: version, health, discovery, OpenAPI, keys.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use kobject::{
    Resource,
    catalog::{self, discovery},
    openapi,
};
use serde_json::{Value, json};

use crate::{
    accept,
    api::Api,
    body::{Body, bytes_response, json_response, text_response},
    call::Call,
    error::ApiError,
    token::ISSUER,
};

/// The Kubernetes version that this server behaves as.
const VERSION: &str = "v1.34.4";

/// When an immutable document expires.
const FAR_FUTURE: &str = "Thu, 31 Dec 2099 23:59:59 GMT";

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub(crate) fn root() -> Response<Body> {
    let paths = ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"];
    json_response(StatusCode::OK, &json!({ "paths": paths }))
}

pub(crate) fn version() -> Response<Body> {
    let version = json!({
        "major": "1",
        "minor": "34",
        "emulationMajor": "1",
        "emulationMinor": "34",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "33",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "linux/amd64",
    });
    json_response(StatusCode::OK, &version)
}

/// The store was opened before the first request could come: whoever answers is ready.
pub(crate) fn health() -> Response<Body> {
    text_response(StatusCode::OK, "ok")
}

pub(crate) fn core_versions(api: &Api, call: &Call) -> Result<Response<Body>, ApiError> {
    if accept::is_aggregated_discovery(&call.headers) {
        return Ok(aggregated(&discovery::aggregated_core(&all())));
    }
    plain(call, &discovery::api_versions(&api.config.advertise.to_string()))
}

pub(crate) fn groups(call: &Call) -> Result<Response<Body>, ApiError> {
    if accept::is_aggregated_discovery(&call.headers) {
        return Ok(aggregated(&discovery::aggregated_groups(&all())));
    }
    plain(call, &discovery::api_group_list(&all()))
}

pub(crate) fn group(call: &Call, group: &str) -> Result<Response<Body>, ApiError> {
    let document = discovery::api_group(&all(), group).ok_or(ApiError::NoSuchPath)?;
    plain(call, &document)
}

pub(crate) fn resources(
    call: &Call,
    group: &str,
    version: &str,
) -> Result<Response<Body>, ApiError> {
    let document =
        discovery::api_resource_list(&all(), group, version).ok_or(ApiError::NoSuchPath)?;
    plain(call, &document)
}

pub(crate) fn openapi_index(call: &Call) -> Result<Response<Body>, ApiError> {
    plain(call, &openapi::index())
}

pub(crate) fn openapi_document(
    api: &Api,
    call: &Call,
    group: &str,
    version: &str,
) -> Result<Response<Body>, ApiError> {
    accept::require_json(&call.headers)?;
    let bytes = api.documents.openapi(group, version).ok_or(ApiError::NoSuchPath)?;
    let mut response = bytes_response(StatusCode::OK, "application/json", bytes);
    // The index names each document with its hash, so clients may keep what they have.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", call.query.text("hash")))
        && tag != "\"\""
    {
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
        headers.insert(header::EXPIRES, HeaderValue::from_static(FAR_FUTURE));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    }
    Ok(response)
}

pub(crate) fn openid_configuration(call: &Call) -> Result<Response<Body>, ApiError> {
    plain(
        call,
        &json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{ISSUER}/openid/v1/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }),
    )
}

pub(crate) fn openid_keys(api: &Api) -> Response<Body> {
    json_response(StatusCode::OK, &api.config.token_key.key_set())
}

/// The OpenAPI documents that somebody has asked for; making one takes longer than many requests.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// By group and version; at most as many as there are versions.
    openapi: Mutex<BTreeMap<(String, String), Bytes>>,
}

impl Documents {
    fn openapi(&self, group: &str, version: &str) -> Option<Bytes> {
        let mut made = self.openapi.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (group.to_owned(), version.to_owned());
        if let Some(bytes) = made.get(&key) {
            return Some(bytes.clone());
        }
        let document = openapi::document(group, version)?;
        let bytes = serde_json::to_vec(&document).expect("a JSON value always serialises");
        let bytes = Bytes::from(bytes.into_boxed_slice());
        made.insert(key, bytes.clone());
        Some(bytes)
    }
}

fn all() -> Vec<&'static Resource> {
    catalog::all().iter().collect()
}

fn plain(call: &Call, document: &Value) -> Result<Response<Body>, ApiError> {
    accept::require_json(&call.headers)?;
    Ok(json_response(StatusCode::OK, document))
}

fn aggregated(document: &Value) -> Response<Body> {
    let bytes = serde_json::to_vec(document).expect("a JSON value always serialises");
    bytes_response(StatusCode::OK, AGGREGATED, bytes.into())
}
