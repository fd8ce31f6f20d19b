//! Objects that clients send as protobuf, read into the JSON that everything else works on.
//!
//! kubectl's `create` subcommands and controller-runtime send built-in kinds so; answers are always JSON.
//! Source: apimachinery 0.34, `runtime/serializer/protobuf`, and the data file's messages.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kobject::{catalog::split_api_version, meta};
use serde_json::{Map, Value, json};

mod wire;

use wire::{Wire, fields};

/// Written by `cargo xtask protobuf`, which documents the format.
const DATA: &str = include_str!("../data/protobuf.txt");

/// What an envelope begins with.
const MAGIC: &[u8] = b"k8s\0";

const META: &str = "apimachinery.pkg.apis.meta.v1";

static MESSAGES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = DATA.lines().filter(|it| !it.starts_with('#'));
    lines.map(|line| line.split_once('\t').unwrap_or((line, ""))).collect()
});

/// Why a body is no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtobufError {
    #[error("the body is no Kubernetes protobuf envelope")]
    Envelope,
    #[error("the kind {kind} in version {api_version} is not known as protobuf")]
    UnknownKind { api_version: String, kind: String },
    #[error("message {message} ends early or has a field of the wrong type")]
    Malformed { message: String },
}

/// Reads an envelope and the object in it.
pub(crate) fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(ProtobufError::Envelope)?;
    let unknown = message("apimachinery.pkg.runtime.Unknown", envelope)?;
    let (api_version, kind) = (meta::api_version(&unknown), meta::kind(&unknown));
    let raw = unknown["raw"].as_str().and_then(|it| STANDARD.decode(it).ok()).unwrap_or_default();
    let name = message_name(api_version, kind).ok_or_else(|| ProtobufError::UnknownKind {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    })?;
    let mut object = message(&name, &raw)?;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    Ok(object)
}

/// The message of a kind; options of requests come under the version of the object that they are about.
fn message_name(api_version: &str, kind: &str) -> Option<String> {
    let (group, version) = split_api_version(api_version);
    let group = match group.split('.').next() {
        None | Some("") => "core",
        Some(group) => group,
    };
    let names = [format!("api.{group}.{version}.{kind}"), format!("{META}.{kind}")];
    names.into_iter().find(|it| MESSAGES.contains_key(it.as_str()))
}

fn message(name: &str, bytes: &[u8]) -> Result<Value, ProtobufError> {
    let malformed = || ProtobufError::Malformed { message: name.to_owned() };
    let found = fields(bytes).ok_or_else(malformed)?;
    let plain = match name.strip_prefix("apimachinery.pkg.").unwrap_or(name) {
        "apis.meta.v1.Time" => Some(time(&found, meta::time)),
        "apis.meta.v1.MicroTime" => Some(time(&found, meta::micro_time)),
        "apis.meta.v1.Duration" => Some(format!("{}ns", integer(&found, 1)).into()),
        "api.resource.Quantity" => Some(text(&found, 1).into()),
        "util.intstr.IntOrString" => Some(int_or_string(&found)),
        "apis.meta.v1.FieldsV1" | "runtime.RawExtension" => Some(embedded(&found)),
        _ if name.ends_with(".ExtraValue") || name.ends_with(".Verbs") => Some(items(&found)),
        _ => None,
    };
    match plain {
        Some(plain) => Ok(plain),
        None => object(name, &found),
    }
}

/// A field as the data file describes it.
struct Field<'a> {
    name: &'a str,
    kind: &'a str,
    mark: &'a str,
}

fn field<'a>(described: &'a str, number: u32) -> Option<Field<'a>> {
    let number = number.to_string();
    described.split('\t').find_map(|field| {
        let mut parts = field.split(' ');
        (parts.next()? == number).then_some(())?;
        Some(Field { name: parts.next()?, kind: parts.next()?, mark: parts.next()? })
    })
}

fn object(name: &str, found: &[(u32, Wire<'_>)]) -> Result<Value, ProtobufError> {
    let malformed = || ProtobufError::Malformed { message: name.to_owned() };
    let described = MESSAGES.get(name).copied().unwrap_or_default();
    let mut object = Map::new();
    for (number, wire) in found {
        // A field of a later version.
        let Some(field) = field(described, *number) else { continue };
        if let Some(kind) = field.kind.strip_prefix("[]") {
            let item = value(kind, wire)?.ok_or_else(malformed)?;
            let list = object.entry(field.name.to_owned()).or_insert_with(|| json!([]));
            list.as_array_mut().ok_or_else(malformed)?.push(item);
        } else if let Some(kind) = field.kind.strip_prefix("{}") {
            let (key, item) = pair(kind, wire)?.ok_or_else(malformed)?;
            let map = object.entry(field.name.to_owned()).or_insert_with(|| json!({}));
            map.as_object_mut().ok_or_else(malformed)?.insert(key, item);
        } else {
            let value = value(field.kind, wire)?.ok_or_else(malformed)?;
            put(&mut object, &field, value);
        }
    }
    Ok(Value::Object(object))
}

/// Go writes every field that is no pointer, whether it was set or not.
fn put(object: &mut Map<String, Value>, field: &Field<'_>, value: Value) {
    let is_zero = match &value {
        Value::Null => true,
        Value::Bool(it) => !it,
        Value::Number(it) => it.as_f64() == Some(0.0),
        Value::String(it) => it.is_empty(),
        _ => false,
    };
    match (field.mark, value) {
        ("=", Value::Object(fields)) => object.extend(fields),
        (_, Value::Null) => {}
        ("-", _) if is_zero => {}
        (_, value) => drop(object.insert(field.name.to_owned(), value)),
    }
}

/// A value of a type; `None` when it is of another.
fn value(kind: &str, wire: &Wire<'_>) -> Result<Option<Value>, ProtobufError> {
    Ok(match (kind, wire) {
        ("string", Wire::Bytes(bytes)) => str::from_utf8(bytes).ok().map(Value::from),
        ("bytes", Wire::Bytes(bytes)) => Some(STANDARD.encode(bytes).into()),
        ("bool", Wire::Varint(number)) => Some((*number != 0).into()),
        ("int32" | "int64", Wire::Varint(number)) => Some(number.cast_signed().into()),
        ("double", Wire::Fixed64(bits)) => Some(f64::from_bits(*bits).into()),
        ("string" | "bytes" | "bool" | "int32" | "int64" | "double", _) => None,
        (name, Wire::Bytes(bytes)) => Some(message(name, bytes)?),
        _ => None,
    })
}

/// An entry of a map.
fn pair(kind: &str, wire: &Wire<'_>) -> Result<Option<(String, Value)>, ProtobufError> {
    let Wire::Bytes(bytes) = wire else { return Ok(None) };
    let Some(found) = fields(bytes) else { return Ok(None) };
    let item = match found.iter().find(|(number, _)| *number == 2) {
        Some((_, wire)) => value(kind, wire)?,
        None => Some("".into()),
    };
    Ok(item.map(|item| (text(&found, 1), item)))
}

fn text(found: &[(u32, Wire<'_>)], number: u32) -> String {
    match found.iter().find(|(it, _)| *it == number) {
        Some((_, Wire::Bytes(bytes))) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

fn integer(found: &[(u32, Wire<'_>)], number: u32) -> i64 {
    match found.iter().find(|(it, _)| *it == number) {
        Some((_, Wire::Varint(number))) => number.cast_signed(),
        _ => 0,
    }
}

/// A time that was never set is an empty message.
fn time(found: &[(u32, Wire<'_>)], print: fn(Timestamp) -> String) -> Value {
    if found.is_empty() {
        return Value::Null;
    }
    let nanos = i32::try_from(integer(found, 2)).unwrap_or(0);
    let at = Timestamp::new(integer(found, 1), nanos).unwrap_or(Timestamp::UNIX_EPOCH);
    print(at).into()
}

fn int_or_string(found: &[(u32, Wire<'_>)]) -> Value {
    if integer(found, 1) == 0 { integer(found, 2).into() } else { text(found, 3).into() }
}

/// JSON inside protobuf.
fn embedded(found: &[(u32, Wire<'_>)]) -> Value {
    serde_json::from_str(&text(found, 1)).unwrap_or(Value::Null)
}

fn items(found: &[(u32, Wire<'_>)]) -> Value {
    let texts = found.iter().map(|(_, wire)| match wire {
        Wire::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    });
    texts.collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests;
