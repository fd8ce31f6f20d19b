//! Registers the node and renews its lease.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Node};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    clock,
    config::Config,
    disk,
    node::{self, Facts, LEASE_NAMESPACE, LEASE_RENEW_S},
    resources::Machine,
    text::chain,
};

const PODS_MAX: u32 = 250;

/// Why the node could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("could not create the Node")]
    Create(#[source] Box<kube::Error>),
    #[error("could not update the Node")]
    Update(#[source] Box<kube::Error>),
}

/// Looks at the machine.
pub(crate) fn facts(config: &Config) -> Facts {
    let n_cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = node::memory_bytes(&disk::text(Path::new("/proc/meminfo")));
    let network = config.node.config();
    let machine = Machine {
        cpu_milli: i64::try_from(n_cpus).unwrap_or(1) * 1000,
        memory_bytes: memory.unwrap_or(0),
        disk_bytes: disk_bytes(&config.dir),
        pods_max: PODS_MAX,
    };
    let line = |path: &str| disk::text(Path::new(path)).trim().to_owned();
    let uname = rustix::system::uname();
    let os_release = disk::text(Path::new("/etc/os-release"));
    Facts {
        name: config.node_name.clone(),
        address: network.gateway,
        pod_cidr: format!("{}/{}", network.pod_network.0, network.pod_network.1),
        machine,
        boot_id: line("/proc/sys/kernel/random/boot_id"),
        kernel_version: uname.release().to_string_lossy().into_owned(),
        machine_id: line("/etc/machine-id"),
        os_image: node::os_image(&os_release).unwrap_or_else(|| "Linux".to_owned()),
        runtime_version: format!("zarpa://{}", config.version),
    }
}

fn disk_bytes(dir: &Path) -> i64 {
    let size = rustix::fs::statvfs(dir).map(|it| it.f_blocks.saturating_mul(it.f_frsize));
    size.ok().and_then(|it| i64::try_from(it).ok()).unwrap_or(0)
}

/// Creates the Node, or brings the one that is there up to date.
pub(crate) async fn register(client: &Client, facts: &Facts) -> Result<Node, RegisterError> {
    let api: Api<Node> = Api::all(client.clone());
    let wanted = node::node(facts, clock::now());
    match api.create(&PostParams::default(), &wanted).await {
        Ok(_) => {}
        Err(kube::Error::Api(error)) if error.code == 409 => {
            let labels = json!({"metadata": {"labels": wanted.metadata.labels}});
            let updated = api.patch(&facts.name, &manager(), &Patch::Merge(labels)).await;
            updated.map_err(|it| RegisterError::Update(Box::new(it)))?;
        }
        Err(error) => return Err(RegisterError::Create(Box::new(error))),
    }
    let status = json!({"status": wanted.status});
    let updated = api.patch_status(&facts.name, &manager(), &Patch::Strategic(status)).await;
    updated.map_err(|it| RegisterError::Update(Box::new(it)))
}

fn manager() -> PatchParams {
    PatchParams { field_manager: Some("kubelet".to_owned()), ..PatchParams::default() }
}

/// Renews the node's lease for ever.
pub(crate) async fn keep_lease(client: Client, node: Node) {
    let api: Api<Lease> = Api::namespaced(client, LEASE_NAMESPACE);
    let acquired = clock::now();
    loop {
        if let Err(error) = renew(&api, &node, acquired).await {
            tracing::warn!(error = %chain(&error), "could not renew the node's lease");
        }
        // A heartbeat is the one thing that has no event to wait for.
        tokio::time::sleep(Duration::from_secs(LEASE_RENEW_S)).await;
    }
}

async fn renew(api: &Api<Lease>, node: &Node, acquired: Timestamp) -> Result<(), kube::Error> {
    let lease = node::lease(node, acquired, clock::now());
    let name = lease.metadata.name.clone().unwrap_or_default();
    match api.patch(&name, &manager(), &Patch::Merge(&lease)).await {
        Err(kube::Error::Api(error)) if error.code == 404 => {
            api.create(&PostParams::default(), &lease).await.map(drop)
        }
        result => result.map(drop),
    }
}
