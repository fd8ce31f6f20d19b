//! A Service that should be ready: it leads to every pod that is, and to none that ends.
//!
//! Workloads are counted before anybody has told those who route: without this, the first requests after a
//! rollout could still meet an older pod, or none.

use serde_json::Value;

use super::{Context, State};
use crate::object::{self, condition, items, text};

const SERVICE_NAME: &str = "kubernetes.io/service-name";

pub(super) fn judge(service: &Value, ctx: Context<'_>) -> State {
    let spec = &service["spec"];
    let has_selector = spec["selector"].as_object().is_some_and(|it| !it.is_empty());
    let is_led_elsewhere = spec["type"] == "ExternalName" || !has_selector;
    if is_led_elsewhere || spec["publishNotReadyAddresses"] == true {
        return State::Ready;
    }
    let is_ready = |pod: &&Value| {
        condition(pod, "Ready").is_some_and(|it| it["status"] == "True")
            && !object::is_deleting(pod)
            && is_selected(pod, service)
    };
    let endpoints = ready_endpoints(service, ctx);
    for pod in ctx.world.of_kind("Pod").filter(is_ready) {
        if !endpoints.contains(&object::uid(pod)) {
            return State::waiting(format!(
                "pod {} is not among its endpoints yet",
                object::name(pod)
            ));
        }
    }
    let is_alive = |uid: &str| {
        let mut pods = ctx.world.of_kind("Pod");
        pods.any(|it| object::uid(it) == uid && !object::is_deleting(it))
    };
    match endpoints.iter().filter(|it| !is_alive(it)).count() {
        0 => State::Ready,
        n_old => State::waiting(format!("{n_old} of its endpoints are pods that end")),
    }
}

/// The pods, by uid, to which new connections go.
fn ready_endpoints<'w>(service: &Value, ctx: Context<'w>) -> Vec<&'w str> {
    let is_its = |slice: &&Value| {
        object::label(slice, SERVICE_NAME) == Some(object::name(service))
            && object::namespace(slice) == object::namespace(service)
    };
    let slices = ctx.world.of_kind("EndpointSlice").filter(is_its);
    let endpoints = slices.flat_map(|it| items(&it["endpoints"]));
    endpoints
        .filter(|it| it["conditions"]["ready"] != false && it["targetRef"]["kind"] == "Pod")
        .map(|it| text(&it["targetRef"]["uid"]))
        .collect()
}

fn is_selected(pod: &Value, service: &Value) -> bool {
    let selector = service["spec"]["selector"].as_object().into_iter().flatten();
    object::namespace(pod) == object::namespace(service)
        && selector.into_iter().all(|(key, value)| object::label(pod, key) == value.as_str())
}
