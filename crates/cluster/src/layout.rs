//! Where everything of the cluster lies: below one folder for each user.

use std::path::{Path, PathBuf};

/// The state folder; its methods name what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The content store of images, shared with the image builder.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Unpacked layers by diff id.
    pub fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// The registries without TLS, a line each; it stays when the cluster is reset.
    pub fn plain_http(&self) -> PathBuf {
        self.root.join("plain-http")
    }

    /// What goes when the cluster is reset.
    pub fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    pub fn store(&self) -> PathBuf {
        self.cluster().join("store")
    }

    pub fn pki(&self) -> PathBuf {
        self.cluster().join("pki")
    }

    pub fn volumes(&self) -> PathBuf {
        self.cluster().join("volumes")
    }

    /// What pins the node's network.
    pub fn run(&self) -> PathBuf {
        self.cluster().join("run")
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.cluster().join("kubeconfig")
    }

    pub fn settings(&self) -> PathBuf {
        self.cluster().join("cluster.json")
    }

    /// Locked by the running cluster, which writes its process id into it.
    pub fn lock(&self) -> PathBuf {
        self.cluster().join("pid")
    }

    pub fn log(&self) -> PathBuf {
        self.cluster().join("log")
    }

    /// One path component that names this state folder's cgroup and nobody else's.
    pub fn cgroup(&self) -> String {
        let digest = oci::Digest::of(self.root.as_os_str().as_encoded_bytes());
        format!("zarpa-{}", &digest.hex()[..8])
    }
}
