//! Why a request was refused. The text of an error is the message of the Status that clients get.

use http::StatusCode;
use kobject::{
    Resource,
    validate::{FieldError, Reason, aggregate},
};
use serde_json::Value;
use store::WriteError;

use crate::node::NodeError;

/// Every way in which a request fails, in the API's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{resource} \"{name}\" not found")]
    NotFound { resource: GroupResource, name: String },
    #[error("the server could not find the requested resource")]
    NoSuchPath,
    #[error("{resource} \"{name}\" already exists")]
    AlreadyExists { resource: GroupResource, name: String },
    #[error("Operation cannot be fulfilled on {resource} \"{name}\": {why}")]
    Conflict { resource: GroupResource, name: String, why: String },
    /// Another manager owns fields that an apply would change.
    #[error("{message}")]
    ApplyConflict { message: String, causes: Vec<Cause> },
    #[error("{kind} \"{name}\" is invalid: {}", aggregate(.errors))]
    Invalid { kind: GroupKind, name: String, errors: Vec<FieldError> },
    #[error("{message}")]
    BadRequest { message: String },
    #[error("{resource} \"{name}\" is forbidden: {why}")]
    Forbidden { resource: GroupResource, name: String, why: String, causes: Vec<Cause> },
    #[error("forbidden: User \"{user}\" cannot {verb} path \"{path}\"")]
    ForbiddenPath { user: String, verb: &'static str, path: String },
    #[error("users \"{other}\" is forbidden: User \"{user}\" cannot impersonate users")]
    ForbiddenImpersonation { user: String, other: String },
    #[error("Unauthorized")]
    Unauthorized,
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    #[error("only the following media types are accepted: {accepted} (asked for: {asked})")]
    NotAcceptable { accepted: &'static str, asked: String },
    #[error(
        "the body of the request was in an unknown format ({found}) - accepted media types include: {accepted}"
    )]
    UnsupportedMediaType { accepted: &'static str, found: String },
    #[error("Request entity too large: limit is {limit_bytes}")]
    TooLarge { limit_bytes: usize },
    #[error("{message}")]
    Expired { message: String },
    #[error("{message}")]
    TooManyRequests { message: String, causes: Vec<Cause> },
    #[error("Timeout: Too large resource version: {requested}, current: {current}")]
    TooLargeResourceVersion { requested: u64, current: u64 },
    /// Part of the API that this server does not have.
    #[error("this cluster does not support {what}")]
    Unsupported { what: String },
    #[error("Internal error occurred: {what}")]
    Store { what: &'static str, source: WriteError },
    #[error("Internal error occurred: the request handler panicked")]
    Panicked,
    /// An applied object does not fit its schema: upstream calls that its own fault.
    #[error("{message}")]
    Untyped { message: String },
    /// A patch is sound, but does not apply to the object.
    #[error("{message}")]
    Unprocessable { message: String },
    #[error("{}", node_message(.0))]
    Node(NodeError),
}

/// A resource as errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupResource {
    pub(crate) group: String,
    pub(crate) plural: String,
}

impl std::fmt::Display for GroupResource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_qualified(formatter, &self.plural, &self.group)
    }
}

impl From<&Resource> for GroupResource {
    fn from(resource: &Resource) -> Self {
        Self { group: resource.group.clone(), plural: resource.plural.clone() }
    }
}

/// A kind as errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupKind {
    pub(crate) group: String,
    pub(crate) kind: String,
}

impl GroupKind {
    pub(crate) fn new(group: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), kind: kind.to_owned() }
    }
}

impl From<&Resource> for GroupKind {
    fn from(resource: &Resource) -> Self {
        Self::new(&resource.group, &resource.kind)
    }
}

impl std::fmt::Display for GroupKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_qualified(formatter, &self.kind, &self.group)
    }
}

fn write_qualified(
    formatter: &mut std::fmt::Formatter<'_>,
    name: &str,
    group: &str,
) -> std::fmt::Result {
    if group.is_empty() { formatter.write_str(name) } else { write!(formatter, "{name}.{group}") }
}

/// One reason among several, with the field that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) field: String,
}

impl ApiError {
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        Self::NotFound { resource: resource.into(), name: name.to_owned() }
    }

    pub(crate) fn forbidden(resource: &Resource, name: &str, why: impl Into<String>) -> Self {
        Self::Forbidden {
            resource: resource.into(),
            name: name.to_owned(),
            why: why.into(),
            causes: Vec::new(),
        }
    }

    /// Somebody else wrote first.
    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        Self::Conflict {
            resource: resource.into(),
            name: name.to_owned(),
            why: "the object has been modified; please apply your changes to the latest version and try again"
                .to_owned(),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::BadRequest { message: message.into() }
    }

    pub(crate) fn invalid(resource: &Resource, name: &str, errors: Vec<FieldError>) -> Self {
        Self::Invalid { kind: resource.into(), name: name.to_owned(), errors }
    }

    /// What a refused write of the store means for an object.
    pub(crate) fn write(resource: &Resource, name: &str, error: WriteError) -> Self {
        match error {
            WriteError::AlreadyExists { .. } => {
                Self::AlreadyExists { resource: resource.into(), name: name.to_owned() }
            }
            WriteError::NotFound { .. } => Self::not_found(resource, name),
            WriteError::Conflict { .. } => Self::modified(resource, name),
            source @ WriteError::DiskFull { .. } => {
                Self::Store { what: "no space left on the disk of the cluster's store", source }
            }
            source => Self::Store { what: "the cluster's store could not be written", source },
        }
    }

    /// The HTTP code and the API's reason.
    pub(crate) fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound { .. } | Self::NoSuchPath => (StatusCode::NOT_FOUND, "NotFound"),
            Self::AlreadyExists { .. } => (StatusCode::CONFLICT, "AlreadyExists"),
            Self::Conflict { .. } | Self::ApplyConflict { .. } => {
                (StatusCode::CONFLICT, "Conflict")
            }
            Self::Invalid { .. } | Self::Unprocessable { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "Invalid")
            }
            Self::BadRequest { .. } => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::Forbidden { .. }
            | Self::ForbiddenPath { .. }
            | Self::ForbiddenImpersonation { .. } => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::NotAcceptable { .. } => (StatusCode::NOT_ACCEPTABLE, "NotAcceptable"),
            Self::UnsupportedMediaType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType")
            }
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge"),
            Self::Expired { .. } => (StatusCode::GONE, "Expired"),
            Self::TooManyRequests { .. } => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Self::TooLargeResourceVersion { .. } => (StatusCode::GATEWAY_TIMEOUT, "Timeout"),
            Self::Unsupported { .. } => (StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
            Self::Store { .. } | Self::Panicked | Self::Untyped { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
            }
            Self::Node(error) => node_code(error),
        }
    }
}

fn node_code(error: &NodeError) -> (StatusCode, &'static str) {
    match error {
        NodeError::NoSuchPod { .. } => (StatusCode::NOT_FOUND, "NotFound"),
        NodeError::NotRunning { .. }
        | NodeError::Waiting { .. }
        | NodeError::NoPrevious { .. }
        | NodeError::Start { .. } => (StatusCode::BAD_REQUEST, "BadRequest"),
        NodeError::Unsupported { .. } => (StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
        NodeError::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        NodeError::Connect { .. } | NodeError::ReadLog { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
        }
    }
}

/// A node's error with what lies below it: clients see only this text.
fn node_message(error: &NodeError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// A field that must be there and is not.
pub(crate) fn required(field: &str, what: &str) -> FieldError {
    field_error(field, Reason::Required, None, what)
}

/// A field with a value that cannot be.
pub(crate) fn invalid(field: &str, value: impl Into<Value>, what: &str) -> FieldError {
    field_error(field, Reason::Invalid, Some(value.into()), what)
}

/// A field with a value that is none of those known.
pub(crate) fn unsupported(field: &str, value: impl Into<Value>, supported: &[&str]) -> FieldError {
    let supported: Vec<String> = supported.iter().map(|it| format!("{it:?}")).collect();
    let what = format!("supported values: {}", supported.join(", "));
    field_error(field, Reason::NotSupported, Some(value.into()), &what)
}

fn field_error(field: &str, reason: Reason, value: Option<Value>, detail: &str) -> FieldError {
    FieldError { field: field.to_owned(), reason, value, detail: detail.to_owned() }
}
