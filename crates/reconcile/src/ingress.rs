//! Where an Ingress or a Service of type LoadBalancer is reached: its status.

use serde_json::{Value, json};

use crate::{
    action::{self, Action},
    facts::Facts,
    kinds, object,
    world::{Key, World},
};

const CONTROLLER: &str = "zarpa.dev/ingress";
const CLASS: &str = "zarpa";

/// Whether an Ingress is this cluster's to serve: of our class, or of none.
pub(crate) fn is_ours(world: &World, ingress: &Value) -> bool {
    let class = match object::str_at(ingress, "spec.ingressClassName") {
        "" => object::annotation(ingress, "kubernetes.io/ingress.class").unwrap_or_default(),
        class => class,
    };
    let is_controlled = |class: &str| {
        let class = world.find(kinds::INGRESS_CLASS, "", class);
        class.is_some_and(|it| object::str_at(it, "spec.controller") == CONTROLLER)
    };
    matches!(class, "" | CLASS) || is_controlled(class)
}

/// Decides on one Ingress.
pub(crate) fn ingress(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(ingress) = facts.world.get(key).filter(|it| !object::is_deleted(it)) else {
        return Vec::new();
    };
    let Some((address, port)) = facts.config.ingress.filter(|_| is_ours(facts.world, ingress))
    else {
        return Vec::new();
    };
    let at = json!({ "ip": address.to_string(), "ports": [{ "port": port, "protocol": "TCP" }] });
    let status = json!({ "loadBalancer": { "ingress": [at] } });
    action::update_status(kinds::INGRESS, ingress, &status).into_iter().collect()
}

/// Decides on the address of one Service.
pub(crate) fn load_balancer(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(service) = facts.world.get(key).filter(|it| !object::is_deleted(it)) else {
        return Vec::new();
    };
    let is_ours = object::str_at(service, "spec.type") == "LoadBalancer"
        && object::str_at(service, "spec.loadBalancerClass").is_empty();
    let mut status = service.get("status").cloned().unwrap_or_else(|| json!({}));
    match facts.config.ingress.filter(|_| is_ours) {
        Some((address, _)) => {
            status["loadBalancer"] =
                json!({ "ingress": [{ "ip": address.to_string(), "ipMode": "VIP" }] });
        }
        None if object::str_at(service, "spec.type") == "LoadBalancer" => return Vec::new(),
        None if object::list_at(service, "status.loadBalancer.ingress").is_empty() => {
            return Vec::new();
        }
        None => status["loadBalancer"] = json!({}),
    }
    action::update_status(kinds::SERVICE, service, &status).into_iter().collect()
}
