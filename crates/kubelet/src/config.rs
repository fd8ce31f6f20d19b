//! What a kubelet is started with.

use std::{net::Ipv4Addr, path::PathBuf};

use host::ContentStore;

use crate::RegistryFiles;

/// Everything that the kubelet of the one node must be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Open already; its network decides the addresses of pods.
    pub node: sandbox::Node,
    pub node_name: String,
    /// The cluster's folder; pods live in `pods/<uid>` below it.
    pub dir: PathBuf,
    /// Where images are found, and pulled to.
    pub images: ContentStore,
    /// Where layers are unpacked, each in a folder named by the hex of its diff id.
    pub layers_dir: PathBuf,
    pub cluster_dns: Ipv4Addr,
    /// `cluster.local`.
    pub cluster_domain: String,
    pub registries: RegistryFiles,
    /// The version of zarpa, shown as the container runtime's.
    pub version: String,
}
