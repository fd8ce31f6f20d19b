//! Go structs out of YAML, as sigs.k8s.io/yaml fills them by way of JSON.
//!
//! Numbers and booleans become text where a field is text; names match without regard to case.

use goyaml::Value;

/// A value of the wrong kind, in the words of Go's JSON decoder.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    #[error("error converting YAML to JSON: {0}")]
    Yaml(goyaml::ReadError),
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {place} of type {expected}"
    )]
    Type { found: &'static str, place: String, expected: &'static str },
}

/// A table that fills a struct.
pub(crate) struct Struct<'v> {
    /// The Go type's name; empty when it has none.
    name: &'static str,
    /// The fields that lead here, each with a point behind it.
    path: String,
    entries: &'v [(Box<str>, Value)],
}

impl<'v> Struct<'v> {
    /// A whole document; null is a struct without fields.
    pub(crate) fn document(
        value: &'v Value,
        name: &'static str,
        full_name: &'static str,
    ) -> Result<Self, DecodeError> {
        match value {
            Value::Null => Ok(Self { name, path: String::new(), entries: &[] }),
            Value::Map(entries) => Ok(Self { name, path: String::new(), entries }),
            value => Err(DecodeError::Type {
                found: value.json_kind(),
                place: "value".to_owned(),
                expected: full_name,
            }),
        }
    }

    /// The value of a field: of several names that differ in case the last counts.
    pub(crate) fn get(&self, field: &str) -> Option<&'v Value> {
        let same = |(key, _): &&(Box<str>, Value)| key.eq_ignore_ascii_case(field);
        self.entries.iter().rev().find(same).map(|(_, value)| value)
    }

    pub(crate) fn fail(&self, field: &str, value: &Value, expected: &'static str) -> DecodeError {
        DecodeError::Type {
            found: value.json_kind(),
            place: format!("struct field {}.{}{field}", self.name, self.path),
            expected,
        }
    }

    /// Sets a text field, when it is there and not null.
    pub(crate) fn text(&self, field: &str, into: &mut String) -> Result<(), DecodeError> {
        if let Some(value) = self.get(field)
            && let Some(text) = text(value).map_err(|NoScalar| self.fail(field, value, "string"))?
        {
            *into = text;
        }
        Ok(())
    }

    /// Sets a field that is true or false.
    pub(crate) fn truth(&self, field: &str, into: &mut bool) -> Result<(), DecodeError> {
        match self.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(truth)) => *into = *truth,
            Some(value) => return Err(self.fail(field, value, "bool")),
        }
        Ok(())
    }

    /// Sets a field that is a list of texts.
    pub(crate) fn texts(&self, field: &str, into: &mut Vec<String>) -> Result<(), DecodeError> {
        if let Some(items) = self.list(field, "[]string")? {
            *into = items
                .iter()
                .map(|item| {
                    let item_text =
                        text(item).map_err(|NoScalar| self.fail(field, item, "string"))?;
                    Ok(item_text.unwrap_or_default())
                })
                .collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    /// The items of a list.
    pub(crate) fn list(
        &self,
        field: &str,
        expected: &'static str,
    ) -> Result<Option<&'v [Value]>, DecodeError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(&[])),
            Some(Value::List(items)) => Ok(Some(items)),
            Some(value) => Err(self.fail(field, value, expected)),
        }
    }

    /// The structs of a list; null is nothing.
    pub(crate) fn structs(
        &self,
        field: &str,
        name: &'static str,
        (list_type, item_type): (&'static str, &'static str),
    ) -> Result<Option<Vec<Option<Self>>>, DecodeError> {
        let Some(items) = self.list(field, list_type)? else { return Ok(None) };
        let path = format!("{}{field}.", self.path);
        let convert = |item: &'v Value| match item {
            Value::Null => Ok(None),
            Value::Map(entries) => Ok(Some(Self { name, path: path.clone(), entries })),
            value => Err(self.fail(field, value, item_type)),
        };
        items.iter().map(convert).collect::<Result<_, _>>().map(Some)
    }

    /// A struct within this one; null is nothing.
    pub(crate) fn inner(
        &self,
        field: &str,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<Self>, DecodeError> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Map(entries)) => {
                Ok(Some(Self { name, path: format!("{}{field}.", self.path), entries }))
            }
            Some(value) => Err(self.fail(field, value, expected)),
        }
    }

    /// A table of texts; nothing when it is missing or null.
    pub(crate) fn text_map(
        &self,
        field: &str,
    ) -> Result<Option<Vec<(String, String)>>, DecodeError> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Map(entries)) => {
                let convert = |(key, value): &(Box<str>, Value)| {
                    let value_text =
                        text(value).map_err(|NoScalar| self.fail(field, value, "string"))?;
                    Ok((key.to_string(), value_text.unwrap_or_default()))
                };
                entries.iter().map(convert).collect::<Result<_, _>>().map(Some)
            }
            Some(value) => Err(self.fail(field, value, "map[string]string")),
        }
    }
}

/// A scalar as the text of a text field: nothing for null, an error for lists and tables. Numbers that
/// are no integers lose digits, since they are printed as `float32`.
fn text(value: &Value) -> Result<Option<String>, NoScalar> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(truth) => Ok(Some(truth.to_string())),
        Value::Int(number) => Ok(Some(number.to_string())),
        Value::Uint(number) => Ok(Some(number.to_string())),
        Value::Float(number) => Ok(Some(goyaml::format_g32(*number))),
        Value::String(text) => Ok(Some(text.to_string())),
        Value::List(_) | Value::Map(_) => Err(NoScalar),
    }
}

struct NoScalar;
