//! Manifest text, as records store it and `helm template` prints it, to documents and objects.

use serde_json::Value;
use thiserror::Error;

use crate::object;

/// One document of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The template it came from, `faro/templates/service.yaml`.
    pub source: Option<String>,
    /// The text, without separator and `# Source:` line.
    pub content: String,
    pub object: Value,
}

#[derive(Debug, Error)]
pub enum ManifestError {
    #[error("document {number} of the manifest ({source_name}) is not YAML")]
    Yaml { number: usize, source_name: String, source: goyaml::ReadError },
    #[error("document {number} of the manifest ({source_name}) has no {field}")]
    Incomplete { number: usize, source_name: String, field: &'static str },
}

/// Reads the documents of a manifest, in their order; documents of comments alone are left out.
pub fn parse(text: &str) -> Result<Vec<Document>, ManifestError> {
    let mut documents = Vec::new();
    for (number, text) in (1..).zip(split(text)) {
        let document = document(number, text)?;
        if !document.object.is_null() {
            documents.push(document);
        }
    }
    Ok(documents)
}

/// Reads the objects of a manifest, in their order; lists are taken apart into their items.
pub fn objects(text: &str) -> Result<Vec<Value>, ManifestError> {
    Ok(parse(text)?.into_iter().flat_map(|it| flatten(it.object)).collect())
}

/// Splits at lines that start with `---`; blank documents are dropped.
///
/// Source: Helm 4.1.4, `pkg/release/v1/util/manifest.go`, the separator `(?m)^---[ \t]*`.
pub fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut start = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            documents.push(&text[start..offset]);
            start = offset + (line.len() - rest.trim_start_matches([' ', '\t']).len());
        }
        offset += line.len();
    }
    documents.push(&text[start..]);
    documents.retain(|it| !it.trim().is_empty());
    documents
}

/// Reads one document of YAML, as Kubernetes reads it: every key is text.
///
/// # Errors
/// What Go's YAML refuses, in its words.
pub fn read(text: &str) -> Result<Value, goyaml::ReadError> {
    goyaml::read(text.as_bytes()).map(json)
}

/// The items of a `List`, or the object itself.
pub fn flatten(object: Value) -> Vec<Value> {
    match object {
        Value::Object(mut fields)
            if fields
                .get("kind")
                .and_then(Value::as_str)
                .is_some_and(|it| it.ends_with("List"))
                && fields.get("items").is_some_and(Value::is_array) =>
        {
            match fields.remove("items") {
                Some(Value::Array(items)) => items.into_iter().flat_map(flatten).collect(),
                _ => Vec::new(),
            }
        }
        object => vec![object],
    }
}

fn document(number: usize, text: &str) -> Result<Document, ManifestError> {
    let text = text.trim_start();
    let (source, content) = match text.strip_prefix("# Source: ") {
        Some(rest) => {
            let (source, content) = rest.split_once('\n').unwrap_or((rest, ""));
            (Some(source.trim().to_owned()), content)
        }
        None => (None, text),
    };
    let source_name = || source.clone().unwrap_or_else(|| "without a source".to_owned());
    let object: Value = read(content).map_err(|source| ManifestError::Yaml {
        number,
        source_name: source_name(),
        source,
    })?;
    if !object.is_null() {
        let missing =
            |field| ManifestError::Incomplete { number, source_name: source_name(), field };
        if object::kind(&object).is_empty() {
            return Err(missing("kind"));
        }
        if object::api_version(&object).is_empty() {
            return Err(missing("apiVersion"));
        }
    }
    Ok(Document { source, content: content.to_owned(), object })
}

fn json(value: goyaml::Value) -> Value {
    match value {
        goyaml::Value::Null => Value::Null,
        goyaml::Value::Bool(it) => Value::from(it),
        goyaml::Value::Int(it) => Value::from(it),
        goyaml::Value::Uint(it) => Value::from(it),
        goyaml::Value::Float(it) => Value::from(it),
        goyaml::Value::String(it) => Value::from(it.into_string()),
        goyaml::Value::List(items) => items.into_iter().map(json).collect(),
        goyaml::Value::Map(entries) => Value::Object(
            entries.into_iter().map(|(key, it)| (key.into_string(), json(it))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{objects, parse, split};

    #[test]
    fn separators_need_no_line_of_their_own() {
        assert_eq!(split("a: 1\n---b: 2\n--- \t\nc: 3\n---\n\n"), ["a: 1\n", "b: 2\n", "\nc: 3\n"]);
        assert!(split("---\n---\n").is_empty());
    }

    #[test]
    fn source_line_is_read() {
        let text = "---\n# Source: faro/templates/a.yaml\napiVersion: v1\nkind: Service\nmetadata:\n  name: x\n---\n# only words\n";
        let documents = parse(text).unwrap();
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0].source.as_deref(), Some("faro/templates/a.yaml"));
        assert_eq!(documents[0].object["metadata"]["name"], "x");
        assert!(documents[0].content.starts_with("apiVersion: v1\n"));
    }

    #[test]
    fn lists_are_taken_apart() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n";
        let objects = objects(text).unwrap();
        assert_eq!(objects[0]["kind"], "Secret");
    }

    #[test]
    fn missing_kind_names_the_template() {
        let error = parse("---\n# Source: a/templates/b.yaml\nx: 1\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "document 1 of the manifest (a/templates/b.yaml) has no kind"
        );
    }
}
