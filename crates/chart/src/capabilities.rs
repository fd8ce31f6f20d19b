//! `.Capabilities`: the versions that charts ask for.

use std::{any::Any, rc::Rc};

use gotmpl::{CallError, Kind, Map, Object, Signature, Type, Value};

/// The versions that Helm 4.1.4 assumes without a cluster, in its order.
const API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "autoscaling/v2beta1",
    "autoscaling/v2beta2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha1",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// What the cluster, and the program that renders, can do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Capabilities {
    pub kube_version: KubeVersion,
    /// Groups and versions, and kinds where they are known: `apps/v1`, `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
    pub helm_version: HelmVersion,
}

/// A version of Kubernetes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KubeVersion {
    /// As given, with a `v` before it: `v1.33.4-gke.1245000`.
    pub version: String,
    /// The numbers of it: `v1.33.4`. Ranges are checked against this.
    pub normalized: String,
    pub major: String,
    pub minor: String,
}

/// `.Capabilities.HelmVersion`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HelmVersion {
    pub version: String,
    pub git_commit: String,
    pub git_tree_state: String,
    pub go_version: String,
    pub kube_client_version: String,
}

/// A text that is no version of Kubernetes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KubeVersionError {
    #[error("could not parse {0:?} as version")]
    Format(String),
    #[error("illegal version string {0:?}")]
    TooShort(String),
    #[error("illegal zero-prefixed version component {0:?} in {1:?}")]
    LeadingZero(String, String),
    #[error(
        "illegal non-numeric version component {0:?} in {1:?}: strconv.ParseUint: parsing {0:?}: value out of range"
    )]
    TooLarge(String, String),
}

impl Default for Capabilities {
    /// What Helm 4.1.4 assumes without a cluster.
    fn default() -> Self {
        Self {
            kube_version: KubeVersion {
                version: "v1.35.0".to_owned(),
                normalized: "v1.35.0".to_owned(),
                major: "1".to_owned(),
                minor: "35".to_owned(),
            },
            api_versions: API_VERSIONS.iter().map(|it| (*it).to_owned()).collect(),
            helm_version: HelmVersion {
                version: "v4.1.4".to_owned(),
                git_commit: "05fa37973dc9e42b76e1d2883494c87174b6074f".to_owned(),
                git_tree_state: "clean".to_owned(),
                go_version: "go1.25.9".to_owned(),
                kube_client_version: "v1.35".to_owned(),
            },
        }
    }
}

impl KubeVersion {
    /// Reads a version of at least two numbers; what follows them does not matter (Kubernetes'
    /// `ParseGeneric`).
    pub fn parse(text: &str) -> Result<Self, KubeVersionError> {
        let bare = text.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
        let bare = bare.strip_prefix('v').unwrap_or(bare);
        let mut components = Vec::new();
        let mut rest = Some(bare);
        while let Some(tail) = rest {
            let end = tail.find(|it: char| !it.is_ascii_digit()).unwrap_or(tail.len());
            if end == 0 {
                break;
            }
            components.push(&tail[..end]);
            rest = tail[end..].strip_prefix('.');
        }
        if components.is_empty() || bare.contains('\n') {
            return Err(KubeVersionError::Format(text.to_owned()));
        }
        if components.len() < 2 {
            return Err(KubeVersionError::TooShort(text.to_owned()));
        }
        if 1 < components[0].len() && components[0].starts_with('0') {
            return Err(KubeVersionError::LeadingZero(components[0].to_owned(), text.to_owned()));
        }
        let number = |digits: &&str| {
            digits
                .parse::<u64>()
                .map_err(|_| KubeVersionError::TooLarge((*digits).to_owned(), text.to_owned()))
        };
        let numbers = components.iter().map(number).collect::<Result<Vec<u64>, _>>()?;
        let joined: Vec<String> = numbers.iter().map(u64::to_string).collect();
        Ok(Self {
            version: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            normalized: format!("v{}", joined.join(".")),
            major: joined[0].clone(),
            minor: joined[1].clone(),
        })
    }
}

impl Capabilities {
    /// What templates see.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(Rc::new(CapabilitiesObject {
            kube_version: Rc::new(KubeVersionObject(self.kube_version.clone())),
            api_versions: Rc::new(VersionSet(
                self.api_versions.iter().map(|it| it.as_str().into()).collect(),
            )),
            helm_version: Rc::new(BuildInfo(self.helm_version.clone())),
        }))
    }
}

/// `*common.Capabilities`
#[derive(Clone, Debug)]
struct CapabilitiesObject {
    kube_version: Rc<KubeVersionObject>,
    api_versions: Rc<VersionSet>,
    helm_version: Rc<BuildInfo>,
}

/// `common.KubeVersion`
#[derive(Debug)]
struct KubeVersionObject(KubeVersion);

/// `common.VersionSet`
#[derive(Debug)]
struct VersionSet(Vec<Rc<str>>);

/// `version.BuildInfo`
#[derive(Debug)]
pub(crate) struct BuildInfo(HelmVersion);

impl BuildInfo {
    /// The fields by the names that they have in JSON.
    pub(crate) fn to_json_map(&self) -> Map {
        let HelmVersion { version, git_commit, git_tree_state, go_version, kube_client_version } =
            &self.0;
        Map::from_iter([
            ("git_commit", Value::from(git_commit.as_str())),
            ("git_tree_state", Value::from(git_tree_state.as_str())),
            ("go_version", Value::from(go_version.as_str())),
            ("kube_client_version", Value::from(kube_client_version.as_str())),
            ("version", Value::from(version.as_str())),
        ])
    }
}

const fn method(name: &'static str, params: &'static [Type]) -> Signature {
    Signature { name, params, is_variadic: false }
}

impl Object for CapabilitiesObject {
    fn type_name(&self) -> &'static str {
        "*common.Capabilities"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::Object(Rc::clone(&self.kube_version) as Rc<dyn Object>),
            "APIVersions" => Value::Object(Rc::clone(&self.api_versions) as Rc<dyn Object>),
            "HelmVersion" => Value::Object(Rc::clone(&self.helm_version) as Rc<dyn Object>),
            _ => return None,
        })
    }

    fn methods(&self) -> &'static [Signature] {
        const { &[method("Copy", &[])] }
    }

    fn call(&self, _method: usize, _args: &[Value]) -> Result<Value, CallError> {
        Ok(Value::object(self.clone()))
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        ["KubeVersion", "APIVersions", "HelmVersion"]
            .map(|name| (Value::from(name), self.field(name).unwrap_or_default()))
            .into()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for KubeVersionObject {
    fn type_name(&self) -> &'static str {
        "common.KubeVersion"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::from(match name {
            "Version" => self.0.version.as_str(),
            "Major" => self.0.major.as_str(),
            "Minor" => self.0.minor.as_str(),
            _ => return None,
        }))
    }

    fn methods(&self) -> &'static [Signature] {
        const { &[method("GitVersion", &[]), method("String", &[])] }
    }

    fn call(&self, method: usize, _args: &[Value]) -> Result<Value, CallError> {
        let text = if method == 0 { &self.0.version } else { &self.0.normalized };
        Ok(Value::from(text.as_str()))
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        ["Version", "Major", "Minor"]
            .map(|name| (Value::from(name), self.field(name).unwrap_or_default()))
            .into()
    }

    fn to_text(&self) -> Option<String> {
        Some(self.0.normalized.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for VersionSet {
    fn type_name(&self) -> &'static str {
        "common.VersionSet"
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn methods(&self) -> &'static [Signature] {
        const { &[method("Has", &[Type::String])] }
    }

    fn call(&self, _method: usize, args: &[Value]) -> Result<Value, CallError> {
        let [Value::String(wanted)] = args else { return Ok(Value::Bool(false)) };
        Ok(Value::Bool(self.0.iter().any(|version| *wanted == **version)))
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        let entry = |(place, version): (i64, &Rc<str>)| {
            (Value::Int(place), Value::from(Rc::clone(version)))
        };
        (0..).zip(&self.0).map(entry).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for BuildInfo {
    fn type_name(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::from(match name {
            "Version" => self.0.version.as_str(),
            "GitCommit" => self.0.git_commit.as_str(),
            "GitTreeState" => self.0.git_tree_state.as_str(),
            "GoVersion" => self.0.go_version.as_str(),
            "KubeClientVersion" => self.0.kube_client_version.as_str(),
            _ => return None,
        }))
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        ["Version", "GitCommit", "GitTreeState", "GoVersion", "KubeClientVersion"]
            .map(|name| (Value::from(name), self.field(name).unwrap_or_default()))
            .into()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_kubernetes_are_normalized() {
        for (text, version, normalized) in [
            ("1.34.0", "v1.34.0", "v1.34.0"),
            ("1.33", "v1.33", "v1.33"),
            ("v1.33.4-gke.1245000", "v1.33.4-gke.1245000", "v1.33.4"),
            ("1.30+", "v1.30+", "v1.30"),
        ] {
            let parsed = KubeVersion::parse(text).unwrap();
            assert_eq!(
                (parsed.version.as_str(), parsed.normalized.as_str()),
                (version, normalized)
            );
        }
        assert!(KubeVersion::parse("1").is_err());
        assert!(KubeVersion::parse("abc").is_err());
    }
}
