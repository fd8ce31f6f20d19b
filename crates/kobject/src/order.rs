//! The order in which kinds are created and deleted: what others need comes first, and goes last.

/// Kinds in the order of their creation.
///
/// Source: Helm 4.1.4, `pkg/release/v1/util/kind_sorter.go`.
pub const INSTALL: [&str; 38] = [
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

/// Kinds in the order of their deletion: the exact reverse but for Service, which goes sixth.
pub const UNINSTALL: [&str; 38] = [
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

/// What to sort by: the place among the known kinds, or after them by name.
pub fn rank<'k>(kind: &'k str, order: &[&str]) -> (usize, &'k str) {
    match order.iter().position(|it| *it == kind) {
        Some(place) => (place, ""),
        None => (order.len(), kind),
    }
}

#[cfg(test)]
mod tests {
    use super::{INSTALL, UNINSTALL};

    #[test]
    fn deletion_reverses_creation_but_for_service() {
        let reversed = |it: &&&str| **it != "Service";
        assert!(INSTALL.iter().rev().filter(reversed).eq(UNINSTALL.iter().filter(reversed)));
        assert_eq!(UNINSTALL[5], "Service");
    }
}
