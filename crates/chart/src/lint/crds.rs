//! The files of `crds/` (Helm 4.1.4, `rules/crds.go`).

use super::{Entry, Findings, Folder, object};

pub(super) fn check(folder: &Folder, findings: &mut Findings) {
    const PATH: &str = "crds/";
    match folder.crds {
        Entry::Missing => return,
        Entry::File => return findings.error(PATH, "not a directory"),
        Entry::Folder => {}
    }
    let chart = match folder.load() {
        Ok(chart) => chart,
        Err(error) => return findings.error(PATH, error.to_string()),
    };
    for file in chart.crds() {
        for document in object::read_all(&file.data) {
            match document {
                Err(error) => {
                    return findings.error(&file.path, format!("unable to parse YAML: {error}"));
                }
                Ok(crd) => {
                    if !crd.api_version.starts_with("apiextensions.k8s.io") {
                        findings.error(&file.path, "apiVersion is not in 'apiextensions.k8s.io'");
                    }
                    if crd.kind != "CustomResourceDefinition" {
                        findings.error(&file.path, "object kind is not 'CustomResourceDefinition'");
                    }
                }
            }
        }
    }
}
