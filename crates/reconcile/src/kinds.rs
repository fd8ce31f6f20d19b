//! The kinds that the controllers know, as constants to match on.

/// One kind of object, as the API server serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub is_namespaced: bool,
}

impl Kind {
    /// The `apiVersion` of its objects: `v1`, or `group/version`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Finds the kind that an owner reference names; any version of a group stands for the one that is kept.
    pub fn named(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        ALL.iter().copied().find(|it| it.kind == kind && it.group == group)
    }
}

const fn namespaced(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Kind {
    Kind { group, version, kind, plural, is_namespaced: true }
}

const fn cluster(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Kind {
    Kind { group, version, kind, plural, is_namespaced: false }
}

pub const CONFIG_MAP: Kind = namespaced("", "v1", "ConfigMap", "configmaps");
pub const ENDPOINTS: Kind = namespaced("", "v1", "Endpoints", "endpoints");
pub const EVENT: Kind = namespaced("", "v1", "Event", "events");
pub const NAMESPACE: Kind = cluster("", "v1", "Namespace", "namespaces");
pub const NODE: Kind = cluster("", "v1", "Node", "nodes");
pub const PERSISTENT_VOLUME: Kind = cluster("", "v1", "PersistentVolume", "persistentvolumes");
pub const PERSISTENT_VOLUME_CLAIM: Kind =
    namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");
pub const POD: Kind = namespaced("", "v1", "Pod", "pods");
pub const POD_TEMPLATE: Kind = namespaced("", "v1", "PodTemplate", "podtemplates");
pub const REPLICATION_CONTROLLER: Kind =
    namespaced("", "v1", "ReplicationController", "replicationcontrollers");
pub const SECRET: Kind = namespaced("", "v1", "Secret", "secrets");
pub const SERVICE: Kind = namespaced("", "v1", "Service", "services");
pub const SERVICE_ACCOUNT: Kind = namespaced("", "v1", "ServiceAccount", "serviceaccounts");
pub const LIMIT_RANGE: Kind = namespaced("", "v1", "LimitRange", "limitranges");
pub const RESOURCE_QUOTA: Kind = namespaced("", "v1", "ResourceQuota", "resourcequotas");
pub const CONTROLLER_REVISION: Kind =
    namespaced("apps", "v1", "ControllerRevision", "controllerrevisions");
pub const DAEMON_SET: Kind = namespaced("apps", "v1", "DaemonSet", "daemonsets");
pub const DEPLOYMENT: Kind = namespaced("apps", "v1", "Deployment", "deployments");
pub const REPLICA_SET: Kind = namespaced("apps", "v1", "ReplicaSet", "replicasets");
pub const STATEFUL_SET: Kind = namespaced("apps", "v1", "StatefulSet", "statefulsets");
pub const HORIZONTAL_POD_AUTOSCALER: Kind =
    namespaced("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers");
pub const CRON_JOB: Kind = namespaced("batch", "v1", "CronJob", "cronjobs");
pub const JOB: Kind = namespaced("batch", "v1", "Job", "jobs");
pub const LEASE: Kind = namespaced("coordination.k8s.io", "v1", "Lease", "leases");
pub const ENDPOINT_SLICE: Kind =
    namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices");
pub const INGRESS: Kind = namespaced("networking.k8s.io", "v1", "Ingress", "ingresses");
pub const INGRESS_CLASS: Kind =
    cluster("networking.k8s.io", "v1", "IngressClass", "ingressclasses");
pub const NETWORK_POLICY: Kind =
    namespaced("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies");
pub const POD_DISRUPTION_BUDGET: Kind =
    namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets");
pub const CLUSTER_ROLE: Kind =
    cluster("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles");
pub const CLUSTER_ROLE_BINDING: Kind =
    cluster("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings");
pub const ROLE: Kind = namespaced("rbac.authorization.k8s.io", "v1", "Role", "roles");
pub const ROLE_BINDING: Kind =
    namespaced("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings");
pub const PRIORITY_CLASS: Kind =
    cluster("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses");
pub const STORAGE_CLASS: Kind = cluster("storage.k8s.io", "v1", "StorageClass", "storageclasses");
pub const CSI_DRIVER: Kind = cluster("storage.k8s.io", "v1", "CSIDriver", "csidrivers");
pub const VOLUME_ATTACHMENT: Kind =
    cluster("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments");
pub const RUNTIME_CLASS: Kind = cluster("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses");
pub const CERTIFICATE_SIGNING_REQUEST: Kind =
    cluster("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests");
pub const MUTATING_WEBHOOK: Kind = cluster(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
);
pub const VALIDATING_WEBHOOK: Kind = cluster(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
);
pub const CUSTOM_RESOURCE_DEFINITION: Kind =
    cluster("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions");
pub const API_SERVICE: Kind = cluster("apiregistration.k8s.io", "v1", "APIService", "apiservices");

/// Every kind that is watched: those acted on, and those that garbage collection and namespaces must know.
///
/// A server that does not serve one of them answers 404, and the kind counts as empty.
pub const ALL: &[Kind] = &[
    NAMESPACE,
    NODE,
    DEPLOYMENT,
    REPLICA_SET,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SECRET,
    ENDPOINTS,
    ENDPOINT_SLICE,
    EVENT,
    PERSISTENT_VOLUME_CLAIM,
    PERSISTENT_VOLUME,
    STORAGE_CLASS,
    INGRESS,
    INGRESS_CLASS,
    JOB,
    STATEFUL_SET,
    DAEMON_SET,
    CONTROLLER_REVISION,
    POD_DISRUPTION_BUDGET,
    HORIZONTAL_POD_AUTOSCALER,
    CRON_JOB,
    LEASE,
    NETWORK_POLICY,
    POD_TEMPLATE,
    REPLICATION_CONTROLLER,
    LIMIT_RANGE,
    RESOURCE_QUOTA,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    PRIORITY_CLASS,
    CSI_DRIVER,
    VOLUME_ATTACHMENT,
    RUNTIME_CLASS,
    CERTIFICATE_SIGNING_REQUEST,
    MUTATING_WEBHOOK,
    VALIDATING_WEBHOOK,
    CUSTOM_RESOURCE_DEFINITION,
    API_SERVICE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_reference_finds_its_kind_in_any_version() {
        assert_eq!(Kind::named("apps/v1beta1", "Deployment"), Some(DEPLOYMENT));
        assert_eq!(Kind::named("v1", "Pod"), Some(POD));
        assert_eq!(Kind::named("example.com/v1", "Pod"), None);
    }
}
