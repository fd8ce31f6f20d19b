//! NamespaceLifecycle: nothing comes into a namespace that is not there, or that is going.

use kobject::{Resource, catalog, meta};
use serde_json::Value;

use crate::{
    api::{Api, core_key},
    error::{ApiError, Cause},
};

pub(crate) fn permit_create(
    api: &Api,
    resource: &Resource,
    object: &Value,
) -> Result<(), ApiError> {
    if !resource.is_namespaced {
        return Ok(());
    }
    let name = meta::namespace(object);
    let Some(entry) = api.store.get(&core_key("namespaces", "", name)) else {
        let namespaces = catalog::by_plural("", "v1", "namespaces").expect("they are built in");
        return Err(ApiError::not_found(namespaces, name));
    };
    if meta::deletion_timestamp(&entry.object()).is_none() {
        return Ok(());
    }
    Err(ApiError::Forbidden {
        resource: resource.into(),
        name: meta::name(object).to_owned(),
        why: format!(
            "unable to create new content in namespace {name} because it is being terminated"
        ),
        causes: vec![Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {name} is being terminated"),
            field: "metadata.namespace".to_owned(),
        }],
    })
}
