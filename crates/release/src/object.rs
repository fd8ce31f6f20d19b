//! The identity of a Kubernetes object, and reading of its metadata.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Names one object of a namespace or of the cluster, whatever the version it was written in.
///
/// Two manifests name the same object when group, kind, namespace and name agree, as Helm has it.
/// Source: Helm 4.1.4, `pkg/kube/resource.go`, `isMatchingInfo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObjectId {
    pub group: String,
    pub kind: String,
    /// `None` for what belongs to the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub name: String,
}

impl ObjectId {
    /// Reads the identity from an object; missing parts are empty.
    pub fn of(object: &Value) -> Self {
        Self {
            group: group(object).to_owned(),
            kind: kind(object).to_owned(),
            namespace: namespace(object).map(str::to_owned),
            name: name(object).to_owned(),
        }
    }
}

/// `deployment/faro`, as `kubectl` prints it, without the group.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.to_lowercase(), self.name)
    }
}

pub fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

pub fn api_version(object: &Value) -> &str {
    object["apiVersion"].as_str().unwrap_or_default()
}

/// The group of `apiVersion`; empty for the core group.
pub fn group(object: &Value) -> &str {
    api_version(object).split_once('/').map_or("", |(group, _)| group)
}

pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub fn namespace(object: &Value) -> Option<&str> {
    object["metadata"]["namespace"].as_str().filter(|it| !it.is_empty())
}

pub fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

pub fn label<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object["metadata"]["labels"][key].as_str()
}

pub fn annotation<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object["metadata"]["annotations"][key].as_str()
}

/// The uid of the owner that controls the object.
pub fn controller(object: &Value) -> Option<&str> {
    items(&object["metadata"]["ownerReferences"])
        .find(|it| it["controller"] == true)
        .and_then(|it| it["uid"].as_str())
}

pub fn is_deleting(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// The members of a list; none when the value is no list.
pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The status condition of a type.
pub fn condition<'v>(object: &'v Value, type_: &str) -> Option<&'v Value> {
    items(&object["status"]["conditions"]).find(|it| it["type"] == type_)
}

pub(crate) fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
