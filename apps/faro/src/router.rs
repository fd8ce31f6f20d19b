//! The HTTP interface, without a socket.

use axum::{
    Router,
    extract::{self, DefaultBodyLimit, Request},
    http::{StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::{
    State,
    endpoints::{docs, environment, greeting, health, users, version},
    observe::Observed,
    problem::Problem,
};

/// The service port: its routes, and what happens around every request.
pub fn router(state: State) -> Observed {
    Observed::new(state.clone(), routes(state))
}

fn routes(state: State) -> Router {
    // Nobody else reads what a client sends.
    let body_max = DefaultBodyLimit::max(state.config.body_bytes_max);
    let collection = get(users::list).post(users::create).layer(body_max);
    let member = get(users::find).put(users::replace).patch(users::patch).delete(users::delete);
    let member = member.layer(body_max);
    Router::new()
        .route("/", get(greeting::get).head(greeting::head))
        .route("/health", get(health::health))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/startupz", get(health::started))
        .route("/version", get(version::get))
        .route("/env", get(environment::get))
        .route("/openapi.json", get(docs::openapi))
        .route("/docs", get(docs::page))
        .route("/api/users", collection.clone())
        .route("/api/users/", collection)
        .route("/api/users/{id}", member.clone())
        .route("/api/users/{id}/", member)
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(state)
}

/// The admin port's routes.
pub fn admin_router(state: State) -> Router {
    Router::new().route("/metrics", get(metrics)).fallback(not_found).with_state(state)
}

async fn metrics(extract::State(state): extract::State<State>) -> Response {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = state.metrics.text(state.users.database.connections());
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

async fn not_allowed(request: Request) -> Problem {
    let detail = format!("{} is not possible at {}", request.method(), request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
