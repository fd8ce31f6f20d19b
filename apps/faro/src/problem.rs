//! Errors as RFC 9457 problem documents; those about fields name them.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

/// An error that a client is told; what is meant for the log is logged where it happens.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    members: Map<String, Value>,
    retry_after_seconds: Option<u16>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) name: String,
    pub(crate) detail: String,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Body,
    Parameter,
    Header,
}

impl FieldError {
    pub(crate) fn body(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), detail: detail.into(), place: Place::Body }
    }

    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), detail: detail.into(), place: Place::Parameter }
    }

    pub(crate) fn header(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), detail: detail.into(), place: Place::Header }
    }

    fn to_json(&self) -> Value {
        let mut error = json!({"field": self.name, "detail": self.detail});
        match self.place {
            Place::Body => {
                let name = self.name.replace('~', "~0").replace('/', "~1");
                error["pointer"] = format!("#/{name}").into();
            }
            Place::Parameter => error["parameter"] = self.name.as_str().into(),
            Place::Header => error["header"] = self.name.as_str().into(),
        }
        error
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), members: Map::new(), retry_after_seconds: None }
    }

    /// Something that this service needs is away for now.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { retry_after_seconds: Some(1), ..problem }
    }

    /// Fields that are wrong; `detail` tells all of them in one sentence.
    pub(crate) fn fields(status: StatusCode, errors: &[FieldError]) -> Self {
        let told: Vec<String> =
            errors.iter().map(|it| format!("`{}` {}", shown(&it.name), it.detail)).collect();
        Self::new(status, told.join("; "))
            .with("errors", errors.iter().map(FieldError::to_json).collect())
    }

    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.members.insert(member.to_owned(), value);
        self
    }
}

/// A name that a client chose, short enough for a sentence.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.members;
        body.insert("type".to_owned(), "about:blank".into());
        body.insert("title".to_owned(), self.status.canonical_reason().unwrap_or("Error").into());
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("detail".to_owned(), self.detail.into());
        let mut response = (self.status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
