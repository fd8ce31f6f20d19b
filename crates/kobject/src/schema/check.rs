//! What in an object does not fit its schema: unknown fields, wrong types; and how it reads without them.

use serde_json::Value;
use thiserror::Error;

use super::{Format, Schema, Shape, Type, is_zero};
use crate::quantity::Quantity;

/// A value that Kubernetes' decoder would refuse; prints as the real server words it.
///
/// Source: `sigs.k8s.io/json` as of Kubernetes 1.34, `UnmarshalTypeError`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TypeError {
    /// The value is of another JSON type.
    #[error("json: cannot unmarshal {found} into Go {place} of type {expected}")]
    Mismatch {
        /// What stands there: `string`, `number`, `array`, `object`, `bool`, or `number 1.5`.
        found: String,
        /// `struct field DeploymentSpec.spec.replicas`, or `value` at the root.
        place: String,
        /// The Go type that was expected: `int32`.
        expected: String,
    },
    /// The string is no quantity.
    #[error("{}", crate::quantity::FORMAT_MESSAGE)]
    Quantity,
    /// The string is no RFC 3339 time.
    #[error(
        "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
    )]
    Time {
        /// What stands there.
        text: String,
    },
    /// The string is not base 64.
    #[error("illegal base64 data at input byte {at}")]
    Base64 {
        /// Position of the first byte that is wrong.
        at: usize,
    },
}

/// The fields that the schema does not know, each as `unknown field "spec.foo[0].bar"`, in the object's order.
///
/// Joined by `, ` after `strict decoding error: `, they are what the real server answers.
pub fn unknown_fields(schema: &Schema, object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk_unknown(schema.root(), object, "", &mut found);
    found.into_iter().map(|it| format!("unknown field {it:?}")).collect()
}

fn walk_unknown(at: &Type, value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match at.at_key(key) {
                    Some(field) => walk_unknown(field, value, &path, found),
                    None if at.shape() == Shape::Object => found.push(path),
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            let Some(element) = at.element() else { return };
            for (item_idx, item) in items.iter().enumerate() {
                walk_unknown(element, item, &format!("{path}[{item_idx}]"), found);
            }
        }
        _ => {}
    }
}

/// Reduces an object to what the real server keeps of it after decoding.
///
/// Unknown fields and nulls go, and so do empty lists, empty maps of free keys, and zeros of fields that Go
/// leaves out then. Quantities take their canonical form.
/// What the schema leaves open is kept as it is.
pub fn prune(schema: &Schema, object: &mut Value) {
    prune_value(schema.root(), object);
}

fn prune_value(at: &Type, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if matches!(at.shape(), Shape::Any | Shape::AnyAtomic) {
                return;
            }
            map.retain(|key, value| {
                let Some(field) = at.at_key(key) else { return at.shape() != Shape::Object };
                if at.field(key).is_none() && at.element().is_none() {
                    return true;
                }
                if value.is_null() {
                    // To Go, a null in a map of texts is the empty text.
                    let is_text =
                        at.shape() == Shape::Map && matches!(field.shape(), Shape::String(_));
                    if is_text {
                        *value = "".into();
                    }
                    return is_text || field.is_nullable();
                }
                prune_value(field, value);
                !is_omitted(field, value)
            });
        }
        Value::Array(items) => {
            if let Some(element) = at.element() {
                items.iter_mut().for_each(|it| prune_value(element, it));
            }
        }
        _ => normalize(at, value),
    }
}

/// Writes a scalar as Go writes it after reading it: quantities in canonical form, base 64 on one line.
pub(crate) fn normalize(at: &Type, value: &mut Value) {
    match (at.shape(), value) {
        (Shape::Quantity, value) => {
            if let Some(quantity) = Quantity::from_json(value) {
                *value = quantity.to_string().into();
            }
        }
        (Shape::String(Format::Byte), Value::String(text)) => {
            text.retain(|it| !matches!(it, '\n' | '\r'));
        }
        _ => {}
    }
}

/// Whether Go's `omitempty` leaves the value out.
fn is_omitted(field: &Type, value: &Value) -> bool {
    // A custom resource's schema says nothing about omission.
    match value {
        Value::Array(items) => {
            items.is_empty() && field.shape() == Shape::List && !field.is_nullable()
        }
        Value::Object(map) => map.is_empty() && field.shape() == Shape::Map && !field.is_nullable(),
        scalar => field.omits_zero() && field.shape() != Shape::IntOrString && is_zero(scalar),
    }
}

/// The values of the wrong type, in the object's order; the real server names only the first.
pub fn type_errors(schema: &Schema, object: &Value) -> Vec<TypeError> {
    let mut check = TypeCheck { found: Vec::new(), structs: Vec::new(), path: Vec::new() };
    check.structs.push(schema.kind().to_owned());
    check.walk(schema.root(), object);
    check.found
}

struct TypeCheck {
    found: Vec<TypeError>,
    /// Names of the Go structs on the way, the innermost last.
    structs: Vec<String>,
    /// Fields on the way; Go names neither list positions nor map keys.
    path: Vec<String>,
}

impl TypeCheck {
    fn walk(&mut self, at: &Type, value: &Value) {
        match (at.shape(), value) {
            (_, Value::Null) | (Shape::Any | Shape::AnyAtomic, _) => {}
            (Shape::Object, Value::Object(map)) => {
                let owner = at.definition().and_then(|it| it.rsplit('.').next());
                self.structs.extend(owner.map(str::to_owned));
                for (key, value) in map {
                    match (at.field(key), at.element()) {
                        (Some(field), _) => self.walk_field(key, field, value),
                        (None, Some(element)) => self.walk(element, value),
                        (None, None) => {}
                    }
                }
                if owner.is_some() {
                    self.structs.pop();
                }
            }
            (Shape::Map, Value::Object(map)) => {
                let Some(element) = at.element() else { return };
                map.values().for_each(|it| self.walk(element, it));
            }
            (Shape::List, Value::Array(items)) => {
                let Some(element) = at.element() else { return };
                items.iter().for_each(|it| self.walk(element, it));
            }
            (shape, value) => self.scalar(at, shape, value),
        }
    }

    fn walk_field(&mut self, key: &str, field: &Type, value: &Value) {
        self.path.push(key.to_owned());
        self.walk(field, value);
        self.path.pop();
    }

    fn scalar(&mut self, at: &Type, shape: Shape, value: &Value) {
        match (shape, value) {
            (Shape::String(Format::DateTime), Value::String(text)) => {
                if text.parse::<jiff::Timestamp>().is_err() {
                    self.found.push(TypeError::Time { text: text.clone() });
                }
            }
            (Shape::String(Format::Byte), Value::String(text)) => self.base64(text),
            (Shape::String(_), Value::String(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Number, Value::Number(_))
            | (Shape::IntOrString, Value::String(_)) => {}
            (Shape::Integer(bits), Value::Number(number)) => {
                let fits =
                    number.as_i64().is_some_and(|it| bits == 64 || i32::try_from(it).is_ok());
                if !fits {
                    self.mismatch(at, format!("number {number}"));
                }
            }
            (Shape::IntOrString, Value::Number(number)) => {
                if number.as_i64().is_none_or(|it| i32::try_from(it).is_err()) {
                    self.mismatch(at, format!("number {number}"));
                }
            }
            (Shape::Quantity, Value::String(text)) => {
                if text.parse::<Quantity>().is_err() {
                    self.found.push(TypeError::Quantity);
                }
            }
            (Shape::Quantity, Value::Number(_)) => {}
            (Shape::Quantity, _) => self.found.push(TypeError::Quantity),
            (_, value) => self.mismatch(at, json_type(value).to_owned()),
        }
    }

    fn base64(&mut self, text: &str) {
        use base64::{DecodeError, Engine as _, prelude::BASE64_STANDARD};
        let at = match BASE64_STANDARD.decode(text.replace(['\n', '\r'], "")) {
            Ok(_) => return,
            Err(
                DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. },
            ) => at,
            Err(_) => text.len(),
        };
        self.found.push(TypeError::Base64 { at });
    }

    fn mismatch(&mut self, at: &Type, found: String) {
        let place = match self.structs.last() {
            Some(owner) if !self.path.is_empty() => {
                format!("struct field {owner}.{}", self.path.join("."))
            }
            _ => "value".to_owned(),
        };
        self.found.push(TypeError::Mismatch { found, place, expected: go_type(at) });
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The Go type by which the real server would name this type.
fn go_type(at: &Type) -> String {
    let element = || at.element().map(go_type).unwrap_or_default();
    match at.shape() {
        Shape::Any | Shape::AnyAtomic => "interface {}".to_owned(),
        Shape::Object => {
            let mut parts = at.definition().unwrap_or("v1.object").rsplit('.');
            let (kind, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("v1"));
            format!("{version}.{kind}")
        }
        Shape::Map => format!("map[string]{}", element()),
        Shape::List => format!("[]{}", element()),
        Shape::String(Format::Byte) => "[]uint8".to_owned(),
        Shape::String(_) => "string".to_owned(),
        Shape::Boolean => "bool".to_owned(),
        Shape::Integer(bits) => format!("int{bits}"),
        Shape::Number => "float64".to_owned(),
        // What is no string is read as a number.
        Shape::IntOrString => "int32".to_owned(),
        Shape::Quantity => "resource.Quantity".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::of_kind;

    fn deployment() -> Schema {
        of_kind("apps/v1", "Deployment").unwrap()
    }

    #[test]
    fn unknown_fields_are_named_with_their_path() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "extra": 1,
            "metadata": {"labels": {"any.key": "x"}, "lables": {}},
            "spec": {"template": {"spec": {"containers": [{"name": "a", "imagePullpolicy": "x"}]}}}});
        assert_eq!(
            unknown_fields(&deployment(), &object),
            [
                r#"unknown field "extra""#,
                r#"unknown field "metadata.lables""#,
                r#"unknown field "spec.template.spec.containers[0].imagePullpolicy""#,
            ]
        );
    }

    fn type_error(object: &Value) -> String {
        type_errors(&deployment(), object).first().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn wrong_types_are_worded_like_go() {
        assert_eq!(
            type_error(&json!({"spec": {"replicas": "3"}})),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            type_error(&json!({"spec": {"replicas": 1.5}})),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            type_error(&json!({"metadata": {"labels": {"a": 1}}})),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
        );
        assert_eq!(
            type_error(&json!({"spec": {"template": {"spec": {"containers": [
                {"env": [{"name": "A", "value": 1}]}]}}}})),
            "json: cannot unmarshal number into Go struct field \
             EnvVar.spec.template.spec.containers.env.value of type string"
        );
        assert_eq!(
            type_error(&json!({"spec": {"template": {"spec": {"containers": {}}}}})),
            "json: cannot unmarshal object into Go struct field \
             PodSpec.spec.template.spec.containers of type []v1.Container"
        );
        assert_eq!(type_error(&json!({"spec": {"replicas": null, "paused": true}})), "");
    }

    #[test]
    fn quantities_and_times_are_parsed() {
        let limits = |text| {
            json!({"spec": {"template": {"spec": {"containers": [
                {"resources": {"limits": {"memory": text}}}]}}}})
        };
        assert_eq!(type_error(&limits("64Mi")), "");
        assert!(type_error(&limits("64MiB")).starts_with("quantities must match"));
        assert!(
            type_error(&json!({"metadata": {"creationTimestamp": "now"}})).contains("parsing time")
        );
    }

    #[test]
    fn pruning_drops_what_decoding_drops() {
        let mut object = json!({"metadata": {"annotations": {}, "labels": {"a": "b"}, "name": null},
            "spec": {"foo": 1, "selector": {}, "template": {"spec": {"containers": [
                {"name": "a", "env": [], "securityContext": {}, "resources": {"limits": {}}}],
                "volumes": [{"name": "v", "emptyDir": {}}]}}}});
        prune(&deployment(), &mut object);
        assert_eq!(
            object,
            json!({"metadata": {"labels": {"a": "b"}},
                "spec": {"selector": {}, "template": {"spec": {"containers": [
                    {"name": "a", "securityContext": {}, "resources": {}}],
                    "volumes": [{"name": "v", "emptyDir": {}}]}}}})
        );
    }
}
