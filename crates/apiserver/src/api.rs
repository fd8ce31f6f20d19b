//! What every handler shares: the store, the settings, the node.

use std::sync::Arc;

use kobject::Resource;
use store::Store;
use tokio::sync::Mutex;

use crate::{clock, config::Config, document::Documents, expiry::Expiry, node::Node};

/// The state of an API server.
pub struct Api {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) node: Arc<dyn Node>,
    /// Held while a Service's addresses are chosen and written, so that none is given twice.
    pub(crate) allocation: Mutex<()>,
    pub(crate) expiry: Expiry,
    pub(crate) documents: Documents,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Api").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Api {
    pub(crate) fn new(store: Store, config: Config, node: Arc<dyn Node>) -> Self {
        let expiry = Expiry::of_store(&store, clock::now());
        Self {
            store,
            config,
            node,
            allocation: Mutex::new(()),
            expiry,
            documents: Documents::default(),
        }
    }
}

/// The key of an object; `namespace` is empty for what has none.
///
/// Both groups of Events, and all versions of a kind, share their objects.
pub(crate) fn key(resource: &Resource, namespace: &str, name: &str) -> String {
    format!("{}{namespace}/{name}", prefix(resource))
}

/// The prefix of all objects of a resource, or of those in one namespace.
pub(crate) fn prefix_in(resource: &Resource, namespace: &str) -> String {
    if namespace.is_empty() {
        prefix(resource)
    } else {
        format!("{}{namespace}/", prefix(resource))
    }
}

fn prefix(resource: &Resource) -> String {
    let group = match (resource.group.as_str(), resource.plural.as_str()) {
        ("", _) | ("events.k8s.io", "events") => "core",
        (group, _) => group,
    };
    format!("/{group}/{}/", resource.plural)
}

/// The key of an object of a core resource.
pub(crate) fn core_key(plural: &str, namespace: &str, name: &str) -> String {
    format!("/core/{plural}/{namespace}/{name}")
}
