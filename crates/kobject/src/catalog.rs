//! The resources that a default Kubernetes 1.34 API server serves.

use std::{cmp::Ordering, sync::LazyLock};

use serde::Deserialize;

use crate::data;

pub mod discovery;

/// A served resource: how it is named, addressed and used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version within the group: `v1`.
    pub version: String,
    /// Kind of the objects: `Deployment`.
    pub kind: String,
    /// Kind of a list of the objects: `DeploymentList`.
    pub list_kind: String,
    /// Name in paths: `deployments`.
    pub plural: String,
    /// Name of one: `deployment`.
    pub singular: String,
    /// Abbreviations that kubectl accepts: `deploy`.
    pub short_names: Vec<String>,
    /// Groups of resources that kubectl knows by one word: `all`.
    pub categories: Vec<String>,
    /// Whether objects live in a namespace.
    pub is_namespaced: bool,
    /// What can be done, in alphabetical order: `create`, `delete`, `deletecollection`, `get`, `list`, `patch`,
    /// `update`, `watch`. Kinds that only answer a question (TokenReview) have `create` alone.
    pub verbs: Vec<String>,
    /// What hangs below an object: `status`, `scale`, `log`.
    pub subresources: Vec<Subresource>,
    /// Upstream's hash of the version that is stored; empty for resources that are not.
    pub storage_version_hash: String,
}

/// A part of an object with a path of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// Last segment of the path: `scale`.
    pub name: String,
    /// Group of the kind that is exchanged; that of the resource unless said otherwise.
    pub group: String,
    /// Version of the kind that is exchanged.
    pub version: String,
    /// Kind that is exchanged: `Scale`.
    pub kind: String,
    /// What can be done.
    pub verbs: Vec<String>,
}

impl Resource {
    /// The `apiVersion` of the objects: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Finds a subresource by the last segment of its path.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|it| it.name == name)
    }

    /// Whether the verb is served on the resource itself.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|it| it == verb)
    }

    /// The name by which errors call the resource: `deployments.apps`, `pods`.
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// Joins a group and a version as objects write them: `v1` for the core group, else `apps/v1`.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Splits an `apiVersion` into group and version; the core group is the empty string.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.rsplit_once('/').unwrap_or(("", api_version))
}

/// The form in which the data file and legacy discovery write a resource.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    kind: String,
    name: String,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    singular_name: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    storage_version_hash: String,
    verbs: Vec<String>,
    #[serde(default)]
    subresources: Vec<Self>,
}

static ALL: LazyLock<Vec<Resource>> = LazyLock::new(|| {
    let mut resources = Vec::new();
    for (group_version, json) in &data::data().group_versions {
        let (group, version) = split_api_version(group_version);
        let listed: Vec<Listed> =
            serde_json::from_str(json).expect("the data file holds lists of resources");
        resources.extend(listed.into_iter().map(|it| resource(group, version, it)));
    }
    resources
});

fn resource(group: &str, version: &str, listed: Listed) -> Resource {
    let subresource = |it: Listed| Subresource {
        name: it.name,
        group: it.group.unwrap_or_else(|| group.to_owned()),
        version: it.version.unwrap_or_else(|| version.to_owned()),
        kind: it.kind,
        verbs: it.verbs,
    };
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        list_kind: format!("{}List", listed.kind),
        kind: listed.kind,
        plural: listed.name,
        singular: listed.singular_name,
        short_names: listed.short_names,
        categories: listed.categories,
        is_namespaced: listed.namespaced,
        verbs: listed.verbs,
        subresources: listed.subresources.into_iter().map(subresource).collect(),
        storage_version_hash: listed.storage_version_hash,
    }
}

/// Every built-in resource, by group in the order of discovery, then by name.
///
/// A kind that is served in two versions (HorizontalPodAutoscaler) is there twice, the preferred version first.
pub fn all() -> &'static [Resource] {
    &ALL
}

/// Finds a built-in resource by its place in paths; the core group is the empty string.
pub fn by_plural(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    all().iter().find(|it| it.plural == plural && it.version == version && it.group == group)
}

/// Finds a built-in resource by what its objects say of themselves: `apps/v1`, `Deployment`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let (group, version) = split_api_version(api_version);
    all().iter().find(|it| it.kind == kind && it.version == version && it.group == group)
}

/// Orders versions by preference, the best first: stable before beta before alpha, higher numbers first,
/// anything else last and by name.
///
/// Source: `k8s.io/apimachinery` 0.34, `pkg/version/helpers.go`, `CompareKubeAwareVersionStrings`.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    match (version_rank(left), version_rank(right)) {
        (Some(left), Some(right)) => right.cmp(&left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// Stability, major and minor number of a version such as `v2beta1`.
fn version_rank(version: &str) -> Option<(u8, u32, u32)> {
    let rest = version.strip_prefix('v')?;
    let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = rest.split_at(n_digits);
    let major = major.parse().ok()?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    let beta = rest.strip_prefix("beta").map(|it| (1, it));
    let (stability, minor) = beta.or_else(|| rest.strip_prefix("alpha").map(|it| (0, it)))?;
    Some((stability, major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_groups_are_served_and_no_others() {
        let versions: Vec<&str> = all().iter().map(|it| it.version.as_str()).collect();
        assert!(versions.iter().all(|it| matches!(*it, "v1" | "v2")), "{versions:?}");
        assert!(by_plural("", "v1", "pods").is_some());
        assert!(by_plural("autoscaling", "v1", "horizontalpodautoscalers").is_some());
        assert!(by_plural("autoscaling", "v2", "horizontalpodautoscalers").is_some());
        assert!(by_plural("apiextensions.k8s.io", "v1", "customresourcedefinitions").is_some());
        assert!(by_plural("networking.k8s.io", "v1beta1", "ipaddresses").is_none());
        assert!(60 < all().len());
    }

    #[test]
    fn deployment_is_described_whole() {
        let deployment = by_kind("apps/v1", "Deployment").unwrap();
        assert_eq!(deployment.plural, "deployments");
        assert_eq!(deployment.singular, "deployment");
        assert_eq!(deployment.short_names, ["deploy"]);
        assert_eq!(deployment.categories, ["all"]);
        assert!(deployment.is_namespaced);
        assert!(deployment.has_verb("deletecollection"));
        assert_eq!(deployment.group_resource(), "deployments.apps");
        let scale = deployment.subresource("scale").unwrap();
        assert_eq!((scale.group.as_str(), scale.kind.as_str()), ("autoscaling", "Scale"));
        assert_eq!(deployment.subresource("status").unwrap().group, "apps");
        let eviction = by_kind("v1", "Pod").unwrap().subresource("eviction").unwrap();
        assert_eq!((eviction.group.as_str(), eviction.kind.as_str()), ("policy", "Eviction"));
    }

    #[test]
    fn versions_are_ordered_by_preference() {
        let mut versions = ["v1alpha1", "foo", "v1", "v2beta1", "v10", "v2", "v1beta2", "bar"];
        versions.sort_by(|left, right| compare_versions(left, right));
        assert_eq!(versions, ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "bar", "foo"]);
    }
}
