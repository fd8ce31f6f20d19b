//! The order in which kinds are created and deleted.

use serde_json::Value;

use crate::object;

/// Source: Helm 4.1.4, `pkg/release/v1/util/kind_sorter.go`.
const INSTALL: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The exact reverse but for Service, which goes sixth.
const UNINSTALL: [&str; 38] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// Sorts objects into the order they are created in: by kind, unknown kinds last by name; ties stay as they were.
pub fn sort_install<T>(items: &mut [T], object: impl Fn(&T) -> &Value) {
    items.sort_by(|a, b| rank(object(a), &INSTALL).cmp(&rank(object(b), &INSTALL)));
}

/// Sorts objects into the order they are deleted in.
pub fn sort_uninstall<T>(items: &mut [T], object: impl Fn(&T) -> &Value) {
    items.sort_by(|a, b| rank(object(a), &UNINSTALL).cmp(&rank(object(b), &UNINSTALL)));
}

fn rank<'v>(object: &'v Value, order: &[&str]) -> (usize, &'v str) {
    let kind = object::kind(object);
    match order.iter().position(|it| *it == kind) {
        Some(position) => (position, ""),
        None => (order.len(), kind),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{INSTALL, UNINSTALL, sort_install, sort_uninstall};

    fn kinds(kinds: &[&str], sort: fn(&mut [Value])) -> Vec<String> {
        let mut objects: Vec<Value> = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
        sort(&mut objects);
        objects.iter().map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn unknown_kinds_come_last_by_name() {
        let given = ["Zebra", "Ingress", "Deployment", "Ant", "Secret", "Service"];
        let install = kinds(&given, |it| sort_install(it, |it| it));
        assert_eq!(install, ["Secret", "Service", "Deployment", "Ingress", "Ant", "Zebra"]);
        let uninstall = kinds(&given, |it| sort_uninstall(it, |it| it));
        assert_eq!(uninstall, ["Ingress", "Service", "Deployment", "Secret", "Ant", "Zebra"]);
    }

    #[test]
    fn uninstall_reverses_install_but_for_service() {
        let reversed = |it: &&&str| **it != "Service";
        assert!(INSTALL.iter().rev().filter(reversed).eq(UNINSTALL.iter().filter(reversed)));
        assert_eq!(UNINSTALL[5], "Service");
    }
}
