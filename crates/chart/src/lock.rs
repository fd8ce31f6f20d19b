//! Chart.lock's digest, which tells whether Chart.yaml has changed since the versions were chosen.

use sha2::{Digest as _, Sha256};

use crate::{go_struct, metadata::Dependency};

/// The digest of what Chart.yaml declares and what was chosen for it.
///
/// Repositories count by their addresses: aliases must have been replaced.
/// Source: Helm 4.1.4, `internal/resolver`, `HashReq`.
pub fn lock_digest(declared: &[Dependency], chosen: &[Dependency]) -> String {
    sha256(&format!("[{},{}]", dependencies(declared), dependencies(chosen)))
}

/// The digest that Helm 2 wrote into requirements.lock, of what was declared alone.
pub fn old_lock_digest(declared: &[Dependency]) -> String {
    sha256(&format!(r#"{{"dependencies":{}}}"#, dependencies(declared)))
}

fn dependencies(of: &[Dependency]) -> String {
    go_struct::list(of.iter().map(go_struct::dependency))
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Lock;

    fn alpine(version: &str) -> Dependency {
        Dependency {
            name: "alpine".to_owned(),
            version: version.to_owned(),
            repository: "http://localhost:8879/charts".to_owned(),
            ..Dependency::default()
        }
    }

    /// Source: Helm 4.1.4, `internal/resolver/resolver_test.go`, `TestHashReq`.
    #[test]
    fn the_digest_is_helm_s() {
        let expect = "sha256:fb239e836325c5fa14b29d1540a13b7d3ba13151b67fe719f820e0ef6d66aaaf";
        assert_eq!(lock_digest(&[alpine("0.1.0")], &[alpine("0.1.0")]), expect);
        assert_ne!(lock_digest(&[alpine("^0.1.0")], &[alpine("0.1.0")]), expect);
    }

    #[test]
    fn every_field_of_a_dependency_counts() {
        let declared = Dependency {
            condition: "a.enabled".to_owned(),
            tags: vec!["x".to_owned()],
            import_values: vec![goyaml::read(b"{parent: p, child: <c>}").unwrap()],
            alias: "b".to_owned(),
            ..alpine(">=1")
        };
        let json = r#"{"name":"alpine","version":"\u003e=1","repository":"http://localhost:8879/charts","condition":"a.enabled","tags":["x"],"import-values":[{"child":"\u003cc\u003e","parent":"p"}],"alias":"b"}"#;
        assert_eq!(go_struct::dependency(&declared), json);
    }

    #[test]
    fn the_text_is_helm_s() {
        let lock = Lock {
            generated: "2026-11-27T22:00:00.5Z".to_owned(),
            digest: "sha256:00".to_owned(),
            dependencies: vec![alpine("0.1.0")],
        };
        let expect = "dependencies:\n- name: alpine\n  repository: http://localhost:8879/charts\n  \
            version: 0.1.0\ndigest: sha256:00\ngenerated: \"2026-11-27T22:00:00.5Z\"\n";
        assert_eq!(lock.to_yaml(), expect);
        assert_eq!(crate::metadata::read_lock(expect.as_bytes()).unwrap(), lock);
    }
}
