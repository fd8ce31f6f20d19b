//! The one place that turns errors into Status answers.

use http::{HeaderValue, Response, header};
use kobject::validate::FieldError;
use serde_json::{Value, json};

use crate::{
    body::{Body, json_response},
    error::{ApiError, Cause, GroupKind, GroupResource},
};

/// The answer to a refused request; what is meant for the log goes there.
pub(crate) fn response(error: &ApiError) -> Response<Body> {
    let (code, _) = error.code();
    if code.is_server_error() {
        let source = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(error = %error, source, "request failed");
    }
    let mut response = json_response(code, &status(error));
    if matches!(error, ApiError::Unauthorized) {
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// A `metav1.Status` of a failure.
pub(crate) fn status(error: &ApiError) -> Value {
    let (code, reason) = error.code();
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.to_string(),
        "reason": reason,
        "code": code.as_u16(),
    });
    if let Some(details) = details(error) {
        status["details"] = details;
    }
    status
}

/// A `metav1.Status` of a success.
pub(crate) fn success(details: Value) -> Value {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
    });
    if !details.is_null() {
        status["details"] = details;
    }
    status
}

/// A `metav1.Status` for what was carried out and has no object of its own.
pub(crate) fn created() -> Value {
    let mut status = success(Value::Null);
    status["code"] = 201.into();
    status
}

fn details(error: &ApiError) -> Option<Value> {
    match error {
        ApiError::NotFound { resource, name } | ApiError::AlreadyExists { resource, name } => {
            Some(of_resource(resource, name, &[]))
        }
        ApiError::Conflict { resource, name, .. } => Some(of_resource(resource, name, &[])),
        ApiError::Forbidden { resource, name, causes, .. } => {
            Some(of_resource(resource, name, causes))
        }
        ApiError::Invalid { kind, name, errors } => {
            let causes: Vec<Cause> = errors.iter().map(field_cause).collect();
            Some(of_kind(kind, name, &causes))
        }
        ApiError::ApplyConflict { causes, .. } | ApiError::TooManyRequests { causes, .. } => {
            Some(json!({ "causes": causes_json(causes) }))
        }
        ApiError::NoSuchPath | ApiError::MethodNotAllowed => Some(json!({})),
        ApiError::TooLargeResourceVersion { .. } => Some(json!({
            "causes": [{
                "reason": "ResourceVersionTooLarge", "message": "Too large resource version",
            }],
            "retryAfterSeconds": 1,
        })),
        _ => None,
    }
}

fn field_cause(error: &FieldError) -> Cause {
    Cause {
        reason: error.reason.as_str().to_owned(),
        message: error.message(),
        field: error.field.clone(),
    }
}

fn of_resource(resource: &GroupResource, name: &str, causes: &[Cause]) -> Value {
    described(name, &resource.group, &resource.plural, causes)
}

fn of_kind(kind: &GroupKind, name: &str, causes: &[Cause]) -> Value {
    described(name, &kind.group, &kind.kind, causes)
}

fn described(name: &str, group: &str, kind: &str, causes: &[Cause]) -> Value {
    let mut details = json!({ "kind": kind });
    if !name.is_empty() {
        details["name"] = name.into();
    }
    if !group.is_empty() {
        details["group"] = group.into();
    }
    if !causes.is_empty() {
        details["causes"] = causes_json(causes);
    }
    details
}

fn causes_json(causes: &[Cause]) -> Value {
    let cause = |it: &Cause| {
        let mut cause = json!({ "reason": it.reason, "message": it.message });
        if !it.field.is_empty() {
            cause["field"] = it.field.as_str().into();
        }
        cause
    };
    causes.iter().map(cause).collect()
}
