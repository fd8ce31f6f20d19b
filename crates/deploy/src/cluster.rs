//! A cluster to deploy to: a client, and the kinds that it serves.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use kube::Client;
use serde_json::Value;

use release::object;

use crate::api::{self, ApiError, encode};

/// Any Kubernetes cluster.
///
/// Kinds that Kubernetes itself has are known without asking; of any other its group version is asked for once.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    kinds: Arc<Mutex<BTreeMap<(String, String), Kind>>>,
}

/// A kind of object, and where its objects live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    plural: String,
    pub(crate) is_namespaced: bool,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    pub fn new(client: Client) -> Self {
        Self { client, kinds: Arc::default() }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Finds a kind, asking the cluster for its group version when Kubernetes itself does not have it.
    pub(crate) async fn kind(&self, api_version: &str, kind: &str) -> Result<Kind, ApiError> {
        if let Some(resource) = kobject::catalog::by_kind(api_version, kind) {
            return Ok(Kind {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                plural: resource.plural.clone(),
                is_namespaced: resource.is_namespaced,
            });
        }
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(found) = self.known(&key) {
            return Ok(found);
        }
        let unknown =
            || ApiError::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() };
        let Some(resources) = api::find(&self.client, &root(api_version)).await? else {
            return Err(unknown());
        };
        for resource in object::items(&resources["resources"]) {
            let plural = resource["name"].as_str().unwrap_or_default();
            if !plural.contains('/') {
                let is_namespaced = resource["namespaced"] == true;
                self.learn(
                    api_version,
                    resource["kind"].as_str().unwrap_or_default(),
                    plural,
                    is_namespaced,
                );
            }
        }
        self.known(&key).ok_or_else(unknown)
    }

    /// Learns the kinds of CustomResourceDefinitions that are about to be created.
    pub(crate) fn learn_definitions<'v>(&self, objects: impl IntoIterator<Item = &'v Value>) {
        for definition in objects.into_iter().filter(|it| it["kind"] == "CustomResourceDefinition")
        {
            let spec = &definition["spec"];
            let group = spec["group"].as_str().unwrap_or_default();
            let kind = spec["names"]["kind"].as_str().unwrap_or_default();
            let plural = spec["names"]["plural"].as_str().unwrap_or_default();
            for version in object::items(&spec["versions"]) {
                let version = version["name"].as_str().unwrap_or_default();
                self.learn(
                    &format!("{group}/{version}"),
                    kind,
                    plural,
                    spec["scope"] == "Namespaced",
                );
            }
        }
    }

    /// The path of an object of ours, whose namespace is set.
    pub(crate) async fn path(&self, object: &Value) -> Result<String, ApiError> {
        let kind = self.kind(object::api_version(object), object::kind(object)).await?;
        Ok(kind.path(object::namespace(object), object::name(object)))
    }

    /// The path of the collection that an object of ours belongs to.
    pub(crate) async fn collection(&self, object: &Value) -> Result<String, ApiError> {
        let kind = self.kind(object::api_version(object), object::kind(object)).await?;
        Ok(kind.collection(object::namespace(object)))
    }

    /// Gives namespaced objects without a namespace this one, and takes it from objects of the cluster.
    pub(crate) async fn place(
        &self,
        objects: &mut [Value],
        namespace: &str,
    ) -> Result<(), ApiError> {
        for object in objects {
            let kind = self.kind(object::api_version(object), object::kind(object)).await?;
            let has_namespace = object::namespace(object).is_some();
            let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
                continue;
            };
            if !kind.is_namespaced {
                metadata.remove("namespace");
            } else if !has_namespace {
                metadata.insert("namespace".to_owned(), Value::from(namespace));
            }
        }
        Ok(())
    }

    fn known(&self, key: &(String, String)) -> Option<Kind> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn learn(&self, api_version: &str, kind: &str, plural: &str, is_namespaced: bool) {
        let key = (api_version.to_owned(), kind.to_owned());
        let kind = Kind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            is_namespaced,
        };
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kind);
    }
}

impl Kind {
    pub(crate) fn collection(&self, namespace: Option<&str>) -> String {
        let root = root(&self.api_version);
        match namespace.filter(|_| self.is_namespaced) {
            Some(namespace) => format!("{root}/namespaces/{}/{}", encode(namespace), self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    pub(crate) fn path(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{}", self.collection(namespace), encode(name))
    }
}

/// `/api/v1`, or `/apis/apps/v1`.
pub(crate) fn root(api_version: &str) -> String {
    if api_version.contains('/') {
        format!("/apis/{api_version}")
    } else {
        format!("/api/{api_version}")
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn paths_follow_group_and_scope() {
        let kind = |api_version: &str, plural: &str, is_namespaced| Kind {
            api_version: api_version.to_owned(),
            kind: String::new(),
            plural: plural.to_owned(),
            is_namespaced,
        };
        assert_eq!(
            kind("v1", "pods", true).path(Some("dev"), "a"),
            "/api/v1/namespaces/dev/pods/a"
        );
        assert_eq!(
            kind("apps/v1", "deployments", true).collection(None),
            "/apis/apps/v1/deployments"
        );
        let roles = kind("rbac.authorization.k8s.io/v1", "clusterroles", false);
        assert_eq!(
            roles.path(Some("dev"), "system:x"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x"
        );
    }
}
