//! From OpenAPI v3 schemas, of the data file or of custom resources, to types.

use serde_json::Value;

use super::{Format, ListType, PatchStrategy, Shape, Type};
use crate::data::{Definition, definition_index};

const REF: &str = "#/components/schemas/";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// Decodes a named definition: some names mean more than their schema says.
pub(super) fn decode_definition(definition: Definition, schema: &Value) -> Type {
    let mut decoded = decode(schema);
    let (zeros, nulls) = definition.fields.split_once('|').unwrap_or((definition.fields, ""));
    for (name, field) in &mut decoded.fields {
        let is_in = |list: &str| list.split(',').any(|it| *it == **name);
        field.omits_zero = is_in(zeros);
        field.writes_null = is_in(nulls) && field.shape == Shape::List;
    }
    match definition.name {
        QUANTITY => decoded.shape = Shape::Quantity,
        RAW_EXTENSION => decoded.shape = Shape::AnyAtomic,
        _ => {}
    }
    decoded
}

/// Decodes a schema; keys that are not understood are ignored.
pub(super) fn decode(schema: &Value) -> Type {
    let mut decoded = Type {
        reference: reference(schema),
        is_atomic: schema["x-kubernetes-map-type"] == "atomic",
        is_nullable: schema["nullable"] == true,
        preserves_unknown: schema["x-kubernetes-preserve-unknown-fields"] == true,
        is_embedded: schema["x-kubernetes-embedded-resource"] == true,
        list_type: list_type(schema),
        strategy: strategy(schema),
        ..Type::default()
    };
    decode_shape(schema, &mut decoded);
    decode_rare(schema, &mut decoded);
    if decoded.is_embedded {
        decoded.add_object_fields();
        decoded.shape = Shape::Object;
    }
    decoded
}

/// A reference stands alone, or inside `allOf` where the place has extensions of its own.
fn reference(schema: &Value) -> Option<u16> {
    let name = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str())?;
    let index = definition_index(name.strip_prefix(REF)?)?;
    u16::try_from(index).ok()
}

fn list_type(schema: &Value) -> ListType {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => ListType::Map,
        Some("set") => ListType::Set,
        _ => ListType::Atomic,
    }
}

fn strategy(schema: &Value) -> PatchStrategy {
    let text = schema["x-kubernetes-patch-strategy"].as_str().unwrap_or_default();
    let has = |word| text.split(',').any(|it| it == word);
    PatchStrategy {
        is_merge: has("merge"),
        is_retain_keys: has("retainKeys"),
        is_replace: has("replace"),
    }
}

fn decode_shape(schema: &Value, decoded: &mut Type) {
    let format = schema["format"].as_str().unwrap_or_default();
    let is_int_or_string =
        schema["x-kubernetes-int-or-string"] == true || format == "int-or-string";
    decoded.shape = match schema["type"].as_str() {
        _ if is_int_or_string => Shape::IntOrString,
        Some("string") => Shape::String(match format {
            "date-time" => Format::DateTime,
            "byte" => Format::Byte,
            _ => Format::Plain,
        }),
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Integer(if format == "int32" { 32 } else { 64 }),
        Some("number") => Shape::Number,
        Some("array") => Shape::List,
        Some("object") => Shape::Object,
        _ => Shape::Any,
    };
    if let Some(fields) = schema["properties"].as_object() {
        // The map is sorted, and so are the fields.
        decoded.fields =
            fields.iter().map(|(name, it)| (name.as_str().into(), decode(it))).collect();
        decoded.shape = Shape::Object;
    }
    match (decoded.shape, &schema["additionalProperties"]) {
        (Shape::List, _) => decoded.element = Some(Box::new(decode(&schema["items"]))),
        (Shape::Object, element @ Value::Object(_)) => {
            decoded.element = Some(Box::new(decode(element)));
            if decoded.fields.is_empty() {
                decoded.shape = Shape::Map;
            }
        }
        (Shape::Object, Value::Bool(true)) => decoded.preserves_unknown = true,
        // An object of which nothing is said is free.
        (Shape::Object, Value::Null) if decoded.fields.is_empty() => {
            decoded.preserves_unknown = true;
        }
        _ => {}
    }
}

fn decode_rare(schema: &Value, decoded: &mut Type) {
    if let Some(keys) = schema["x-kubernetes-list-map-keys"].as_array() {
        decoded.rare_mut().map_keys = words(keys);
    }
    if let Some(key) = schema["x-kubernetes-patch-merge-key"].as_str() {
        decoded.rare_mut().merge_key = Some(key.into());
    }
    if let Some(required) = schema["required"].as_array() {
        decoded.rare_mut().required = words(required);
    }
    if let Some(default) = schema.get("default") {
        decoded.rare_mut().default = Some(default.clone());
    }
}

fn words(list: &[Value]) -> Vec<Box<str>> {
    list.iter().filter_map(Value::as_str).map(Into::into).collect()
}
