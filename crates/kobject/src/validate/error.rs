//! What is wrong with a field, and the list in which that is gathered.

use std::fmt;

use serde_json::Value;

use super::at::At;

/// A field whose value may not be stored; prints as `spec.replicas: Invalid value: -1: must be …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field: `spec.template.spec.containers[0].image`.
    pub field: String,
    /// What kind of problem it is.
    pub reason: Reason,
    /// The value, where the message shows it.
    pub value: Option<Value>,
    /// The rest of the message; may be empty.
    pub detail: String,
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The field must be there.
    Required,
    /// The value is not allowed.
    Invalid,
    /// Another item has the value already.
    Duplicate,
    /// The value is none of those that there are.
    NotSupported,
    /// The field must not be there, or must not change.
    Forbidden,
    /// The value names something that is not there.
    NotFound,
    /// The value is too long.
    TooLong,
    /// There are too many items.
    TooMany,
}

impl Reason {
    /// The `reason` of a cause in a Status: `FieldValueInvalid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::Duplicate => "Duplicate value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }
}

impl FieldError {
    /// The message without the field, as causes of a Status carry it.
    pub fn message(&self) -> String {
        let mut text = self.reason.words().to_owned();
        if let Some(value) = &self.value {
            text = format!("{text}: {value}");
        }
        if self.detail.is_empty() { text } else { format!("{text}: {}", self.detail) }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.message())
    }
}

/// Joins problems as a Status message does: one as it is, several as `[a, b]`, each once.
///
/// The message is `Deployment.apps "web" is invalid: ` and this.
pub fn aggregate(errors: &[FieldError]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in errors.iter().map(ToString::to_string) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match &texts[..] {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// Problems found so far.
#[derive(Debug, Default)]
pub(super) struct Errors {
    list: Vec<FieldError>,
}

impl Errors {
    pub(super) fn into_list(self) -> Vec<FieldError> {
        self.list
    }

    /// How many problems there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    fn push(&mut self, at: &At<'_>, reason: Reason, value: Option<Value>, detail: &str) {
        self.list.push(FieldError { field: at.path(), reason, value, detail: detail.to_owned() });
    }

    pub(super) fn required(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, Reason::Required, None, detail);
    }

    /// Shows the value that stands there.
    pub(super) fn invalid(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, Reason::Invalid, Some(at.value().clone()), detail);
    }

    pub(super) fn invalid_value(&mut self, at: &At<'_>, value: impl Into<Value>, detail: &str) {
        self.push(at, Reason::Invalid, Some(value.into()), detail);
    }

    /// One problem for each message about the value that stands there.
    pub(super) fn each(&mut self, at: &At<'_>, messages: Vec<String>) {
        for message in messages {
            self.invalid(at, &message);
        }
    }

    pub(super) fn duplicate(&mut self, at: &At<'_>) {
        self.push(at, Reason::Duplicate, Some(at.value().clone()), "");
    }

    pub(super) fn not_found(&mut self, at: &At<'_>) {
        self.push(at, Reason::NotFound, Some(at.value().clone()), "");
    }

    pub(super) fn forbidden(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, Reason::Forbidden, None, detail);
    }

    pub(super) fn not_supported(&mut self, at: &At<'_>, supported: &[&str]) {
        let quoted: Vec<String> = supported.iter().map(|it| format!("{it:?}")).collect();
        let detail = format!("supported values: {}", quoted.join(", "));
        // A field that is absent reads as the empty text in Go.
        let value = if at.value().is_null() { "".into() } else { at.value().clone() };
        self.push(at, Reason::NotSupported, Some(value), &detail);
    }

    pub(super) fn too_long(&mut self, at: &At<'_>, bytes_max: usize) {
        self.push(at, Reason::TooLong, None, &format!("may not be more than {bytes_max} bytes"));
    }

    /// A number that is there must not be negative.
    pub(super) fn non_negative(&mut self, at: &At<'_>) {
        if at.number().is_some_and(|it| it < 0) {
            self.invalid(at, "must be greater than or equal to 0");
        }
    }

    /// A text that is there must be one of these.
    pub(super) fn one_of(&mut self, at: &At<'_>, supported: &[&str]) {
        if !at.is_unset() && !supported.contains(&at.text()) {
            self.not_supported(at, supported);
        }
    }

    /// The value must be the old one.
    pub(super) fn immutable(&mut self, at: &At<'_>, old: &Value) {
        if at.value() != old {
            self.invalid(at, "field is immutable");
        }
    }
}
