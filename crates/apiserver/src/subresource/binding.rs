//! `binding`: a scheduler gives a pod its node.

use http::{Response, StatusCode};
use kobject::{catalog, meta, schema};
use serde_json::{Value, json};

use crate::{
    api::Api,
    body::{Body, json_response},
    call::Call,
    decode::{self, Expected},
    error::ApiError,
    path::Target,
    status,
    strategy::Part,
    write::{Proposed, Writing},
};

pub(crate) async fn bind(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    if call.method != http::Method::POST {
        return Err(ApiError::MethodNotAllowed);
    }
    let (pod, node) = node(call)?;
    if !pod.is_empty() && pod != target.name {
        return Err(ApiError::bad_request("name in URL does not match name in Binding object"));
    }
    write(api, call, target, &node).await
}

/// The same at `/api/v1/namespaces/NAMESPACE/bindings`, where the body names the pod.
pub(crate) async fn bind_named(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    let (pod, node) = node(call)?;
    let pods = catalog::by_plural("", "v1", "pods").expect("pods are built in");
    let target = Target { resource: pods, name: pod, ..target.clone() };
    write(api, call, &target, &node).await
}

/// The pod and the node that the body names.
fn node(call: &Call) -> Result<(String, String), ApiError> {
    let untyped = || kobject::Schema::untyped("", "Binding");
    let schema = schema::of_kind("v1", "Binding").unwrap_or_else(untyped);
    let expected = Expected { api_version: "v1", kind: "Binding", schema: &schema };
    let (binding, _) = decode::body(call, &expected)?;
    match binding["target"]["name"].as_str() {
        Some(node) if !node.is_empty() => Ok((meta::name(&binding).to_owned(), node.to_owned())),
        _ => Err(ApiError::bad_request("the binding names no node in target.name")),
    }
}

async fn write(
    api: &Api,
    call: &Call,
    target: &Target,
    node: &str,
) -> Result<Response<Body>, ApiError> {
    let writing = Writing::new(api, call, target, Part::Binding)?;
    let assign = |live: &Value| assign(target, live, node, &meta::time(call.now));
    writing.update(&target.name, &assign).await?;
    Ok(json_response(StatusCode::CREATED, &status::created()))
}

/// Source: kubernetes 1.34, `pkg/registry/core/pod/storage/storage.go`, `setPodNodeAndMetadata`.
fn assign(target: &Target, live: &Value, node: &str, now: &str) -> Result<Proposed, ApiError> {
    let conflict = |why: String| ApiError::Conflict {
        resource: target.resource.into(),
        name: target.name.clone(),
        why,
    };
    if meta::deletion_timestamp(live).is_some() {
        return Err(conflict(format!(
            "pod {} is being deleted, cannot be assigned to a host",
            target.name
        )));
    }
    if let Some(current) = live["spec"]["nodeName"].as_str().filter(|it| !it.is_empty()) {
        return Err(conflict(format!(
            "pod {} is already assigned to node {current:?}",
            target.name
        )));
    }
    let mut pod = live.clone();
    pod["spec"]["nodeName"] = node.into();
    let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let mut conditions: Vec<Value> =
        conditions.into_iter().filter(|it| it["type"] != "PodScheduled").collect();
    conditions.push(json!({
        "type": "PodScheduled", "status": "True",
        "lastProbeTime": null, "lastTransitionTime": now,
    }));
    pod["status"]["conditions"] = conditions.into();
    Ok(Proposed::Updated(pod))
}
