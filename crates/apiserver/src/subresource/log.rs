//! `log`: what a container wrote.

use futures_util::StreamExt as _;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use kobject::meta;
use serde_json::Value;

use super::{container, pod};
use crate::{
    api::Api,
    body::{Body, stream_response},
    call::Call,
    error::ApiError,
    node::LogRequest,
    path::Target,
};

pub(crate) async fn log(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    if call.method != http::Method::GET {
        return Err(ApiError::MethodNotAllowed);
    }
    let pod = pod(api, target)?;
    let container = container(&pod, call.query.text("container"))?;
    let previous = call.query.flag("previous");
    check_started(&pod, &container, previous)?;
    let request = LogRequest {
        namespace: target.namespace.clone(),
        pod: target.name.clone(),
        container,
        follow: call.query.flag("follow"),
        previous,
        tail_lines: call.query.number("tailLines")?,
        since: since(call)?,
        limit_bytes: call.query.number("limitBytes")?,
        timestamps: call.query.flag("timestamps"),
    };
    let log = api.node.logs(request).await.map_err(ApiError::Node)?;
    let shutdown = api.config.shutdown.clone();
    let log = log.take_until(async move { shutdown.cancelled().await });
    Ok(stream_response("text/plain", log))
}

fn since(call: &Call) -> Result<Option<Timestamp>, ApiError> {
    if let Some(seconds) = call.query.number("sinceSeconds")? {
        let ago = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        return Ok(Some(call.now.checked_sub(ago).unwrap_or(Timestamp::MIN)));
    }
    match call.query.text("sinceTime") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            ApiError::bad_request(format!("invalid sinceTime {text:?}: not an RFC 3339 time"))
        }),
    }
}

/// A container that never ran has no log; why it does not run is the answer.
///
/// Source: kubernetes 1.34, `pkg/kubelet/kubelet_pods.go`, `validateContainerLogStatus`.
fn check_started(pod: &Value, container: &str, previous: bool) -> Result<(), ApiError> {
    let name = meta::name(pod);
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        return Err(ApiError::bad_request(format!("pod {name} does not have a host assigned")));
    }
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let mut statuses = lists.iter().filter_map(|it| pod["status"][*it].as_array()).flatten();
    let status = statuses.find(|it| it["name"] == container).unwrap_or(&Value::Null);
    let has_run = !status["lastState"]["terminated"].is_null();
    if previous && !has_run {
        return Err(ApiError::bad_request(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        )));
    }
    let is_known =
        !status["state"]["running"].is_null() || !status["state"]["terminated"].is_null();
    if is_known || has_run {
        return Ok(());
    }
    let why = match status["state"]["waiting"]["reason"].as_str() {
        Some("ErrImagePull" | "ImagePullBackOff") => "trying and failing to pull image",
        Some(reason) => reason,
        None => "ContainerCreating",
    };
    Err(ApiError::bad_request(format!(
        "container {container:?} in pod {name:?} is waiting to start: {why}"
    )))
}
