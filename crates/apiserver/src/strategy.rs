//! What every kind does to its objects when they are created and updated. Pure.
//!
//! Source: kubernetes 1.34, `pkg/registry/*/*/strategy.go`, and apiserver, `registry/rest`.

use jiff::Timestamp;
use kobject::{Resource, meta};
use serde_json::{Map, Value, json};

mod job;
mod pod;

/// The part of an object that a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but the status.
    Main,
    Status,
    /// The finalizers in the spec of a Namespace.
    Finalize,
    /// The node of a pod, and the condition that says so.
    Binding,
    /// A part of the spec, under the subresource's name: `scale`.
    Spec(&'static str),
}

impl Part {
    /// The subresource as `managedFields` names it.
    pub(crate) fn subresource(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
            Self::Finalize => "finalize",
            Self::Binding => "binding",
            Self::Spec(name) => name,
        }
    }
}

/// What a new object gets.
#[derive(Clone, Debug)]
pub(crate) struct Birth<'a> {
    pub(crate) uid: &'a str,
    pub(crate) now: Timestamp,
}

/// The kinds whose `metadata.generation` counts changes of the spec.
const WITH_GENERATION: &[(&str, &str)] = &[
    ("", "Pod"),
    ("", "PodTemplate"),
    ("", "ReplicationController"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
];

/// The fields of metadata that only the server writes.
const SYSTEM_FIELDS: [&str; 7] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
    "selfLink",
];

/// Gives a new object its identity and its first status.
///
/// The name is already set; defaults come later.
pub(crate) fn prepare_create(resource: &Resource, object: &mut Value, birth: &Birth<'_>) {
    let metadata = meta::metadata_mut(object);
    for name in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
        metadata.remove(name);
    }
    metadata.insert("uid".to_owned(), birth.uid.into());
    metadata.insert("creationTimestamp".to_owned(), meta::time(birth.now).into());
    if tracks_generation(resource) {
        metadata.insert("generation".to_owned(), 1.into());
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => prepare_namespace(object),
        ("batch", "Job") => job::prepare_create(object),
        ("", "Secret") => encode_string_data(object),
        _ => {}
    }
    // A kubelet registers its node with its status.
    if has_status(resource) && resource.kind != "Node" {
        object["status"] = first_status(resource, object);
    }
}

/// Whoever creates an object does not say who owns its fields.
pub(crate) fn drop_managed_fields(object: &mut Value) {
    meta::metadata_mut(object).remove("managedFields");
}

/// Completes a new version of an object: what this write may not touch comes from the old one.
pub(crate) fn prepare_update(resource: &Resource, part: Part, old: &Value, new: &mut Value) {
    match part {
        Part::Main | Part::Spec(_) => {
            if has_status(resource) {
                keep(old, new, "status");
            }
            if resource.kind == "Namespace" {
                keep(old, new, "spec");
            }
            if resource.kind == "Secret" {
                encode_string_data(new);
            }
        }
        Part::Status => keep_all_but_status(resource, old, new),
        Part::Finalize => keep(old, new, "status"),
        Part::Binding => {}
    }
    let metadata = meta::metadata_mut(new);
    for name in SYSTEM_FIELDS {
        match old["metadata"].get(name) {
            Some(value) => metadata.insert(name.to_owned(), value.clone()),
            None => metadata.remove(name),
        };
    }
    metadata.remove("resourceVersion");
}

/// Counts a change of the spec; after defaulting, so that writing a default is no change.
pub(crate) fn bump_generation(resource: &Resource, part: Part, old: &Value, new: &mut Value) {
    if part == Part::Status || !tracks_generation(resource) {
        return;
    }
    let is_changed = without_metadata(old) != without_metadata(new)
        || resource.kind == "Deployment"
            && old["metadata"].get("annotations") != new["metadata"].get("annotations");
    if is_changed {
        let generation = meta::generation(old) + 1;
        meta::metadata_mut(new).insert("generation".to_owned(), generation.into());
    }
}

fn without_metadata(object: &Value) -> Vec<(&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status")).collect()
}

pub(crate) fn tracks_generation(resource: &Resource) -> bool {
    WITH_GENERATION.contains(&(resource.group.as_str(), resource.kind.as_str()))
}

pub(crate) fn has_status(resource: &Resource) -> bool {
    resource.subresource("status").is_some()
}

fn first_status(resource: &Resource, object: &Value) -> Value {
    match resource.kind.as_str() {
        "Pod" => json!({ "phase": "Pending", "qosClass": pod::qos_class(object) }),
        "Namespace" => json!({ "phase": "Active" }),
        "PersistentVolume" | "PersistentVolumeClaim" => json!({ "phase": "Pending" }),
        "Service" | "Ingress" => json!({ "loadBalancer": {} }),
        "ReplicaSet" | "ReplicationController" => json!({ "replicas": 0 }),
        "StatefulSet" => json!({ "availableReplicas": 0, "replicas": 0 }),
        "DaemonSet" => json!({
            "currentNumberScheduled": 0,
            "desiredNumberScheduled": 0,
            "numberMisscheduled": 0,
            "numberReady": 0,
        }),
        "PodDisruptionBudget" => json!({
            "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
        }),
        "HorizontalPodAutoscaler" => json!({ "currentMetrics": null, "desiredReplicas": 0 }),
        _ => json!({}),
    }
}

/// A namespace is found by its name as a label, and emptied before it goes.
fn prepare_namespace(object: &mut Value) {
    let name = meta::name(object).to_owned();
    set_label(object, "kubernetes.io/metadata.name", &name);
    let finalizers = object["spec"]["finalizers"].as_array().cloned().unwrap_or_default();
    if !finalizers.iter().any(|it| it == "kubernetes") {
        let mut finalizers = finalizers;
        finalizers.push("kubernetes".into());
        object["spec"] = json!({ "finalizers": finalizers });
    }
}

pub(crate) fn set_label(object: &mut Value, name: &str, value: &str) {
    let labels = meta::metadata_mut(object)
        .entry("labels".to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    labels[name] = value.into();
}

/// `stringData` is write-only: it goes into `data`.
fn encode_string_data(object: &mut Value) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|it| it.remove("stringData"))
    else {
        return;
    };
    for (name, text) in texts {
        object["data"][&name] = STANDARD.encode(text.as_str().unwrap_or_default()).into();
    }
}

fn keep(old: &Value, new: &mut Value, field: &str) {
    let Some(fields) = new.as_object_mut() else { return };
    match old.get(field) {
        Some(value) => fields.insert(field.to_owned(), value.clone()),
        None => fields.remove(field),
    };
}

/// A status write may also change labels, annotations, finalizers and owners, with exceptions.
fn keep_all_but_status(resource: &Resource, old: &Value, new: &mut Value) {
    let status = new.get("status").cloned();
    let mut metadata = new["metadata"].take();
    let kept: &[&str] = match resource.kind.as_str() {
        "Deployment" => &["labels"],
        "Pod" => &["ownerReferences"],
        _ => &[],
    };
    for name in kept {
        match old["metadata"].get(*name) {
            Some(value) => metadata[*name] = value.clone(),
            None => drop(metadata.as_object_mut().and_then(|it| it.remove(*name))),
        }
    }
    *new = old.clone();
    new["metadata"] = metadata;
    match status {
        Some(status) => new["status"] = status,
        None => drop(new.as_object_mut().and_then(|it| it.remove("status"))),
    }
    if resource.kind == "Pod" && new["status"]["qosClass"].is_null() {
        new["status"]["qosClass"] = old["status"]["qosClass"].clone();
    }
}

#[cfg(test)]
mod tests;
