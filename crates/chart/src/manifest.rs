//! From rendered files to manifests and hooks (Helm 4.1.4, `pkg/release/v1/util`).

use std::collections::BTreeMap;

use goyaml::Value;
use kobject::order::{INSTALL, rank};
use memchr::arch::all::memchr::One;

use crate::{
    decode::{DecodeError, Struct},
    pathname,
    warning::Warning,
};

/// A document to install.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// The template's path in the output: `faro/templates/service.yaml`.
    pub source: String,
    /// The text, without white space around it.
    pub content: String,
    pub api_version: String,
    pub kind: String,
    pub name: String,
    /// Nothing when the document names none.
    pub namespace: Option<String>,
}

/// A document that is installed at some moment of a release's life.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hook {
    pub name: String,
    pub kind: String,
    /// The template's path in the output.
    pub path: String,
    /// The text, without white space around it.
    pub manifest: String,
    /// `pre-install` and so on; `test-success` is `test`.
    pub events: Vec<&'static str>,
    pub weight: i64,
    /// As written, in lower case.
    pub delete_policies: Vec<String>,
    pub output_log_policies: Vec<String>,
}

impl Hook {
    /// Whether it belongs to `helm test`.
    pub fn is_test(&self) -> bool {
        self.events.contains(&"test")
    }
}

/// A document that is no manifest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("YAML parse error on {file}: {error}")]
pub struct ManifestError {
    /// The template's path in the output.
    pub file: String,
    pub error: DecodeError,
}

/// Manifests and hooks, each in the order of installation.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) hooks: Vec<Hook>,
}

/// What Helm says of a document of which it knows no event.
pub(crate) const UNKNOWN_HOOKS: &str = "skipping unknown hooks";

const EVENTS: [(&str, &str); 10] = [
    ("pre-install", "pre-install"),
    ("post-install", "post-install"),
    ("pre-delete", "pre-delete"),
    ("post-delete", "post-delete"),
    ("pre-upgrade", "pre-upgrade"),
    ("post-upgrade", "post-upgrade"),
    ("pre-rollback", "pre-rollback"),
    ("post-rollback", "post-rollback"),
    ("test", "test"),
    ("test-success", "test"),
];

/// Splits and sorts rendered files.
pub(crate) fn sort(
    files: BTreeMap<String, String>,
    log: &mut Vec<Warning>,
) -> Result<Sorted, ManifestError> {
    let mut sorted = Sorted::default();
    for (path, content) in files {
        if pathname::base(&path).starts_with('_') {
            continue;
        }
        for document in split_documents(&content) {
            let head =
                read_head(document).map_err(|error| ManifestError { file: path.clone(), error })?;
            match head.annotation("helm.sh/hook") {
                None => sorted.manifests.push(Manifest {
                    source: path.clone(),
                    content: document.to_owned(),
                    api_version: head.api_version,
                    kind: head.kind,
                    name: head.name,
                    namespace: head.namespace,
                }),
                Some(events) => match parse_events(events) {
                    Some(events) => sorted.hooks.push(hook(&path, document, &head, events)),
                    None => log.push(Warning::info(UNKNOWN_HOOKS).with("hookTypes", events)),
                },
            }
        }
    }
    sorted.manifests.sort_by(|one, two| rank(&one.kind, &INSTALL).cmp(&rank(&two.kind, &INSTALL)));
    sorted.hooks.sort_by(|one, two| rank(&one.kind, &INSTALL).cmp(&rank(&two.kind, &INSTALL)));
    Ok(sorted)
}

/// Nothing when one is unknown.
fn parse_events(text: &str) -> Option<Vec<&'static str>> {
    let event = |word: &str| {
        let word = word.trim().to_lowercase();
        EVENTS.iter().find(|(name, _)| *name == word).map(|(_, event)| *event)
    };
    text.split(',').map(event).collect()
}

fn hook(path: &str, document: &str, head: &Head, events: Vec<&'static str>) -> Hook {
    let words = |annotation: &str| {
        let words = head.annotation(annotation).into_iter().flat_map(|text| text.split(','));
        words.map(|word| word.trim().to_lowercase()).collect()
    };
    let weight = head.annotation("helm.sh/hook-weight").unwrap_or_default();
    Hook {
        name: head.name.clone(),
        kind: head.kind.clone(),
        path: path.to_owned(),
        manifest: document.to_owned(),
        events,
        weight: parse_weight(weight),
        delete_policies: words("helm.sh/hook-delete-policy"),
        output_log_policies: words("helm.sh/hook-output-log-policy"),
    }
}

/// Go's `Atoi`, and 0 for what is no number.
fn parse_weight(text: &str) -> i64 {
    text.parse().unwrap_or(0)
}

/// Splits a rendered file into its documents.
///
/// Documents come in file order, without their separators and the white space around them; blank ones
/// are dropped; never fails. Source: Helm 4.1.4, `pkg/release/v1/util/manifest.go`, which splits at
/// `(?:^|\s*\n)---\s*`; later versions split otherwise.
pub(crate) fn split_documents(text: &str) -> Vec<&str> {
    let text = text.trim();
    let mut documents = Vec::new();
    let mut start = 0;
    let mut from = 0;
    while let Some((end, next)) = find_separator(text, from) {
        documents.push(&text[start..end]);
        start = next;
        // A separator that nothing separates from the last one does not count: its line break is gone.
        from = next;
    }
    documents.push(&text[start..]);
    documents.retain(|document| !document.is_empty());
    documents.iter().map(|document| document.trim()).collect()
}

/// The next `---` at the start of the text or of a line: where the text before it ends, and where the
/// text after it starts.
fn find_separator(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let place = if from == 0 && text.starts_with("---") {
        0
    } else {
        let is_before = |at: &usize| bytes[from + at + 1..].starts_with(b"---");
        from + One::new(b'\n').iter(&bytes[from..]).find(is_before)? + 1
    };
    let end = bytes[from..place].iter().rposition(|byte| !is_blank(*byte));
    let end = end.map_or(from, |last| from + last + 1);
    let after = bytes[place + 3..].iter().position(|byte| !is_blank(*byte));
    Some((end, after.map_or(bytes.len(), |skipped| place + 3 + skipped)))
}

/// What `\s` matches in Go.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// What Helm reads of a document.
#[derive(Debug, Default)]
pub(crate) struct Head {
    api_version: String,
    kind: String,
    name: String,
    namespace: Option<String>,
    annotations: Vec<(String, String)>,
}

impl Head {
    fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The type of `metadata` in Helm's source, as Go prints it.
const METADATA_TYPE: &str = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";

pub(crate) fn read_head(document: &str) -> Result<Head, DecodeError> {
    let is_wanted = |key: &str| {
        ["apiVersion", "kind", "metadata"].iter().any(|it| key.eq_ignore_ascii_case(it))
    };
    let value = goyaml::read_some(document.as_bytes(), &is_wanted).map_err(DecodeError::Yaml)?;
    let fields = Struct::document(&value, "SimpleHead", "util.SimpleHead")?;
    let mut head = Head::default();
    fields.text("apiVersion", &mut head.api_version)?;
    fields.text("kind", &mut head.kind)?;
    if let Some(metadata) = fields.inner("metadata", "", METADATA_TYPE)? {
        head.annotations = metadata.text_map("annotations")?.unwrap_or_default();
        metadata.text("name", &mut head.name)?;
        // Helm does not look at this here, so whatever it is, it is no error.
        head.namespace = metadata.get("namespace").and_then(Value::as_str).map(str::to_owned);
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_split_as_in_helm() {
        for (text, expected) in [
            ("a: 1\n---\nb: 2\n", &["a: 1", "b: 2"][..]),
            ("---\na: 1\n---\n---\nb: 2", &["a: 1", "---\nb: 2"]),
            ("a: 1\n---b: 2", &["a: 1", "b: 2"]),
            ("a: 1 # ---\nb: 2", &["a: 1 # ---\nb: 2"]),
            ("\n\n---\n\n", &[]),
            ("a: 1\r\n---\r\nb: 2\r\n", &["a: 1", "b: 2"]),
            ("# only a comment", &["# only a comment"]),
            ("a: |\n  x\n ---\nb: 1", &["a: |\n  x\n ---\nb: 1"]),
        ] {
            assert_eq!(split_documents(text), expected, "{text:?}");
        }
    }

    #[test]
    fn heads_take_numbers_for_text() {
        let head = read_head(
            "kind: X\napiVersion: 1\nmetadata:\n  name: 5\n  annotations: {a: 1.10, b: true, c: null}\nspec: [1, {a: b}]",
        )
        .unwrap();
        assert_eq!((head.api_version.as_str(), head.name.as_str()), ("1", "5"));
        let values: Vec<&str> = head.annotations.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["1.1", "true", ""]);
    }

    #[test]
    fn wrong_heads_are_worded_as_in_helm() {
        let text = |document: &str| read_head(document).unwrap_err().to_string();
        let prefix = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal";
        assert_eq!(text("- a"), format!("{prefix} array into Go value of type util.SimpleHead"));
        assert_eq!(
            text("metadata: {annotations: {a: [1]}}"),
            format!("{prefix} array into Go struct field .metadata.annotations of type string")
        );
        assert_eq!(
            text("a: b: c"),
            "error converting YAML to JSON: yaml: mapping values are not allowed in this context"
        );
    }
}
