//! The node as the API shows it, and its lease.

use std::{collections::BTreeMap, net::Ipv4Addr};

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo},
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference, Time},
    },
};

use crate::{images::architecture, resources::Machine};

pub(crate) const LEASE_NAMESPACE: &str = "kube-node-lease";
/// The lease only shows that the process lives; nobody evicts pods of the one node for its age.
pub(crate) const LEASE_RENEW_S: u64 = 120;
const LEASE_DURATION_S: i32 = 300;
const KUBELET_VERSION: &str = "v1.34.4";

/// What is known of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) pod_cidr: String,
    pub(crate) machine: Machine,
    pub(crate) boot_id: String,
    pub(crate) kernel_version: String,
    pub(crate) machine_id: String,
    pub(crate) os_image: String,
    pub(crate) runtime_version: String,
}

/// Describes the node, ready.
pub(crate) fn node(facts: &Facts, now: Timestamp) -> Node {
    let labels = [
        ("beta.kubernetes.io/arch", architecture()),
        ("beta.kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", architecture()),
        ("kubernetes.io/hostname", facts.name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("node-role.kubernetes.io/control-plane", ""),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Node {
        metadata: ObjectMeta {
            name: Some(facts.name.clone()),
            labels: Some(labels.into()),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            pod_cidr: Some(facts.pod_cidr.clone()),
            pod_cidrs: Some(vec![facts.pod_cidr.clone()]),
            ..NodeSpec::default()
        }),
        status: Some(status(facts, now)),
    }
}

/// Describes what changes from start to start.
pub(crate) fn status(facts: &Facts, now: Timestamp) -> NodeStatus {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| NodeCondition {
        last_heartbeat_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
        message: Some(message.to_owned()),
        reason: Some(reason.to_owned()),
        status: status.to_owned(),
        type_: kind.to_owned(),
    };
    let sufficient = |kind: &str, reason: &str, what: &str| {
        condition(kind, "False", reason, &format!("kubelet has {what} available"))
    };
    let address = |kind: &str, address: String| NodeAddress { type_: kind.to_owned(), address };
    NodeStatus {
        addresses: Some(vec![
            address("InternalIP", facts.address.to_string()),
            address("Hostname", facts.name.clone()),
        ]),
        allocatable: Some(capacity(&facts.machine)),
        capacity: Some(capacity(&facts.machine)),
        conditions: Some(vec![
            sufficient("MemoryPressure", "KubeletHasSufficientMemory", "sufficient memory"),
            sufficient("DiskPressure", "KubeletHasNoDiskPressure", "no disk pressure"),
            sufficient("PIDPressure", "KubeletHasSufficientPID", "sufficient PID"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ]),
        node_info: Some(NodeSystemInfo {
            architecture: architecture().to_owned(),
            boot_id: facts.boot_id.clone(),
            container_runtime_version: facts.runtime_version.clone(),
            kernel_version: facts.kernel_version.clone(),
            kube_proxy_version: KUBELET_VERSION.to_owned(),
            kubelet_version: KUBELET_VERSION.to_owned(),
            machine_id: facts.machine_id.clone(),
            operating_system: "linux".to_owned(),
            os_image: facts.os_image.clone(),
            system_uuid: facts.machine_id.clone(),
            ..NodeSystemInfo::default()
        }),
        ..NodeStatus::default()
    }
}

fn capacity(machine: &Machine) -> BTreeMap<String, Quantity> {
    let cpu = match machine.cpu_milli % 1000 {
        0 => (machine.cpu_milli / 1000).to_string(),
        _ => format!("{}m", machine.cpu_milli),
    };
    let ki = |bytes: i64| format!("{}Ki", bytes / 1024);
    let amounts = [
        ("cpu", cpu),
        ("ephemeral-storage", ki(machine.disk_bytes)),
        ("hugepages-1Gi", "0".to_owned()),
        ("hugepages-2Mi", "0".to_owned()),
        ("memory", ki(machine.memory_bytes)),
        ("pods", machine.pods_max.to_string()),
    ];
    amounts.into_iter().map(|(name, it)| (name.to_owned(), Quantity(it))).collect()
}

/// Describes the lease of a node, held since `acquired`.
pub(crate) fn lease(node: &Node, acquired: Timestamp, now: Timestamp) -> Lease {
    let name = node.metadata.name.clone().unwrap_or_default();
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: name.clone(),
        uid: node.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    };
    Lease {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(LEASE_NAMESPACE.to_owned()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            acquire_time: Some(MicroTime(acquired)),
            holder_identity: Some(name),
            lease_duration_seconds: Some(LEASE_DURATION_S),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        }),
    }
}

/// Reads `MemTotal` of `/proc/meminfo`, in bytes.
pub(crate) fn memory_bytes(meminfo: &str) -> Option<i64> {
    let line = meminfo.lines().find_map(|it| it.strip_prefix("MemTotal:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Reads `PRETTY_NAME` of `/etc/os-release`.
pub(crate) fn os_image(os_release: &str) -> Option<String> {
    let line = os_release.lines().find_map(|it| it.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_read_from_its_own_words() {
        assert_eq!(memory_bytes("MemTotal:       16 kB\nMemFree: 1 kB\n"), Some(16384));
        assert_eq!(memory_bytes(""), None);
        let release = "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
        assert_eq!(os_image(release).as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    }

    #[test]
    fn capacity_is_written_as_upstream_writes_it() {
        let machine =
            Machine { cpu_milli: 2000, memory_bytes: 1 << 30, disk_bytes: 1 << 31, pods_max: 110 };
        let amounts = capacity(&machine);
        assert_eq!(amounts["cpu"].0, "2");
        assert_eq!(amounts["memory"].0, "1048576Ki");
        assert_eq!(amounts["pods"].0, "110");
    }
}
