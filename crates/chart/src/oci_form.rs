//! A chart in a registry: media types, configuration and annotations (Helm 4.1.4, `pkg/registry`).

use std::collections::BTreeMap;

use crate::{
    go_struct,
    metadata::{Maintainer, Metadata},
};

/// The configuration of a chart's manifest: its metadata as JSON.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.cncf.helm.config.v1+json";
/// The layer that is the archive.
pub const CHART_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The layer that is the provenance file.
pub const PROVENANCE_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
/// What the first versions of Helm called the archive.
pub const OLD_CHART_MEDIA_TYPE: &str = "application/tar+gzip";

/// Annotations that the chart's own cannot replace.
const FIXED: [&str; 2] = ["org.opencontainers.image.version", "org.opencontainers.image.title"];

impl Metadata {
    /// The metadata as Go's JSON, field for field: the configuration of a chart in a registry.
    pub fn to_json(&self) -> String {
        go_struct::metadata(self)
    }

    /// The annotations of the manifest; `created` is RFC 3339.
    pub fn oci_annotations(&self, created: &str) -> BTreeMap<String, String> {
        let authors: Vec<String> = self.maintainers.iter().map(author).collect();
        let own = [
            ("description", self.description.as_str()),
            ("title", &self.name),
            ("version", &self.version),
            ("url", &self.home),
            ("created", created),
            ("source", self.sources.first().map_or("", String::as_str)),
            ("authors", &authors.join(", ")),
        ];
        let own = own.into_iter().filter(|it| !it.1.trim().is_empty());
        let own =
            own.map(|(key, text)| (format!("org.opencontainers.image.{key}"), text.to_owned()));
        let mut annotations: BTreeMap<String, String> = own.collect();
        for (key, value) in self.annotations.iter().flatten() {
            if !FIXED.contains(&key.as_str()) {
                annotations.insert(key.clone(), value.clone());
            }
        }
        annotations
    }

    /// The tag under which a registry keeps this version: it may have no `+`.
    pub fn oci_tag(&self) -> String {
        self.version.replace('+', "_")
    }
}

fn author(it: &Maintainer) -> String {
    if it.email.is_empty() { it.name.clone() } else { format!("{} ({})", it.name, it.email) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        let text = "apiVersion: v2\nname: web\nversion: 1.0.0+a\ndescription: <fast> & small\n\
            home: https://h\nsources: [https://s, https://t]\nkeywords: [k]\n\
            maintainers: [{name: A, email: a@x}, {name: B, url: https://b}]\n\
            annotations: {x: '1', org.opencontainers.image.title: other, org.opencontainers.image.url: mine}\n\
            deprecated: true\ntype: application\nappVersion: 2\n\
            dependencies: [{name: d, version: '1', repository: ''}]\n";
        let mut metadata = Metadata::default();
        metadata.read(text.as_bytes()).unwrap();
        metadata
    }

    #[test]
    fn the_configuration_is_go_s_json() {
        let expect = r#"{"name":"web","home":"https://h","sources":["https://s","https://t"],"version":"1.0.0+a","description":"\u003cfast\u003e \u0026 small","keywords":["k"],"maintainers":[{"name":"A","email":"a@x"},{"name":"B","url":"https://b"}],"apiVersion":"v2","appVersion":"2","deprecated":true,"annotations":{"org.opencontainers.image.title":"other","org.opencontainers.image.url":"mine","x":"1"},"dependencies":[{"name":"d","version":"1","repository":""}],"type":"application"}"#;
        assert_eq!(metadata().to_json(), expect);
    }

    #[test]
    fn annotations_are_those_of_helm() {
        let annotations = metadata().oci_annotations("2026-11-27T22:00:00Z");
        let of = |key: &str| annotations[&format!("org.opencontainers.image.{key}")].as_str();
        assert_eq!(of("title"), "web");
        assert_eq!(of("version"), "1.0.0+a");
        assert_eq!(of("url"), "mine");
        assert_eq!(of("source"), "https://s");
        assert_eq!(of("authors"), "A (a@x), B");
        assert_eq!(annotations["x"], "1");
        assert_eq!(metadata().oci_tag(), "1.0.0_a");
    }
}
