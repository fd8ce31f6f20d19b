//! Around every request: its ids, its place among those under way, its time, its line in the log.

use std::fmt::Write as _;

use axum::{
    extract::{self, MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::{
    State,
    problem::Problem,
    trace::{self, TraceContext},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Counts and logs every request, and asks clients to go elsewhere when the process is about to end.
pub(crate) async fn observe(
    extract::State(state): extract::State<State>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method(request.method());
    let route = route(matched.as_ref().map_or("", MatchedPath::as_str));
    let id = request_id(request.headers());
    let context = TraceContext::of(request.headers());
    let span = tracing::info_span!(
        "request",
        request_id = id.to_str().unwrap_or_default(),
        trace_id = %context.trace_id(),
    );
    // The log's own; nothing is made when the level is off.
    let path = tracing::enabled!(tracing::Level::INFO).then(|| request.uri().path().to_owned());
    state.metrics.in_flight.inc();
    let in_flight = InFlight(&state);
    let mut response = guarded(&state, route, request, next).instrument(span.clone()).await;
    drop(in_flight);
    let took = started.elapsed();
    let status = response.status().as_u16();
    state.metrics.observe(method, route, status, took);
    state.traces.end(&context, &trace::Server { method, route, status, took });
    // Probes come every second: only those that fail are worth a line.
    if !is_probe(route) || !response.status().is_success() {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        span.in_scope(|| tracing::info!(method, path, route, status, took_us, "request"));
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if state.is_ending() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Runs a request within the limits of time and number; health is always answered.
async fn guarded(state: &State, route: &str, request: Request, next: Next) -> Response {
    if is_probe(route) {
        return next.run(request).await;
    }
    let Ok(_place) = state.places.try_acquire() else {
        return Problem::unavailable("too many requests are under way").into_response();
    };
    match timeout(state.config.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("the request took too long").into_response(),
    }
}

/// Counts a request as ended however it ends, also when its client goes away.
struct InFlight<'a>(&'a State);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics.in_flight.dec();
    }
}

/// What a panic in a handler becomes: a bug, told in the log and to nobody else.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands over the cause")]
pub(crate) fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(cause, "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong").into_response()
}

fn is_probe(route: &str) -> bool {
    matches!(route, "/health" | "/livez" | "/readyz" | "/startupz")
}

/// The client's own id when it is harmless, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_harmless = |it: &&HeaderValue| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&it.len())
            && it.as_bytes().iter().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(it))
    };
    headers.get(REQUEST_ID).filter(is_harmless).cloned().unwrap_or_else(|| {
        let mut text = String::with_capacity(32);
        write!(text, "{:032x}", trace::random()).ok();
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    })
}

fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The pattern of a route, so that metrics have as many lines as there are routes.
fn route(pattern: &str) -> &'static str {
    match pattern {
        "/" => "/",
        "/health" => "/health",
        "/livez" => "/livez",
        "/readyz" => "/readyz",
        "/startupz" => "/startupz",
        "/version" => "/version",
        "/env" => "/env",
        "/docs" => "/docs",
        "/openapi.json" => "/openapi.json",
        "/api/users" | "/api/users/" => "/api/users",
        "/api/users/{id}" | "/api/users/{id}/" => "/api/users/{id}",
        _ => "other",
    }
}
