//! What other objects have to say about a write: the admission plugins of a default cluster, one a file.
//!
//! ResourceQuota, LimitRange and NetworkPolicy are stored with a warning that nothing enforces them.

use kobject::{Resource, meta};
use serde_json::Value;

use crate::{api::Api, call::Call, error::ApiError};

mod addresses;
mod class;
mod namespace;
mod pod;
mod pod_security;
mod service_account;

/// Whether an object of this kind may come into being here and now.
pub(crate) fn permit_create(
    api: &Api,
    resource: &Resource,
    object: &Value,
) -> Result<(), ApiError> {
    refuse_unsupported(resource, object)?;
    namespace::permit_create(api, resource, object)
}

/// Waits for what a controller is about to make and the object needs.
pub(crate) async fn wait_for_others(api: &Api, resource: &Resource, object: &Value) {
    if resource.group.is_empty() && resource.kind == "Pod" {
        service_account::wait_for_default(api, object).await;
    }
}

/// Completes a new object from what the cluster has.
pub(crate) fn mutate_create(
    api: &Api,
    call: &Call,
    resource: &Resource,
    object: &mut Value,
) -> Result<(), ApiError> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => {
            service_account::mutate(api, resource, object)?;
            pod::mutate(api, resource, object)?;
        }
        ("", "PersistentVolumeClaim") => class::set_storage_class(api, object),
        ("networking.k8s.io", "Ingress") => class::set_ingress_class(api, object),
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            let user = call.identity.user_info();
            for name in ["username", "uid", "groups", "extra"] {
                match user.get(name) {
                    Some(value) => object["spec"][name] = value.clone(),
                    None => drop(object["spec"].as_object_mut().and_then(|it| it.remove(name))),
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Completes a new version of an object from the old one.
pub(crate) fn mutate_update(resource: &Resource, live: &Value, new: &mut Value) {
    if allocates(resource) {
        addresses::keep(live, new);
    }
}

/// Whether writes of this kind take something of which there is only so much.
pub(crate) fn allocates(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.kind == "Service"
}

pub(crate) fn allocate_create(
    api: &Api,
    resource: &Resource,
    object: Value,
) -> Result<Value, ApiError> {
    if allocates(resource) { addresses::allocate(api, resource, object) } else { Ok(object) }
}

pub(crate) fn allocate_update(
    api: &Api,
    resource: &Resource,
    live: &Value,
    object: Value,
) -> Result<Value, ApiError> {
    if allocates(resource) && live.get("spec") != object.get("spec") {
        return addresses::allocate(api, resource, object);
    }
    Ok(object)
}

/// Judges an object that is complete.
pub(crate) fn judge(api: &Api, resource: &Resource, object: &Value) -> Result<(), ApiError> {
    pod_security::check_labels(resource, object)?;
    pod_security::enforce(api, resource, object)
}

/// What the writer of an object should know about it and about this cluster.
pub(crate) fn warnings(api: &Api, resource: &Resource, object: &Value) -> Vec<String> {
    let of_pods = pod_security::warning(api, resource, object);
    of_kind(resource).into_iter().chain(of_pods).collect()
}

fn of_kind(resource: &Resource) -> Option<String> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ResourceQuota" | "LimitRange") | ("networking.k8s.io", "NetworkPolicy") => {
            Some(format!("this cluster stores a {} but does not enforce it", resource.kind))
        }
        ("", "Endpoints") => Some(
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Kinds that would change what the API is or does.
fn refuse_unsupported(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    let what = match (resource.group.as_str(), resource.kind.as_str()) {
        ("apiextensions.k8s.io", _) => "CustomResourceDefinitions",
        ("apiregistration.k8s.io", _) => "aggregated APIs",
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => "admission webhooks",
        ("admissionregistration.k8s.io", _) => "admission policies",
        _ => return Ok(()),
    };
    let why = format!("this cluster does not support {what} yet");
    Err(ApiError::forbidden(resource, meta::name(object), why))
}
