//! `/api/users`: a REST collection with pages, preconditions and keys for requests that are sent again.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    Json,
    body::Bytes,
    extract::{
        self, Path, Query,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use crate::{
    State,
    problem::{FieldError, Problem},
    users::{StoreError, User, input},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MERGE_PATCH: &str = "application/merge-patch+json";

type Answer = Result<Response, Problem>;
type Id = Result<Path<String>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// A page of the collection.
pub(crate) async fn list(
    extract::State(state): extract::State<State>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Answer {
    let Query(pairs) = query.map_err(|it| Problem::new(StatusCode::BAD_REQUEST, it.body_text()))?;
    let query = input::query(&pairs).map_err(|it| Problem::fields(StatusCode::BAD_REQUEST, &it))?;
    let page = state.users.list(&query).await.map_err(|it| failed(&it))?;
    let next = page.users.last().filter(|_| page.has_more).map(|it| input::next_cursor(it.id));
    let items: Vec<Value> = page.users.iter().map(User::to_json).collect();
    Ok(Json(json!({"items": items, "next": next})).into_response())
}

/// A new user.
pub(crate) async fn create(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let object = object(&headers, body, &[])?;
    let fields = input::fields(&object).map_err(|it| invalid(&it))?;
    let key = match headers.get(IDEMPOTENCY_KEY) {
        None => None,
        Some(value) => {
            let key = input::idempotency_key(value.to_str().unwrap_or_default());
            Some(key.map_err(|it| Problem::fields(StatusCode::BAD_REQUEST, &it))?)
        }
    };
    let created =
        state.users.create(&fields, key.as_deref(), now_ms()).await.map_err(|it| failed(&it))?;
    let mut response = shown(StatusCode::CREATED, &created.user);
    if let Ok(location) = HeaderValue::from_str(&format!("/api/users/{}", created.user.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if created.is_replay {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// One user.
pub(crate) async fn find(
    extract::State(state): extract::State<State>,
    id: Id,
    headers: HeaderMap,
) -> Answer {
    let user = state.users.find(number(id)?).await.map_err(|it| failed(&it))?;
    if names(&headers, &header::IF_NONE_MATCH, &user) == Some(true) {
        let mut response = shown(StatusCode::OK, &user);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = axum::body::Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        return Ok(response);
    }
    Ok(shown(StatusCode::OK, &user))
}

/// All that a client decides about a user, anew.
pub(crate) async fn replace(
    extract::State(state): extract::State<State>,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let id = number(id)?;
    let fields = input::fields(&object(&headers, body, &[])?).map_err(|it| invalid(&it))?;
    let may = |user: &User| names(&headers, &header::IF_MATCH, user) != Some(false);
    let updated = state.users.update(id, &may, &|_| fields.clone(), now_ms()).await;
    Ok(shown(StatusCode::OK, &updated.map_err(|it| failed(&it))?))
}

/// Some of what a client decides about a user, as a merge patch.
pub(crate) async fn patch(
    extract::State(state): extract::State<State>,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let id = number(id)?;
    let object = object(&headers, body, &[MERGE_PATCH])?;
    let patch = input::patch(&object).map_err(|it| invalid(&it))?;
    let may = |user: &User| names(&headers, &header::IF_MATCH, user) != Some(false);
    let updated = state.users.update(id, &may, &|old| patch.applied_to(old), now_ms()).await;
    Ok(shown(StatusCode::OK, &updated.map_err(|it| failed(&it))?))
}

pub(crate) async fn delete(
    extract::State(state): extract::State<State>,
    id: Id,
    headers: HeaderMap,
) -> Answer {
    let may = |user: &User| names(&headers, &header::IF_MATCH, user) != Some(false);
    state.users.delete(number(id)?, &may).await.map_err(|it| failed(&it))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(status: StatusCode, user: &User) -> Response {
    let mut response = (status, Json(user.to_json())).into_response();
    if let Ok(etag) = HeaderValue::from_str(&user.etag()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// A user's number; what is none names no user.
fn number(id: Id) -> Result<i64, Problem> {
    let Path(text) = id.map_err(|it| Problem::new(StatusCode::BAD_REQUEST, it.body_text()))?;
    let id = text.parse::<i64>().ok().filter(|it| 0 < *it && it.to_string() == text);
    let shown: String = text.chars().take(40).collect();
    id.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no user {shown}")))
}

/// The body as a JSON object, or what is wrong with it.
fn object(headers: &HeaderMap, body: Body, also: &[&str]) -> Result<Map<String, Value>, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
    if let Some(content_type) = content_type {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is_known = media_type.eq_ignore_ascii_case("application/json")
            || also.iter().any(|it| media_type.eq_ignore_ascii_case(it));
        if !is_known {
            let detail = "the body must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
    }
    let body = body.map_err(|it| {
        let detail = match it.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "the body is too large",
            _ => "the body did not come whole",
        };
        Problem::new(it.status(), detail)
    })?;
    match serde_json::from_slice(&body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the body must be an object")),
        Err(error) => {
            let detail = format!("the body is no JSON: {error}");
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// Whether a precondition names the user's present state; `None` when there is no such header.
fn names(headers: &HeaderMap, header: &HeaderName, user: &User) -> Option<bool> {
    let mut values = headers.get_all(header).iter().peekable();
    values.peek()?;
    let is_weak_fine = *header == header::IF_NONE_MATCH;
    let etag = user.etag();
    let is_named =
        values.filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(',')).any(|it| {
            let it = it.trim();
            it == "*"
                || it == etag
                || (is_weak_fine && it.strip_prefix("W/") == Some(etag.as_str()))
        });
    Some(is_named)
}

fn invalid(errors: &[FieldError]) -> Problem {
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, errors)
}

fn failed(error: &StoreError) -> Problem {
    match error {
        StoreError::Missing(_) => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
        StoreError::Changed => Problem::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
        StoreError::Taken => {
            let error = FieldError::body("dni", "belongs to another user");
            Problem::fields(StatusCode::CONFLICT, &[error])
        }
        StoreError::KeyReused => {
            let error = FieldError::header("Idempotency-Key", "was used for another request");
            Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, &[error])
        }
        StoreError::Unprepared | StoreError::Late | StoreError::Ask(_) | StoreError::Commit(_) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, cause, "could not serve users");
            Problem::unavailable("the users' database is not available")
        }
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
