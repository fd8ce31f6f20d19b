//! Field selectors: `metadata.name=web,status.phase!=Running`.

use serde_json::Value;
use thiserror::Error;

use crate::Resource;

/// A conjunction of comparisons of fields with texts; without any it selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    path: String,
    value: String,
    is_equal: bool,
}

/// Why a field selector was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseFieldSelectorError {
    /// A part between commas is no comparison.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    Term {
        /// The whole text.
        selector: String,
        /// The part.
        term: String,
    },
    /// The kind cannot be selected by this field.
    #[error("field label not supported: {path}")]
    Unsupported {
        /// The field.
        path: String,
    },
}

/// Fields by which kinds can be selected beside `metadata.name` and `metadata.namespace`.
///
/// Source: Kubernetes 1.34, `AddFieldLabelConversionFunc` of `pkg/apis/*/v1/conversion.go`.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "Pod",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
    ),
    ("Node", &["spec.unschedulable"]),
    ("ReplicationController", &["status.replicas"]),
    (
        "Event",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reportingController",
        ],
    ),
    ("Namespace", &["status.phase"]),
    ("Secret", &["type"]),
    ("Service", &["spec.clusterIP", "spec.type"]),
    ("Job", &["status.successful"]),
    ("CertificateSigningRequest", &["spec.signerName"]),
    ("ResourceSlice", &["spec.nodeName", "spec.driver"]),
];

impl FieldSelector {
    /// Selects every object.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Reads a query string; `\` keeps a following `,`, `=` or `\` as it is.
    ///
    /// # Errors
    /// [`ParseFieldSelectorError::Term`].
    pub fn parse(text: &str) -> Result<Self, ParseFieldSelectorError> {
        let mut terms = Vec::new();
        for part in split(text) {
            if part.is_empty() {
                continue;
            }
            let term = term(part).ok_or_else(|| ParseFieldSelectorError::Term {
                selector: text.to_owned(),
                term: part.to_owned(),
            })?;
            terms.push(term);
        }
        Ok(Self { terms })
    }

    /// Checks that every field can be used with the resource, as the real server does.
    ///
    /// # Errors
    /// [`ParseFieldSelectorError::Unsupported`].
    pub fn check(&self, resource: &Resource) -> Result<(), ParseFieldSelectorError> {
        let fields =
            FIELDS.iter().find(|(kind, _)| *kind == resource.kind).map_or(&[][..], |it| it.1);
        let unsupported = self.terms.iter().find(|it| {
            let path = it.path.as_str();
            !matches!(path, "metadata.name" | "metadata.namespace") && !fields.contains(&path)
        });
        match unsupported {
            Some(it) => Err(ParseFieldSelectorError::Unsupported { path: it.path.clone() }),
            None => Ok(()),
        }
    }

    /// Whether the object's fields are as required; an absent field reads as the empty text.
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|it| (field(object, &it.path) == it.value) == it.is_equal)
    }

    /// Whether every object is selected.
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// The text that a field must equal, when the selector says so: `metadata.name` of a watch on one object.
    pub fn required(&self, path: &str) -> Option<&str> {
        self.terms.iter().find(|it| it.is_equal && it.path == path).map(|it| it.value.as_str())
    }
}

fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (at, it) in text.char_indices() {
        match it {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            ',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn term(part: &str) -> Option<Term> {
    let at = part.find(['=', '!'])?;
    let (path, rest) = part.split_at(at);
    let value = rest.strip_prefix("!=").map(|it| (it, false));
    let value = value.or_else(|| rest.strip_prefix("==").map(|it| (it, true)));
    let (value, is_equal) = value.or_else(|| rest.strip_prefix('=').map(|it| (it, true)))?;
    Some(Term { path: path.to_owned(), value: unescape(value)?, is_equal })
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(it) = chars.next() {
        match it {
            '\\' => plain.push(chars.next().filter(|it| matches!(it, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            _ => plain.push(it),
        }
    }
    Some(plain)
}

/// A field as text. Some fields have a value that the object does not write.
fn field(object: &Value, path: &str) -> String {
    let mut value = object;
    for step in path.split('.') {
        value = &value[step];
    }
    match (value, path) {
        (Value::String(text), _) => text.clone(),
        (Value::Null, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        (Value::Null, "status.successful") => {
            object["status"]["succeeded"].as_i64().unwrap_or(0).to_string()
        }
        (Value::Null, "status.replicas") => "0".to_owned(),
        (Value::Null, "reportingComponent") => field(object, "reportingController"),
        (Value::Null, _) if path.starts_with("regarding.") => {
            field(object, &path.replacen("regarding", "involvedObject", 1))
        }
        (Value::Null, _) => String::new(),
        (Value::Object(source), "source") => {
            source.get("component").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        (other, _) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expect: bool) {
        let pod = json!({"metadata": {"name": "a,b"}, "spec": {"nodeName": "zarpa"},
            "status": {"phase": "Running"}});
        assert_eq!(FieldSelector::parse(text).unwrap().matches(&pod), expect, "{text}");
    }

    #[test]
    fn fields_are_compared_as_text() {
        check("", true);
        check("status.phase=Running", true);
        check("status.phase==Running,spec.nodeName!=other", true);
        check("status.phase!=Running", false);
        check("status.podIP=", true);
        check(r"metadata.name=a\,b", true);
        check("spec.hostNetwork=false", true);
    }

    #[test]
    fn broken_terms_are_refused() {
        assert!(FieldSelector::parse("metadata.name").is_err());
        assert!(FieldSelector::parse("a=b=c").is_err());
    }

    #[test]
    fn kinds_support_their_own_fields() {
        let pods = crate::catalog::by_kind("v1", "Pod").unwrap();
        let maps = crate::catalog::by_kind("v1", "ConfigMap").unwrap();
        let selector = FieldSelector::parse("status.phase=Running,metadata.name=a").unwrap();
        assert_eq!(selector.check(pods), Ok(()));
        assert_eq!(
            selector.check(maps).unwrap_err().to_string(),
            "field label not supported: status.phase"
        );
        assert_eq!(selector.required("metadata.name"), Some("a"));
    }
}
