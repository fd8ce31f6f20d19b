//! One request, taken apart as far as every handler needs it.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use hyper::upgrade::OnUpgrade;
use jiff::Timestamp;
use kobject::validate::FieldError;
use serde_json::Value;

use crate::{
    auth::Identity,
    error::{ApiError, GroupKind, unsupported},
    protobuf,
    query::Query,
};

/// A request whose body was read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) identity: Identity,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The connection, when the client may switch protocols on it.
    pub(crate) upgrade: Option<OnUpgrade>,
    pub(crate) now: Timestamp,
}

/// How strictly unknown and duplicate fields are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Strict,
    Warn,
    Ignore,
}

impl Call {
    /// The media type of the body without its parameters; JSON when nothing is said.
    pub(crate) fn content_type(&self) -> &str {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let media_type = value.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
        if media_type.is_empty() { "application/json" } else { media_type }
    }

    /// The body as JSON, protobuf translated; other media types are refused by their name.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        match self.content_type() {
            "application/json" => parse(&self.body),
            "application/vnd.kubernetes.protobuf" => protobuf::decode(&self.body)
                .map_err(|error| ApiError::bad_request(error.to_string())),
            found => Err(ApiError::UnsupportedMediaType {
                accepted: "application/json, application/vnd.kubernetes.protobuf",
                found: found.to_owned(),
            }),
        }
    }

    /// Who `managedFields` names: the parameter, else the first part of the user agent.
    ///
    /// Source: apiserver 0.34, `endpoints/handlers/create.go`, `managerOrUserAgent`.
    pub(crate) fn manager(&self) -> String {
        let manager = self.query.text("fieldManager");
        if !manager.is_empty() {
            return manager.to_owned();
        }
        let agent = self.headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok());
        let agent = agent.and_then(|it| it.split('/').next()).unwrap_or_default();
        let fallback = if agent.is_empty() { self.identity.user.as_str() } else { agent };
        fallback.chars().filter(|it| !it.is_control()).take(128).collect()
    }

    pub(crate) fn field_validation(&self) -> Result<FieldValidation, ApiError> {
        match self.query.text("fieldValidation") {
            "Strict" => Ok(FieldValidation::Strict),
            "" | "Warn" => Ok(FieldValidation::Warn),
            "Ignore" => Ok(FieldValidation::Ignore),
            other => {
                let error =
                    unsupported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]);
                Err(self.invalid_option(error))
            }
        }
    }

    pub(crate) fn is_dry_run(&self) -> Result<bool, ApiError> {
        match self.query.text("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let found = serde_json::json!([other]);
                Err(self.invalid_option(unsupported("dryRun", found, &["All"])))
            }
        }
    }

    /// A parameter with a value that it cannot have.
    fn invalid_option(&self, error: FieldError) -> ApiError {
        let kind = match self.method {
            Method::POST => "CreateOptions",
            Method::PUT => "UpdateOptions",
            Method::PATCH => "PatchOptions",
            _ => "DeleteOptions",
        };
        ApiError::Invalid {
            kind: GroupKind::new("meta.k8s.io", kind),
            name: String::new(),
            errors: vec![error],
        }
    }
}

/// Parses a body.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!("the body of the request could not be read as JSON: {error}"))
    })
}
