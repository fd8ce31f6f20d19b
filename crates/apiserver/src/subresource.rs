//! The parts of objects that have a path of their own, one a file.

mod binding;
mod eviction;
mod exec;
mod log;
mod portforward;
mod scale;
mod token;
mod websocket;

use http::{Method, Response};
use kobject::meta;
use serde_json::Value;

use crate::{
    api::Api,
    body::Body,
    call::Call,
    error::ApiError,
    path::Target,
    strategy::Part,
    verb::{find, get, patch_part, update_part},
};

pub(crate) use binding::bind_named;

pub(crate) async fn handle(
    api: &Api,
    call: Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    let resource = target.resource;
    let name = target.subresource.as_str();
    if resource.subresource(name).is_none() || target.name.is_empty() {
        return Err(ApiError::NoSuchPath);
    }
    match (resource.plural.as_str(), name) {
        (_, "status") => part(api, &call, target, Part::Status).await,
        (_, "scale") => scale::scale(api, &call, target).await,
        ("namespaces", "finalize") => part(api, &call, target, Part::Finalize).await,
        ("certificatesigningrequests", "approval") => part(api, &call, target, Part::Status).await,
        ("pods", "log") => log::log(api, &call, target).await,
        ("pods", "exec") => exec::exec(api, call, target).await,
        ("pods", "portforward") => portforward::portforward(api, call, target).await,
        ("pods", "binding") => binding::bind(api, &call, target).await,
        ("pods", "eviction") => eviction::evict(api, &call, target).await,
        ("serviceaccounts", "token") => token::request(api, &call, target),
        (plural, name) => Err(ApiError::Unsupported { what: format!("{plural}/{name} yet") }),
    }
}

async fn part(
    api: &Api,
    call: &Call,
    target: &Target,
    part: Part,
) -> Result<Response<Body>, ApiError> {
    match call.method {
        Method::GET => get(api, call, target),
        Method::PUT => update_part(api, call, target, part).await,
        Method::PATCH => patch_part(api, call, target, part).await,
        _ => Err(ApiError::MethodNotAllowed),
    }
}

/// The pod that a path names.
fn pod(api: &Api, target: &Target) -> Result<Value, ApiError> {
    Ok(find(api, target)?.object())
}

/// The container that a request is about: the one named, else the only one.
///
/// Source: kubernetes 1.34, `pkg/registry/core/pod/strategy.go`, `validateContainer`.
fn container(pod: &Value, named: &str) -> Result<String, ApiError> {
    let names = |list: &str| -> Vec<String> {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        containers.filter_map(|it| it["name"].as_str()).map(str::to_owned).collect()
    };
    let (containers, init) = (names("containers"), names("initContainers"));
    let ephemeral = names("ephemeralContainers");
    if !named.is_empty() {
        let mut all = containers.iter().chain(&init).chain(&ephemeral);
        return match all.find(|it| *it == named) {
            Some(container) => Ok(container.clone()),
            None => Err(ApiError::bad_request(format!(
                "container {named} is not valid for pod {}",
                meta::name(pod)
            ))),
        };
    }
    match &containers[..] {
        [only] => Ok(only.clone()),
        many => {
            let mut message = format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                meta::name(pod),
                many.join(" ")
            );
            if !init.is_empty() {
                message = format!("{message} or one of the init containers: [{}]", init.join(" "));
            }
            Err(ApiError::bad_request(message))
        }
    }
}
