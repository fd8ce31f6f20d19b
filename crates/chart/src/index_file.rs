//! index.yaml as `helm repo index` writes it (Helm 4.1.4, `pkg/repo/v1/index.go`).

use std::collections::BTreeMap;

use goyaml::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    chart::Chart,
    choose,
    decode::{DecodeError, Struct},
    go_struct::{self, Object},
    index::{self, IndexError},
    load::LoadError,
    metadata::Metadata,
    pathname,
    semver::Version,
};

/// What Go prints for a time that nobody set.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// An index with everything that Helm keeps of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexFile {
    /// The charts by name, each with its versions in any order.
    entries: BTreeMap<String, Vec<Indexed>>,
    /// RFC 3339.
    generated: String,
    api_version: String,
    public_keys: Vec<String>,
    annotations: Vec<(String, String)>,
}

/// One version of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
struct Indexed {
    metadata: Metadata,
    urls: Vec<String>,
    created: String,
    is_removed: bool,
    digest: String,
}

impl IndexFile {
    /// An index without charts, made at a time in RFC 3339.
    pub fn new(now: &str) -> Self {
        let (generated, api_version) = (now.to_owned(), "v1".to_owned());
        Self { generated, api_version, ..Self::default() }
    }

    /// Adds an archive that lies at `path` below the index, served below `url`.
    ///
    /// # Errors
    /// The archive is no chart, which `helm repo index` passes over.
    pub fn add(&mut self, path: &str, url: &str, archive: &[u8]) -> Result<(), LoadError> {
        let metadata = Chart::from_archive(archive)?.metadata;
        let hex: String = Sha256::digest(archive).iter().map(|it| format!("{it:02x}")).collect();
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = url_join(url, folder);
        let url = if folder.is_empty() { file.to_owned() } else { url_join(&folder, file) };
        let entries = self.entries.entry(metadata.name.clone()).or_default();
        let created = self.generated.clone();
        entries.push(Indexed {
            metadata,
            urls: vec![url],
            created,
            is_removed: false,
            digest: hex,
        });
        Ok(())
    }

    /// Reads an index, YAML or JSON; entries that are no charts are left out.
    pub fn parse(text: &[u8]) -> Result<Self, IndexError> {
        index::read(text, Self::read)
    }

    fn read(fields: &Struct<'_>) -> Result<Self, DecodeError> {
        let mut index = Self { generated: NO_TIME.to_owned(), ..Self::default() };
        fields.text("apiVersion", &mut index.api_version)?;
        fields.text("generated", &mut index.generated)?;
        fields.texts("publicKeys", &mut index.public_keys)?;
        index.annotations = fields.text_map("annotations")?.unwrap_or_default();
        for (name, items) in index::listed(fields)? {
            let mut entries = Vec::new();
            for item in items {
                entries.extend(Indexed::read(item)?);
            }
            index.entries.insert(name.to_owned(), entries);
        }
        Ok(index)
    }

    /// Takes over what another index has and this one has not, by name and version.
    pub fn merge(&mut self, other: Self) {
        for entry in other.entries.into_values().flatten() {
            let Metadata { name, version, .. } = &entry.metadata;
            if !self.has(name, version) {
                self.entries.entry(name.clone()).or_default().push(entry);
            }
        }
    }

    /// Whether a version is there, or one that Helm takes for it.
    fn has(&self, name: &str, version: &str) -> bool {
        let entries = self.entries.get(name).map(Vec::as_slice).unwrap_or_default();
        let versions: Vec<&str> = entries.iter().map(|it| it.metadata.version.as_str()).collect();
        choose(&versions, version).is_ok_and(|it| it.is_some())
    }

    /// Puts the highest versions first; what is no version comes last.
    pub fn sort(&mut self) {
        for entries in self.entries.values_mut() {
            entries.sort_by_cached_key(|it| {
                std::cmp::Reverse(Version::parse(&it.metadata.version).ok())
            });
        }
    }

    /// The index as Helm writes it.
    pub fn to_yaml(&self) -> String {
        let entries = self.entries.iter().map(|(name, versions)| {
            let versions = versions.iter().map(Indexed::to_value).collect();
            (name.as_str().into(), Value::List(versions))
        });
        let annotations = self.annotations.iter();
        let annotations = annotations.map(|(key, value)| (key.as_str().into(), text(value)));
        let mut fields = Vec::new();
        if !self.annotations.is_empty() {
            fields.push(("annotations".into(), Value::Map(annotations.collect())));
        }
        fields.push(("apiVersion".into(), text(&self.api_version)));
        fields.push(("entries".into(), Value::Map(entries.collect())));
        fields.push(("generated".into(), text(&self.generated)));
        if !self.public_keys.is_empty() {
            fields.push(("publicKeys".into(), texts(&self.public_keys)));
        }
        goyaml::print_v2(&Value::Map(fields))
    }

    /// The same as `helm repo index --json` writes it.
    pub fn to_json(&self) -> String {
        let mut entries = Object::new();
        for (name, versions) in &self.entries {
            let name = go_struct::quoted(name);
            let versions = go_struct::list(versions.iter().map(Indexed::to_json));
            entries.field(&name[1..name.len() - 1], &versions);
        }
        let mut object = Object::new();
        object.field("apiVersion", &go_struct::quoted(&self.api_version));
        object.field("generated", &go_struct::quoted(&self.generated));
        object.field("entries", &entries.finish());
        object.texts("publicKeys", &self.public_keys);
        if !self.annotations.is_empty() {
            object.field("annotations", &go_struct::text_map(&self.annotations));
        }
        go_struct::indented(&object.finish())
    }
}

impl Indexed {
    /// Nothing for what Helm passes over.
    fn read(item: &Value) -> Result<Option<Self>, DecodeError> {
        if *item == Value::Null {
            return Ok(None);
        }
        let fields = Struct::document(item, "ChartVersion", "repo.ChartVersion")?;
        let mut entry = Self { created: NO_TIME.to_owned(), ..Self::default() };
        let nulls = entry.metadata.read_fields(&fields)?;
        if entry.metadata.api_version.is_empty() {
            "v1".clone_into(&mut entry.metadata.api_version);
        }
        fields.texts("urls", &mut entry.urls)?;
        fields.text("created", &mut entry.created)?;
        fields.truth("removed", &mut entry.is_removed)?;
        fields.text("digest", &mut entry.digest)?;
        let is_skipped = match entry.metadata.validate(nulls) {
            // Some servers leave out aliases (Helm's issue 12748).
            Ok(()) | Err(crate::ValidationError::Twice(_)) => false,
            Err(_) => true,
        };
        Ok((!is_skipped).then_some(entry))
    }

    fn to_value(&self) -> Value {
        let Value::Map(mut fields) = self.metadata.to_value() else { unreachable!("a table") };
        fields.push(("created".into(), text(&self.created)));
        if !self.digest.is_empty() {
            fields.push(("digest".into(), text(&self.digest)));
        }
        if self.is_removed {
            fields.push(("removed".into(), Value::Bool(true)));
        }
        fields.push(("urls".into(), texts(&self.urls)));
        fields.sort_by(|one, two| one.0.cmp(&two.0));
        Value::Map(fields)
    }

    fn to_json(&self) -> String {
        let mut object = Object::new();
        go_struct::add_metadata(&mut object, &self.metadata);
        object.field("urls", &go_struct::list(self.urls.iter().map(|it| go_struct::quoted(it))));
        object.field("created", &go_struct::quoted(&self.created));
        object.truth("removed", self.is_removed);
        object.text("digest", &self.digest);
        object.finish()
    }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|it| text(it)).collect())
}

/// Source: Helm 4.1.4, `internal/urlutil/urlutil.go`, `URLJoin`.
fn url_join(base: &str, path: &str) -> String {
    let (address, rest) = base.find(['?', '#']).map_or((base, ""), |it| base.split_at(it));
    let start = address.find("://").map_or(0, |it| it + 3);
    let start = match address[start..].find('/') {
        Some(it) => start + it,
        None if start == 0 => 0,
        None => address.len(),
    };
    let (origin, folder) = address.split_at(start);
    let joined = pathname::join(folder, path);
    let slash =
        if !origin.is_empty() && !joined.is_empty() && !joined.starts_with('/') { "/" } else { "" };
    format!("{origin}{slash}{joined}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::ChartFile;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn archive(version: &str) -> Vec<u8> {
        let chart = format!("apiVersion: v2\nname: web\nversion: {version}\ndescription: a & b\n");
        let file = ChartFile { path: "Chart.yaml".to_owned(), data: chart.as_str().into() };
        Chart::load(vec![file]).unwrap().to_archive(0).unwrap()
    }

    #[test]
    fn an_index_is_written_as_helm_does_and_read_back() {
        let mut index = IndexFile::new(NOW);
        assert_eq!(
            index.to_yaml(),
            format!("apiVersion: v1\nentries: {{}}\ngenerated: \"{NOW}\"\n")
        );
        index.add("web-1.0.0.tgz", "https://a.b/c", &archive("1.0.0")).unwrap();
        index.add("sub/web-1.1.0.tgz", "", &archive("1.1.0")).unwrap();
        assert!(index.add("x.tgz", "", b"no chart").is_err());
        index.sort();
        let text = index.to_yaml();
        assert_eq!(IndexFile::parse(text.as_bytes()).unwrap(), index);
        let lines: Vec<&str> = text.lines().filter(|it| !it.contains("digest")).collect();
        let expect = "apiVersion: v1
entries:
  web:
  - apiVersion: v2
    created: \"2026-01-02T03:04:05Z\"
    description: a & b
    name: web
    urls:
    - sub/web-1.1.0.tgz
    version: 1.1.0
  - apiVersion: v2
    created: \"2026-01-02T03:04:05Z\"
    description: a & b
    name: web
    urls:
    - https://a.b/c/web-1.0.0.tgz
    version: 1.0.0
generated: \"2026-01-02T03:04:05Z\"";
        assert_eq!(lines.join("\n"), expect);
        let json = index.to_json();
        assert!(json.starts_with("{\n  \"apiVersion\": \"v1\",\n  \"generated\": "), "{json}");
        assert!(json.contains("      {\n        \"name\": \"web\",\n"), "{json}");
        assert!(json.contains("\"description\": \"a \\u0026 b\""), "{json}");
        assert_eq!(IndexFile::parse(json.as_bytes()).unwrap(), index);
    }

    #[test]
    fn an_index_that_is_none_is_refused_and_not_emptied() {
        for text in
            ["", "entries: {}", "apiVersion: v1\nentries: 5", "apiVersion: v1\nentries: {a: 5}"]
        {
            assert!(IndexFile::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_merged_index_keeps_what_was_there() {
        let mut old = IndexFile::new("2020-01-01T00:00:00Z");
        old.add("web-1.0.0.tgz", "https://old", &archive("1.0.0")).unwrap();
        old.add("web-0.9.0.tgz", "https://old", &archive("0.9.0")).unwrap();
        let mut new = IndexFile::new(NOW);
        new.add("web-1.0.0.tgz", "https://new", &archive("1.0.0")).unwrap();
        new.merge(old);
        new.sort();
        let text = new.to_yaml();
        assert!(
            text.contains("https://new/web-1.0.0.tgz")
                && text.contains("https://old/web-0.9.0.tgz")
        );
        assert!(!text.contains("https://old/web-1.0.0.tgz"), "{text}");
    }

    #[test]
    fn addresses_are_joined_as_in_helm() {
        let check = |base: &str, path: &str, want: &str| assert_eq!(url_join(base, path), want);
        check("", "", "");
        check("", "a.tgz", "a.tgz");
        check("https://a.b", "", "https://a.b");
        check("https://a.b", "c.tgz", "https://a.b/c.tgz");
        check("https://a.b/x/", "c.tgz", "https://a.b/x/c.tgz");
        check("https://a.b/x?y=1", "c.tgz", "https://a.b/x/c.tgz?y=1");
        check("charts", "c.tgz", "charts/c.tgz");
    }
}
