//! The HTTP interface, without a socket.

use axum::{
    Router,
    extract::{self, DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::time::Instant;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{
    Phase, State,
    endpoints::{environment, greeting, health},
    problem::Problem,
};

const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The service port's routes.
pub fn router(state: State) -> Router {
    let timeout = TimeoutLayer::with_status_code(
        StatusCode::SERVICE_UNAVAILABLE,
        state.config.request_timeout,
    );
    Router::new()
        .route("/", get(greeting::get).head(greeting::head))
        .route("/health", get(health::health))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/startupz", get(health::started))
        .route("/env", get(environment::get))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(timeout)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(state.clone(), observe))
        .with_state(state)
}

/// The admin port's routes.
pub fn admin_router(state: State) -> Router {
    Router::new().route("/metrics", get(metrics)).fallback(not_found).with_state(state)
}

async fn metrics(extract::State(state): extract::State<State>) -> Response {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], state.metrics.text()).into_response()
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

async fn not_allowed(request: Request) -> Problem {
    let detail = format!("{} is not possible at {}", request.method(), request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Counts and logs every request, and asks clients to go elsewhere when the process is about to end.
async fn observe(
    extract::State(state): extract::State<State>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = matched.as_ref().map_or("other", MatchedPath::as_str).to_owned();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let took = started.elapsed();
    let status = response.status().as_u16();
    state.metrics.observe(method.as_str(), &route, status, took);
    // Probes come every second: only those that fail are worth a line.
    let is_probe = matches!(route.as_str(), "/health" | "/livez" | "/readyz" | "/startupz");
    if !is_probe || !response.status().is_success() {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(%method, path, status, took_us, "request");
    }
    if *state.phase.borrow() == Phase::Ending {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
