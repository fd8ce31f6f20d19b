//! DefaultStorageClass and DefaultIngressClass: what names no class gets the default one.

use kobject::meta;
use serde_json::Value;

use crate::api::Api;

const STORAGE_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
const STORAGE_LEGACY: &str = "volume.beta.kubernetes.io/storage-class";
const INGRESS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";
const INGRESS_LEGACY: &str = "kubernetes.io/ingress.class";

pub(crate) fn set_storage_class(api: &Api, claim: &mut Value) {
    let is_set = !claim["spec"]["storageClassName"].is_null()
        || meta::annotation(claim, STORAGE_LEGACY).is_some();
    if is_set {
        return;
    }
    if let Some(class) = default_class(api, "/storage.k8s.io/storageclasses/", STORAGE_DEFAULT) {
        claim["spec"]["storageClassName"] = class.into();
    }
}

pub(crate) fn set_ingress_class(api: &Api, ingress: &mut Value) {
    let is_set = !ingress["spec"]["ingressClassName"].is_null()
        || meta::annotation(ingress, INGRESS_LEGACY).is_some();
    if is_set {
        return;
    }
    if let Some(class) = default_class(api, "/networking.k8s.io/ingressclasses/", INGRESS_DEFAULT) {
        ingress["spec"]["ingressClassName"] = class.into();
    }
}

/// The name of the newest default class.
fn default_class(api: &Api, prefix: &str, annotation: &str) -> Option<String> {
    let (entries, _) = api.store.list(prefix);
    let classes = entries.iter().map(store::Entry::object);
    classes
        .filter(|it| meta::annotation(it, annotation) == Some("true"))
        .max_by_key(|it| it["metadata"]["creationTimestamp"].as_str().map(str::to_owned))
        .map(|it| meta::name(&it).to_owned())
}
