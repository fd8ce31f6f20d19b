//! index.yaml: what a chart repository offers (Helm 4.1.4, `pkg/repo/v1`).

use std::{cmp::Ordering, collections::BTreeMap};

use goyaml::Value;

use crate::{
    decode::{DecodeError, Struct},
    semver::{Constraint, ConstraintError, Version},
};

/// The charts of a repository by name, each with its versions, the highest first.
#[derive(Clone, Debug, Default)]
pub struct RepositoryIndex {
    entries: BTreeMap<String, Vec<IndexEntry>>,
    /// Entries that are no charts, and so are not offered: each as `name version`.
    pub skipped: Vec<String>,
}

/// One version of a chart in a repository.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IndexEntry {
    pub name: String,
    pub version: String,
    /// Whole, or from the repository's address on.
    pub urls: Vec<String>,
    /// The SHA-256 of the archive in hex, perhaps behind `sha256:`; empty when the index has none.
    pub digest: String,
}

/// Why a repository offers nothing. `Display` is Helm's text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IndexError {
    #[error("empty index.yaml file")]
    Empty,
    #[error("{0}")]
    Decode(DecodeError),
    #[error("no API version specified")]
    NoApiVersion,
    #[error("no chart name found")]
    NoName,
    #[error("no chart version found")]
    NoVersion,
    #[error("no chart version found for {name}-{version}")]
    NotFound { name: String, version: String },
    #[error("{0}")]
    Constraint(ConstraintError),
}

impl RepositoryIndex {
    /// Reads an index, YAML or JSON.
    pub fn parse(text: &[u8]) -> Result<Self, IndexError> {
        let mut index = Self::default();
        read(text, |fields| {
            for (name, items) in listed(fields)? {
                index.add(name, items)?;
            }
            Ok(())
        })?;
        Ok(index)
    }

    fn add(&mut self, name: &str, items: &[Value]) -> Result<(), DecodeError> {
        let mut entries = Vec::new();
        for item in items {
            let entry = read_entry(&Struct::document(item, "ChartVersion", "repo.ChartVersion")?)?;
            if entry.name.is_empty() || Version::parse(&entry.version).is_err() {
                self.skipped.push(format!("{name} {}", entry.version).trim_end().to_owned());
            } else {
                entries.push(entry);
            }
        }
        entries.sort_by(|one, two| descending(&one.version, &two.version));
        self.entries.insert(name.to_owned(), entries);
        Ok(())
    }

    /// Every version of a chart, the highest first; nothing when the repository does not know it.
    pub fn versions(&self, name: &str) -> Option<&[IndexEntry]> {
        self.entries.get(name).map(Vec::as_slice)
    }

    /// The names of all charts, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Finds a version to the letter, or else the highest in a range; the highest release when none is given.
    pub fn find(&self, name: &str, version: &str) -> Result<&IndexEntry, IndexError> {
        let entries = self.versions(name).ok_or(IndexError::NoName)?;
        if entries.is_empty() {
            return Err(IndexError::NoVersion);
        }
        let versions: Vec<&str> = entries.iter().map(|it| it.version.as_str()).collect();
        let found = choose(&versions, version).map_err(IndexError::Constraint)?;
        found.map(|it| &entries[it]).ok_or_else(|| IndexError::NotFound {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }
}

/// Reads an index, YAML or JSON, field by field.
pub(crate) fn read<T>(
    text: &[u8],
    decode: impl FnOnce(&Struct<'_>) -> Result<T, DecodeError>,
) -> Result<T, IndexError> {
    if text.is_empty() {
        return Err(IndexError::Empty);
    }
    let value = goyaml::read(text).map_err(|it| IndexError::Decode(DecodeError::Yaml(it)))?;
    let read = || {
        let fields = Struct::document(&value, "IndexFile", "repo.IndexFile")?;
        let mut api_version = String::new();
        fields.text("apiVersion", &mut api_version)?;
        Ok((decode(&fields)?, api_version))
    };
    let (read, api_version) = read().map_err(IndexError::Decode)?;
    if api_version.is_empty() { Err(IndexError::NoApiVersion) } else { Ok(read) }
}

/// The charts of an index by name, each with what is listed as its versions.
pub(crate) fn listed<'v>(fields: &Struct<'v>) -> Result<Vec<(&'v str, &'v [Value])>, DecodeError> {
    let charts = match fields.get("entries") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Map(charts)) => charts,
        Some(other) => {
            return Err(fields.fail("entries", other, "map[string]repo.ChartVersions"));
        }
    };
    let items = |(name, versions): &'v (Box<str>, Value)| match versions {
        Value::Null => Ok((&**name, &[][..])),
        Value::List(items) => Ok((&**name, items.as_slice())),
        other => Err(DecodeError::Type {
            found: other.json_kind(),
            place: "struct field IndexFile.entries".to_owned(),
            expected: "repo.ChartVersions",
        }),
    };
    charts.iter().map(items).collect()
}

fn read_entry(fields: &Struct<'_>) -> Result<IndexEntry, DecodeError> {
    let mut entry = IndexEntry::default();
    fields.text("name", &mut entry.name)?;
    fields.text("version", &mut entry.version)?;
    fields.texts("urls", &mut entry.urls)?;
    fields.text("digest", &mut entry.digest)?;
    Ok(entry)
}

/// The place of the version that is meant among versions of which the highest comes first.
///
/// A version to the letter comes before all; then the first in the range; without a range, the first release.
pub fn choose(versions: &[&str], range: &str) -> Result<Option<usize>, ConstraintError> {
    let constraint = Constraint::parse(if range.is_empty() { "*" } else { range })?;
    let exact = versions.iter().position(|it| *it == range).filter(|_| !range.is_empty());
    let is_in_range = |it: &&str| Version::parse(it).is_ok_and(|it| constraint.check(&it));
    Ok(exact.or_else(|| versions.iter().position(is_in_range)))
}

/// The versions among the tags of a chart's repository in a registry, the highest first.
///
/// Tags have `_` where versions have `+`; tags that are no versions are left out.
pub fn versions_of_tags(tags: &[String]) -> Vec<String> {
    let versions = tags.iter().filter_map(|it| Version::parse_strict(&it.replace('_', "+")).ok());
    let mut versions: Vec<Version> = versions.collect();
    versions.sort_by(|one, two| two.cmp(one));
    versions.iter().map(ToString::to_string).collect()
}

fn descending(one: &str, two: &str) -> Ordering {
    match (Version::parse(one), Version::parse(two)) {
        (Ok(one), Ok(two)) => two.cmp(&one),
        _ => Ordering::Equal,
    }
}

/// Makes an address of an index whole, given that of the repository.
///
/// The repository's query stays, as tokens may stand in it.
/// Source: Helm 4.1.4, `pkg/repo/v1/chartrepo.go`, `ResolveReferenceURL`.
pub fn resolve_address(repository: &str, address: &str) -> String {
    let scheme = address.split(':').next().unwrap_or_default();
    let is_scheme = |it: u8| it.is_ascii_alphanumeric() || b"+-.".contains(&it);
    let is_whole = scheme.len() < address.len()
        && scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.bytes().all(is_scheme);
    if is_whole {
        return address.to_owned();
    }
    let (base, query) = match repository.split_once('?') {
        Some((base, query)) => (base, format!("?{}", query.split('#').next().unwrap_or_default())),
        None => (repository.split('#').next().unwrap_or_default(), String::new()),
    };
    let path_start = base.find("://").map_or(0, |it| it + 3);
    let path_start = base[path_start..].find('/').map_or(base.len(), |it| path_start + it);
    let (origin, folder) = base.split_at(path_start);
    let address = address.split(['?', '#']).next().unwrap_or_default();
    if let Some(rest) = address.strip_prefix("//") {
        let scheme = origin.split("//").next().unwrap_or_default();
        return format!("{scheme}//{rest}{query}");
    }
    let path = if address.starts_with('/') {
        address.to_owned()
    } else {
        format!("{}/{address}", folder.trim_end_matches('/'))
    };
    format!("{origin}{}{query}", without_dots(&path))
}

/// RFC 3986, section 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

/// Whether two addresses are those of one repository: a slash at the end makes no difference.
pub fn is_same_repository(one: &str, two: &str) -> bool {
    one.trim_end_matches('/') == two.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "apiVersion: v1
entries:
  web:
  - {name: web, version: 1.0.0, urls: [web-1.0.0.tgz], digest: aa}
  - {name: web, version: 1.10.0, urls: [web-1.10.0.tgz]}
  - {name: web, version: 2.0.0-rc.1, urls: [web-2.0.0-rc.1.tgz]}
  - {name: web, version: nonsense, urls: []}
  - null
  empty: []
";

    fn find(name: &str, version: &str) -> Result<String, String> {
        let index = RepositoryIndex::parse(INDEX.as_bytes()).unwrap();
        index.find(name, version).map(|it| it.version.clone()).map_err(|it| it.to_string())
    }

    #[test]
    fn a_range_means_its_highest_version_and_nothing_the_highest_release() {
        let check = |version: &str, want: &str| {
            assert_eq!(find("web", version).as_deref(), Ok(want), "{version}");
        };
        check("", "1.10.0");
        check("1.0.0", "1.0.0");
        check("^1.0", "1.10.0");
        check("~1.0", "1.0.0");
        check(">0.0.0-0", "2.0.0-rc.1");
        check("2.0.0-rc.1", "2.0.0-rc.1");
    }

    #[test]
    fn what_is_not_there_is_said_in_helm_s_words() {
        let error = |name, version| find(name, version).unwrap_err();
        assert_eq!(error("other", ""), "no chart name found");
        assert_eq!(error("empty", ""), "no chart version found");
        assert_eq!(error("web", "^3"), "no chart version found for web-^3");
        assert!(error("web", "not a range").contains("not a range"));
    }

    #[test]
    fn entries_that_are_no_charts_are_named() {
        let index = RepositoryIndex::parse(INDEX.as_bytes()).unwrap();
        assert_eq!(index.skipped, ["web nonsense", "web"]);
        assert_eq!(index.names().collect::<Vec<_>>(), ["empty", "web"]);
    }

    #[test]
    fn a_text_that_is_no_index_is_refused() {
        let error = |text: &str| RepositoryIndex::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(""), "empty index.yaml file");
        assert_eq!(error("entries: {}"), "no API version specified");
        assert!(error("<html></html>").contains("cannot unmarshal string"), "{}", error("<html>"));
        assert!(error("apiVersion: v1\nentries: {web: 1}").contains("repo.ChartVersions"));
    }

    #[test]
    fn tags_are_versions_with_another_plus() {
        let tags = ["1.0.0", "latest", "1.0.1_build.5", "v2.0.0", "1.0.0-rc.1"];
        let tags: Vec<String> = tags.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(versions_of_tags(&tags), ["1.0.1+build.5", "1.0.0", "1.0.0-rc.1"]);
    }

    /// Source: Helm 4.1.4, `pkg/repo/v1/chartrepo_test.go`, `TestResolveReferenceURL`, and more.
    #[test]
    fn addresses_are_resolved_as_helm_does() {
        let check = |base: &str, address: &str, want: &str| {
            assert_eq!(resolve_address(base, address), want);
        };
        check("http://l:8123/", "/n.tgz", "http://l:8123/n.tgz");
        check("http://l:8123/charts/", "n.tgz", "http://l:8123/charts/n.tgz");
        check("http://l:8123/charts/", "/n.tgz", "http://l:8123/n.tgz");
        check("http://l:8123/no-slash", "n.tgz", "http://l:8123/no-slash/n.tgz");
        check("http://l:8123", "https://h.sh/s/n.tgz", "https://h.sh/s/n.tgz");
        check("http://l:8123/c%2fd", "n.tgz", "http://l:8123/c%2fd/n.tgz");
        check("http://l:8123/charts?with=q", "n.tgz", "http://l:8123/charts/n.tgz?with=q");
        check("http://l:8123/charts?with=q", "/n.tgz", "http://l:8123/n.tgz?with=q");
        check("http://l:8123/a/b", "../n.tgz", "http://l:8123/a/n.tgz");
        check("https://l/a", "//m/n.tgz", "https://m/n.tgz");
        check("https://l/a", "oci://m/n:1", "oci://m/n:1");
    }
}
