//! From a body to an object of the expected kind, with what is wrong about it.

use kobject::{
    Schema,
    catalog::split_api_version,
    meta,
    schema::{duplicate_fields, prune, type_errors, unknown_fields},
};
use serde_json::Value;

use crate::{
    call::{Call, FieldValidation},
    error::ApiError,
};

/// The kind that an object must be of.
#[derive(Clone, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) schema: &'a Schema,
}

/// Reads the body of a create or an update; the second part are warnings for the client.
pub(crate) fn body(call: &Call, expected: &Expected<'_>) -> Result<(Value, Vec<String>), ApiError> {
    let mut object = call.json()?;
    let validation = call.field_validation()?;
    let duplicates = match validation {
        FieldValidation::Ignore => Vec::new(),
        _ => duplicate_fields(&call.body).unwrap_or_default(),
    };
    set_type(&mut object, expected)?;
    let warnings = check(&mut object, expected, validation, duplicates)?;
    Ok((object, warnings))
}

/// Checks that the object says it is of the expected kind; one that says nothing becomes it.
pub(crate) fn set_type(object: &mut Value, expected: &Expected<'_>) -> Result<(), ApiError> {
    let Some(fields) = object.as_object_mut() else {
        return Err(cannot_handle(expected, "the body of the request is no JSON object"));
    };
    let said = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (said("apiVersion"), said("kind"));
    if !kind.is_empty() && kind != expected.kind {
        let version = split_api_version(api_version).1;
        return Err(ApiError::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {0}: converting ({version}.{kind}) to ({1}.{0}): unknown conversion",
            expected.kind,
            package(expected.api_version),
        )));
    }
    if !api_version.is_empty() && api_version != expected.api_version {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            expected.api_version
        )));
    }
    fields.insert("apiVersion".to_owned(), expected.api_version.into());
    fields.insert("kind".to_owned(), expected.kind.into());
    Ok(())
}

/// The Go package of a version's internal types, as upstream's message has it.
fn package(api_version: &str) -> &str {
    let (group, _) = split_api_version(api_version);
    let short = group.split('.').next().unwrap_or_default();
    if short.is_empty() { "core" } else { short }
}

/// Checks types and fields, and drops what the real server would drop.
///
/// Source: apiserver 0.34, `endpoints/handlers/rest.go`, `transformDecodeError`, `create.go`.
pub(crate) fn check(
    object: &mut Value,
    expected: &Expected<'_>,
    validation: FieldValidation,
    duplicates: Vec<String>,
) -> Result<Vec<String>, ApiError> {
    if let Some(error) = type_errors(expected.schema, object).first() {
        return Err(cannot_handle(expected, &error.to_string()));
    }
    let mut problems = duplicates;
    if validation != FieldValidation::Ignore {
        problems.extend(unknown_fields(expected.schema, object));
    }
    let warnings = judge(expected, validation, problems)?;
    prune(expected.schema, object);
    Ok(warnings)
}

/// Problems are warnings, or errors when the client wants it strict.
pub(crate) fn judge(
    expected: &Expected<'_>,
    validation: FieldValidation,
    problems: Vec<String>,
) -> Result<Vec<String>, ApiError> {
    if validation == FieldValidation::Strict && !problems.is_empty() {
        let what = format!("strict decoding error: {}", problems.join(", "));
        return Err(cannot_handle(expected, &what));
    }
    Ok(problems)
}

fn cannot_handle(expected: &Expected<'_>, what: &str) -> ApiError {
    let version = split_api_version(expected.api_version).1;
    let kind = expected.kind;
    ApiError::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {what}"
    ))
}

/// Checks that an object is the one that the path names, and gives it the path's namespace.
pub(crate) fn set_place(object: &mut Value, namespace: &str) -> Result<(), ApiError> {
    let said = meta::namespace(object);
    if !said.is_empty() && said != namespace {
        let what = if namespace.is_empty() {
            "namespace may not be set on a cluster-scoped object"
        } else {
            "the namespace of the provided object does not match the namespace sent on the request"
        };
        return Err(ApiError::bad_request(what));
    }
    let metadata = meta::metadata_mut(object);
    if namespace.is_empty() {
        metadata.remove("namespace");
    } else {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    Ok(())
}
