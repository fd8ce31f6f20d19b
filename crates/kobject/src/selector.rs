//! Which objects a label or field selector means.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};
use thiserror::Error;

mod field;
mod parse;

pub use field::{FieldSelector, ParseFieldSelectorError};

/// A conjunction of requirements on labels; without any it selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
    /// A selector that is absent where one must be selects nothing.
    is_nothing: bool,
}

/// One requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How the value must relate to the values.
    pub operator: Operator,
    /// Sorted; empty for `Exists` and `DoesNotExist`.
    pub values: Vec<String>,
}

/// How a label relates to a requirement's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// The label's value is one of them.
    In,
    /// The label is absent, or its value is none of them.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The label's value is a greater number (node affinity and query strings only).
    GreaterThan,
    /// The label's value is a smaller number (node affinity and query strings only).
    LessThan,
}

/// Why a selector was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseSelectorError {
    /// The text does not follow the grammar.
    #[error("unable to parse requirement: found '{found}', expected: {expected}")]
    Syntax {
        /// The word that does not fit; empty at the end.
        found: String,
        /// What would.
        expected: &'static str,
    },
    /// An expression of an object names an operator that there is not.
    #[error("{operator:?} is not a valid label selector operator")]
    Operator {
        /// As written.
        operator: String,
    },
    /// An expression of an object has values where none may be, or none where some must be.
    #[error("values of {key:?}: {problem}")]
    Values {
        /// The label's key.
        key: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl LabelSelector {
    /// Selects every object.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Selects no object.
    pub fn nothing() -> Self {
        Self { requirements: Vec::new(), is_nothing: true }
    }

    /// Reads a query string: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>3`.
    ///
    /// # Errors
    /// [`ParseSelectorError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, ParseSelectorError> {
        Ok(Self { requirements: parse::requirements(text)?, is_nothing: false })
    }

    /// Reads a `metav1.LabelSelector`; null selects nothing, an empty one everything.
    ///
    /// # Errors
    /// [`ParseSelectorError::Operator`], [`ParseSelectorError::Values`].
    pub fn from_object(selector: &Value) -> Result<Self, ParseSelectorError> {
        let Value::Object(selector) = selector else { return Ok(Self::nothing()) };
        let mut requirements = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            requirements.extend(labels.iter().map(|(key, value)| equals(key, value)));
        }
        for expression in
            selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten()
        {
            requirements.push(from_expression(expression)?);
        }
        requirements.sort_by(|left, right| left.key.cmp(&right.key));
        Ok(Self { requirements, is_nothing: false })
    }

    /// Reads a plain map of labels, as a Service or a ReplicationController has it; null or an empty map
    /// selects nothing, because a Service without selector has no pods.
    pub fn from_map(labels: &Value) -> Self {
        match labels.as_object() {
            Some(labels) if !labels.is_empty() => Self {
                requirements: labels.iter().map(|(key, value)| equals(key, value)).collect(),
                is_nothing: false,
            },
            _ => Self::nothing(),
        }
    }

    /// Whether the labels of an object are selected; absent labels are no labels.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.matches_by(|key| labels?.get(key)?.as_str())
    }

    /// Whether the labels of a plain map are selected.
    pub fn matches_map(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_by(|key| labels.get(key).map(String::as_str))
    }

    /// Whether the object's `metadata.labels` are selected.
    pub fn matches_object(&self, object: &Value) -> bool {
        self.matches(crate::meta::labels(object))
    }

    fn matches_by<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        !self.is_nothing && self.requirements.iter().all(|it| it.matches(label(&it.key)))
    }

    /// Whether every object is selected.
    pub fn is_everything(&self) -> bool {
        !self.is_nothing && self.requirements.is_empty()
    }

    /// The requirements, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    /// Whether the label's value, absent or not, is as required.
    pub fn matches(&self, label: Option<&str>) -> bool {
        let is_listed = |label: &str| self.values.iter().any(|it| it == label);
        match self.operator {
            Operator::In => label.is_some_and(is_listed),
            Operator::NotIn => !label.is_some_and(is_listed),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => self.compares(label, |label, bound| bound < label),
            Operator::LessThan => self.compares(label, |label, bound| label < bound),
        }
    }

    fn compares(&self, label: Option<&str>, holds: impl Fn(i64, i64) -> bool) -> bool {
        let label = label.and_then(|it| it.parse().ok());
        let bound = self.values.first().and_then(|it| it.parse().ok());
        label.zip(bound).is_some_and(|(label, bound)| holds(label, bound))
    }
}

fn equals(key: &str, value: &Value) -> Requirement {
    let values = vec![value.as_str().unwrap_or_default().to_owned()];
    Requirement { key: key.to_owned(), operator: Operator::In, values }
}

fn from_expression(expression: &Value) -> Result<Requirement, ParseSelectorError> {
    let key = expression["key"].as_str().unwrap_or_default().to_owned();
    let listed = expression["values"].as_array().map_or(&[][..], Vec::as_slice);
    let mut values: Vec<String> =
        listed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    values.sort();
    let operator = match expression["operator"].as_str().unwrap_or_default() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => return Err(ParseSelectorError::Operator { operator: other.to_owned() }),
    };
    match (operator, values.is_empty()) {
        (Operator::In | Operator::NotIn, true) => Err(ParseSelectorError::Values {
            key,
            problem: "for 'in', 'notin' operators, values set can't be empty",
        }),
        (Operator::Exists | Operator::DoesNotExist, false) => Err(ParseSelectorError::Values {
            key,
            problem: "values set must be empty for exists and does not exist",
        }),
        _ => Ok(Requirement { key, operator, values }),
    }
}

impl fmt::Display for LabelSelector {
    /// Prints the query string; `<none>` selects nothing.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing {
            return formatter.write_str("<none>");
        }
        for (requirement_idx, requirement) in self.requirements.iter().enumerate() {
            let separator = if requirement_idx == 0 { "" } else { "," };
            write!(formatter, "{separator}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::In if self.values.len() == 1 => write!(formatter, "{key}={values}"),
            Operator::In => write!(formatter, "{key} in ({values})"),
            Operator::NotIn if self.values.len() == 1 => write!(formatter, "{key}!={values}"),
            Operator::NotIn => write!(formatter, "{key} notin ({values})"),
            Operator::Exists => formatter.write_str(key),
            Operator::DoesNotExist => write!(formatter, "!{key}"),
            Operator::GreaterThan => write!(formatter, "{key}>{values}"),
            Operator::LessThan => write!(formatter, "{key}<{values}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, labels: &Value, expect: bool) {
        let selector = LabelSelector::parse(text).unwrap();
        assert_eq!(selector.matches(labels.as_object()), expect, "{text} {labels}");
    }

    #[test]
    fn query_strings_select() {
        let labels = json!({"app": "web", "tier": "front", "n": "5"});
        for (text, expect) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app=db", false),
            ("app!=db", true),
            ("absent!=x", true),
            ("app in (db, web)", true),
            ("app notin (db,web)", false),
            ("absent notin (a)", true),
            ("app", true),
            ("!app", false),
            ("! absent", true),
            ("n>4,n<6", true),
            ("n>5", false),
            ("absent=", false),
            ("app in (web),!absent , tier", true),
        ] {
            check(text, &labels, expect);
        }
    }

    #[test]
    fn broken_query_strings_are_refused() {
        for text in ["=a", "a in b", "a in (b", "a,,b", "a b", "!a=b", "a>x", "(a)", "a!"] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn printing_is_canonical() {
        let selector = LabelSelector::parse("a==b, c in (e,d),!f,g,h notin (i), j != k").unwrap();
        assert_eq!(selector.to_string(), "a=b,c in (d,e),!f,g,h!=i,j!=k");
    }

    #[test]
    fn selector_objects_select() {
        let selector = LabelSelector::from_object(&json!({"matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["d"]}]}))
        .unwrap();
        assert!(selector.matches(json!({"a": "b", "c": "e"}).as_object()));
        assert!(!selector.matches(json!({"a": "b", "c": "d"}).as_object()));
        assert!(LabelSelector::from_object(&json!({})).unwrap().matches(None));
        assert!(!LabelSelector::from_object(&Value::Null).unwrap().matches(None));
        assert!(!LabelSelector::from_map(&json!({})).matches(None));
        let broken = json!({"matchExpressions": [{"key": "c", "operator": "Is"}]});
        assert!(LabelSelector::from_object(&broken).is_err());
    }
}
