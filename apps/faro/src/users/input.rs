//! What clients say about users, checked as a whole: every field that is wrong is named.

use serde_json::{Map, Value};

use super::Fields;
use crate::problem::FieldError;

const DNI_CHARS_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 100;
const LIMIT_DEFAULT: i64 = 20;
const LIMIT_MAX: i64 = 100;
const KEY_CHARS_MAX: usize = 255;
/// Answers have these, so a client may send them back; they are its own to read, not to write.
const READ_ONLY: [&str; 3] = ["id", "created_at", "updated_at"];

/// A change of some fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) dni: Option<String>,
    pub(crate) name: Option<String>,
}

/// A question for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) limit: i64,
    /// The last id of the page before; 0 for the first page.
    pub(crate) after: i64,
    /// Empty for every one.
    pub(crate) dni: String,
    /// Part of the name, in any case; empty for every one.
    pub(crate) name: String,
}

/// A user as a whole.
pub(crate) fn fields(object: &Map<String, Value>) -> Result<Fields, Vec<FieldError>> {
    let (patch, mut errors) = read(object);
    for name in ["dni", "name"] {
        if !object.contains_key(name) {
            errors.push(FieldError::body(name, "is required"));
        }
    }
    match (patch.dni, patch.name) {
        (Some(dni), Some(name)) if errors.is_empty() => Ok(Fields { dni, name }),
        _ => Err(errors),
    }
}

/// Part of a user, as a merge patch (RFC 7396).
pub(crate) fn patch(object: &Map<String, Value>) -> Result<Patch, Vec<FieldError>> {
    let (patch, errors) = read(object);
    if errors.is_empty() { Ok(patch) } else { Err(errors) }
}

impl Patch {
    pub(crate) fn applied_to(&self, old: &Fields) -> Fields {
        Fields {
            dni: self.dni.clone().unwrap_or_else(|| old.dni.clone()),
            name: self.name.clone().unwrap_or_else(|| old.name.clone()),
        }
    }
}

fn read(object: &Map<String, Value>) -> (Patch, Vec<FieldError>) {
    let (mut patch, mut errors) = (Patch::default(), Vec::new());
    for (key, value) in object {
        let checked = match (key.as_str(), value.as_str()) {
            ("dni", Some(text)) => dni(text).map(|()| patch.dni = Some(text.to_owned())),
            ("name", Some(text)) => name(text).map(|()| patch.name = Some(text.to_owned())),
            ("dni" | "name", None) => Err("must be a text".to_owned()),
            (read_only, _) if READ_ONLY.contains(&read_only) => Ok(()),
            _ => Err("is no field of a user".to_owned()),
        };
        if let Err(detail) = checked {
            errors.push(FieldError::body(key, detail));
        }
    }
    (patch, errors)
}

fn dni(text: &str) -> Result<(), String> {
    let is_known = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.');
    if !text.is_empty() && text.len() <= DNI_CHARS_MAX && text.bytes().all(is_known) {
        return Ok(());
    }
    Err(format!("must be 1 to {DNI_CHARS_MAX} letters, digits, dots and dashes"))
}

fn name(text: &str) -> Result<(), String> {
    let n_chars = text.chars().count();
    if n_chars == 0 || NAME_CHARS_MAX < n_chars {
        Err(format!("must have 1 to {NAME_CHARS_MAX} characters"))
    } else if text.chars().any(char::is_control) {
        Err("must have no control characters".to_owned())
    } else if text.trim() != text {
        Err("must not begin or end with white space".to_owned())
    } else {
        Ok(())
    }
}

/// The parameters of a list.
pub(crate) fn query(pairs: &[(String, String)]) -> Result<Query, Vec<FieldError>> {
    let mut query =
        Query { limit: LIMIT_DEFAULT, after: 0, dni: String::new(), name: String::new() };
    let (mut errors, mut seen) = (Vec::new(), Vec::new());
    for (key, value) in pairs {
        let checked = match key.as_str() {
            known if seen.contains(&known) => Err("is said twice".to_owned()),
            "limit" => limit(value).map(|it| query.limit = it),
            "cursor" => cursor(value).map(|it| query.after = it),
            "dni" => dni(value).map(|()| query.dni.clone_from(value)),
            "name" => name(value).map(|()| query.name.clone_from(value)),
            _ => Err("is no parameter of this list".to_owned()),
        };
        seen.push(key);
        if let Err(detail) = checked {
            errors.push(FieldError::parameter(key, detail));
        }
    }
    if errors.is_empty() { Ok(query) } else { Err(errors) }
}

fn limit(text: &str) -> Result<i64, String> {
    let number = text.parse().ok().filter(|it| (1..=LIMIT_MAX).contains(it));
    number.ok_or_else(|| format!("must be a whole number from 1 to {LIMIT_MAX}"))
}

fn cursor(text: &str) -> Result<i64, String> {
    let is_hex = text.len() == 16 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let id = i64::from_str_radix(text, 16).ok().filter(|it| is_hex && 0 < *it);
    id.ok_or_else(|| "must be the `next` of an earlier page".to_owned())
}

/// The cursor of the page after the user with this id.
pub(crate) fn next_cursor(id: i64) -> String {
    format!("{id:016x}")
}

/// A key by which a client marks a request that it may send again.
pub(crate) fn idempotency_key(text: &str) -> Result<String, Vec<FieldError>> {
    let is_good =
        (1..=KEY_CHARS_MAX).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic());
    if is_good {
        return Ok(text.to_owned());
    }
    let detail = format!("must be 1 to {KEY_CHARS_MAX} visible ASCII characters");
    Err(vec![FieldError::header("Idempotency-Key", detail)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &Value, expect: &[&str]) {
        let errors = fields(value.as_object().unwrap()).err().unwrap_or_default();
        let told: Vec<String> =
            errors.iter().map(|it| format!("{} {}", it.name, it.detail)).collect();
        assert_eq!(told, expect);
    }

    #[test]
    fn every_wrong_field_is_named() {
        check(&json!({"dni": "12345678-Z", "name": "Ana María"}), &[]);
        check(&json!({"dni": "1", "name": "A", "id": 7, "created_at": "x"}), &[]);
        check(&json!({}), &["dni is required", "name is required"]);
        check(
            &json!({"dni": 1, "name": " A", "nmae": "B"}),
            &[
                "dni must be a text",
                "name must not begin or end with white space",
                "nmae is no field of a user",
            ],
        );
        check(
            &json!({"dni": "a b", "name": "a\u{0}"}),
            &[
                "dni must be 1 to 20 letters, digits, dots and dashes",
                "name must have no control characters",
            ],
        );
        check(
            &json!({"dni": "1", "name": "x".repeat(101)}),
            &["name must have 1 to 100 characters"],
        );
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        for id in [1, 20, i64::MAX] {
            assert_eq!(cursor(&next_cursor(id)), Ok(id));
        }
        for text in [
            "",
            "1",
            "-000000000000001",
            "+000000000000001",
            "ffffffffffffffff",
            "0000000000000000",
        ] {
            assert!(cursor(text).is_err(), "{text}");
        }
    }
}
