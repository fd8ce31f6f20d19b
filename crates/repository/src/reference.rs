//! `oci://…`: where a chart lies in a registry.

use chart::semver::Version;
use oci::{ParseReferenceError, Reference};

const SCHEME: &str = "oci://";
/// Stands in for the registry while the rest is read: a chart's registry is always the first part.
const ANY_REGISTRY: &str = "registry.invalid";

/// A chart's address in a registry; its tag has `+` where the registry has `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciChart {
    /// Without tag and digest.
    pub repository: Reference,
    /// From the address; a version as a rule.
    pub version: Option<String>,
    pub digest: Option<oci::Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("`{0}` names no repository of a registry: write oci://HOST/PATH/CHART")]
    NoRepository(String),
    #[error(
        "`{text}`: `{part}` is no valid name (lower case letters, digits and single separators)"
    )]
    Name { text: String, part: String },
    #[error("`{text}`: `{tag}` is no valid tag")]
    Tag { text: String, tag: String },
    #[error("`{0}` has no valid digest")]
    Digest(String),
    #[error("chart reference and version mismatch: {version} is not {tag}")]
    Mismatch { version: String, tag: String },
}

pub(crate) fn is_oci(address: &str) -> bool {
    address.starts_with(SCHEME)
}

impl OciChart {
    /// Reads `oci://host/path/name`, perhaps with a tag and a digest.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let none = || ReferenceError::NoRepository(text.to_owned());
        let rest = text.strip_prefix(SCHEME).ok_or_else(none)?;
        let (host, path) = rest.trim_end_matches('/').split_once('/').ok_or_else(none)?;
        if host.is_empty() || path.is_empty() {
            return Err(none());
        }
        let (path, digest) =
            path.split_once('@').map_or((path, None), |(path, it)| (path, Some(it)));
        let (name, tag) =
            path.split_once(':').map_or((path, None), |(name, tag)| (name, Some(tag)));
        let suffix = tag.map(|it| format!(":{}", it.replace('+', "_"))).unwrap_or_default();
        let digest_suffix = digest.map(|it| format!("@{it}")).unwrap_or_default();
        let full = format!("{ANY_REGISTRY}/{name}{suffix}{digest_suffix}");
        let reference: Reference = full.parse().map_err(|error| match error {
            ParseReferenceError::Empty(_) => none(),
            ParseReferenceError::Repository { part, .. } => {
                ReferenceError::Name { text: text.to_owned(), part }
            }
            ParseReferenceError::Tag { tag, .. } => {
                ReferenceError::Tag { text: text.to_owned(), tag }
            }
            ParseReferenceError::Digest { .. } => ReferenceError::Digest(text.to_owned()),
        })?;
        let digest = reference.digest.clone();
        let repository =
            Reference { registry: host.to_owned(), tag: None, digest: None, ..reference };
        Ok(Self { repository, version: tag.map(str::to_owned), digest })
    }

    /// The last part of the path, which is the chart's name.
    pub(crate) fn name(&self) -> &str {
        self.repository.repository.rsplit('/').next().unwrap_or_default()
    }

    /// The repository as a user writes it.
    pub(crate) fn address(&self) -> String {
        format!("{SCHEME}{}", self.repository.name())
    }

    /// The version that is asked for by the address, by the flag, or by both.
    pub(crate) fn wanted<'v>(&'v self, version: &'v str) -> Result<&'v str, ReferenceError> {
        match (&self.version, version) {
            (Some(tag), "") => Ok(tag),
            (Some(tag), version) if tag != version => {
                Err(ReferenceError::Mismatch { version: version.to_owned(), tag: tag.clone() })
            }
            _ => Ok(version),
        }
    }

    /// The manifest of a version.
    pub(crate) fn at(&self, version: &str) -> Reference {
        self.repository.with_tag(&version.replace('+', "_"))
    }
}

/// Whether a version is one, and not a range.
pub(crate) fn is_exact(version: &str) -> bool {
    Version::parse(version).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_is_the_registry_whatever_it_looks_like() {
        let check = |text: &str, name: &str, version: Option<&str>| {
            let chart = OciChart::parse(text).unwrap();
            assert_eq!(chart.repository.name(), name);
            assert_eq!(chart.version.as_deref(), version);
        };
        check("oci://registry/charts/web", "registry/charts/web", None);
        check("oci://localhost:5000/web:1.0.0", "localhost:5000/web", Some("1.0.0"));
        check("oci://r.io/a/web:1.0.0+b", "r.io/a/web", Some("1.0.0+b"));
        check("oci://docker.io/web/", "docker.io/web", None);
        let chart = OciChart::parse("oci://r.io/a/web").unwrap();
        assert_eq!(chart.at("1.0.0+b").to_string(), "r.io/a/web:1.0.0_b");
        assert_eq!((chart.name(), chart.address()), ("web", "oci://r.io/a/web".to_owned()));
    }

    #[test]
    fn nonsense_is_refused_by_its_part() {
        let error = |text: &str| OciChart::parse(text).unwrap_err().to_string();
        for text in ["oci://", "oci://r.io", "oci://r.io/", "https://r.io/a", "web"] {
            assert!(error(text).contains("oci://HOST/PATH/CHART"), "{text}");
        }
        assert!(error("oci://r.io/Web").contains("`Web`"));
        assert!(error("oci://r.io/web:a b").contains("`a b`"));
        assert!(error("oci://r.io/web@sha256:0").contains("digest"));
    }

    #[test]
    fn a_version_must_be_that_of_the_address() {
        let chart = OciChart::parse("oci://r.io/web:1.0.0").unwrap();
        assert_eq!(chart.wanted(""), Ok("1.0.0"));
        assert_eq!(chart.wanted("1.0.0"), Ok("1.0.0"));
        let error = chart.wanted("2.0.0").unwrap_err().to_string();
        assert_eq!(error, "chart reference and version mismatch: 2.0.0 is not 1.0.0");
    }
}
