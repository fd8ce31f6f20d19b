//! What templates know of the release.

use gotmpl::{Map, Value};

/// `.Release`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Release {
    pub name: String,
    pub namespace: String,
    pub is_upgrade: bool,
    pub is_install: bool,
    /// From 1.
    pub revision: i64,
    /// `Helm`, which charts write into labels.
    pub service: String,
}

impl Release {
    /// The first revision of a release, as it is installed.
    pub fn install(name: &str, namespace: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            is_upgrade: false,
            is_install: true,
            revision: 1,
            service: "Helm".to_owned(),
        }
    }

    pub(crate) fn to_map(&self) -> Map {
        Map::from_iter([
            ("IsInstall", Value::Bool(self.is_install)),
            ("IsUpgrade", Value::Bool(self.is_upgrade)),
            ("Name", Value::from(self.name.as_str())),
            ("Namespace", Value::from(self.namespace.as_str())),
            ("Revision", Value::Int(self.revision)),
            ("Service", Value::from(self.service.as_str())),
        ])
    }
}
