//! A value together with the path on which it was found; the path is only written when it is needed.

use serde_json::Value;

/// A value and its place in the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    value: &'a Value,
    place: Option<(&'a Self, Step<'a>)>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> At<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, place: None }
    }

    /// A field; null when it is absent.
    pub(super) fn field<'b>(&'b self, name: &'b str) -> At<'b> {
        At { value: &self.value[name], place: Some((self, Step::Field(name))) }
    }

    /// A value that messages place under another name than the object does.
    pub(super) fn under<'b>(&'b self, name: &'b str, value: &'b Value) -> At<'b> {
        At { value, place: Some((self, Step::Field(name))) }
    }

    /// The value of a key of a free map, printed in brackets.
    pub(super) fn key<'b>(&'b self, name: &'b str) -> At<'b> {
        At { value: &self.value[name], place: Some((self, Step::Key(name))) }
    }

    /// The items of a list; none when it is no list.
    pub(super) fn items(&self) -> impl Iterator<Item = At<'_>> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(at, value)| At { value, place: Some((self, Step::Index(at))) })
    }

    /// The keys of a free map with their values.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, At<'_>)> {
        let map = self.value.as_object().into_iter().flatten();
        map.map(move |(key, value)| (&**key, At { value, place: Some((self, Step::Key(key))) }))
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// The text; empty when it is none.
    pub(super) fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    pub(super) fn number(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub(super) fn is_true(&self) -> bool {
        *self.value == Value::Bool(true)
    }

    pub(super) fn is_there(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether there is nothing, or an empty text, list or map.
    pub(super) fn is_unset(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(it) => it.is_empty(),
            Value::Array(it) => it.is_empty(),
            Value::Object(it) => it.is_empty(),
            _ => false,
        }
    }

    /// The path as messages print it: `spec.ports[0].name`, `data[key]`.
    pub(super) fn path(&self) -> String {
        let Some((parent, step)) = self.place else { return String::new() };
        let parent = parent.path();
        match step {
            Step::Field(name) if parent.is_empty() => name.to_owned(),
            Step::Field(name) => format!("{parent}.{name}"),
            Step::Index(at) => format!("{parent}[{at}]"),
            Step::Key(key) => format!("{parent}[{key}]"),
        }
    }
}
