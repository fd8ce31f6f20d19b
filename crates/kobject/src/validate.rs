//! Whether an object may be stored: names, required fields, values, and what must not change.
//!
//! Messages are those of Kubernetes 1.34 (`pkg/apis/*/validation`). The checks are those that users meet;
//! of a kind without checks of its own only the metadata is checked.

use serde_json::Value;

use crate::Resource;

mod access;
mod at;
mod config;
mod container;
mod error;
mod metadata;
pub mod name;
mod pod;
mod scale;
mod service;
mod volume;
mod workload;

pub use error::{FieldError, Reason, aggregate};

use at::At;
use error::Errors;

/// Checks an object that was defaulted and fits its schema; `old` is what it would replace.
///
/// Empty means valid. Problems come in the order in which upstream finds them.
pub fn validate(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let at = At::root(new);
    match old {
        None => metadata::create(resource, &at.field("metadata"), &mut errors),
        Some(old) => metadata::update(&at.field("metadata"), &old["metadata"], &mut errors),
    }
    by_kind(resource, &at, old, &mut errors);
    errors.into_list()
}

fn by_kind(resource: &Resource, at: &At<'_>, old: Option<&Value>, errors: &mut Errors) {
    match (&*resource.group, &*resource.kind) {
        ("", "Pod") => pod::pod(at, old, errors),
        ("", "PodTemplate") => pod::template(&at.field("template"), errors),
        ("", "ReplicationController") => workload::replication_controller(at, errors),
        ("apps", "Deployment") => workload::deployment(at, old, errors),
        ("apps", "ReplicaSet") => workload::replica_set(at, old, errors),
        ("apps", "StatefulSet") => workload::stateful_set(at, old, errors),
        ("apps", "DaemonSet") => workload::daemon_set(at, old, errors),
        ("batch", "Job") => workload::job(at, old, errors),
        ("batch", "CronJob") => workload::cron_job(at, old, errors),
        ("autoscaling", "HorizontalPodAutoscaler") => scale::autoscaler(at, errors),
        ("policy", "PodDisruptionBudget") => scale::disruption_budget(at, errors),
        ("", "Service") => service::service(at, old, errors),
        ("networking.k8s.io", "Ingress") => service::ingress(at, errors),
        ("networking.k8s.io", "NetworkPolicy") => service::network_policy(at, errors),
        ("networking.k8s.io", "IngressClass") => service::ingress_class(at, old, errors),
        ("", "ConfigMap") => config::config_map(at, old, errors),
        ("", "Secret") => config::secret(at, old, errors),
        ("", "PersistentVolumeClaim") => volume::claim(at, old, errors),
        ("", "PersistentVolume") => volume::volume(at, errors),
        ("storage.k8s.io", "StorageClass") => volume::class(at, old, errors),
        ("scheduling.k8s.io", "PriorityClass") => scale::priority_class(at, old, errors),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => {
            access::role(at, resource.is_namespaced, errors);
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            access::binding(at, old, resource.is_namespaced, errors);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
