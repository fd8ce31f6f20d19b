//! Health: whether the process serves, and whether it should get requests.

use std::time::Duration;

use axum::{
    Json, extract,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    State,
    negotiation::{Accept, Form},
    problem::Problem,
};

const MESSAGE: &str = "faro is ready!";
/// A probe waits for one second unless it is told otherwise.
const CHECK: Duration = Duration::from_millis(800);

/// The process serves, whatever its stores do: safe for liveness.
pub(crate) async fn health(accept: Accept) -> Response {
    match accept.best(&[Form::Text, Form::Json]) {
        Form::Json => varied(Json(json!({"status": "ok", "message": MESSAGE}))),
        _ => varied(MESSAGE),
    }
}

pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Ready to get requests: not ending, and every store answers.
pub(crate) async fn ready(
    extract::State(state): extract::State<State>,
    accept: Accept,
) -> Result<Response, Problem> {
    let (counter, users) = tokio::join!(counter(&state), users(&state));
    let checks =
        [("counter", state.counter.kind(), counter), ("users", state.users.database.kind(), users)];
    let away: Vec<&str> = checks.iter().filter(|it| it.2.is_err()).map(|it| it.0).collect();
    if state.is_ending() || !away.is_empty() {
        let detail = match (state.is_ending(), away.as_slice()) {
            (true, _) => "shutting down".to_owned(),
            (false, away) => format!("not available: {}", away.join(", ")),
        };
        return Err(Problem::unavailable(detail).with("checks", to_json(&checks)));
    }
    Ok(match accept.best(&[Form::Text, Form::Json]) {
        Form::Json => varied(Json(json!({"status": "ready", "checks": to_json(&checks)}))),
        _ => {
            let lines = checks.map(|(name, kind, _)| format!("{name} ({kind}): up\n"));
            varied(format!("ok\n{}", lines.concat()))
        }
    })
}

/// Started: the tables are as this version wants them.
pub(crate) async fn started(
    extract::State(state): extract::State<State>,
) -> Result<&'static str, Problem> {
    if state.users.is_prepared() {
        return Ok("ok\n");
    }
    Err(Problem::unavailable("the users' database is not ready yet"))
}

type Check<'a> = (&'a str, &'a str, Result<(), String>);

async fn counter(state: &State) -> Result<(), String> {
    match timeout(CHECK, state.counter.read()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "not ready");
            Err(error.to_string())
        }
        Err(_) => Err("the counter took too long".to_owned()),
    }
}

async fn users(state: &State) -> Result<(), String> {
    match timeout(CHECK, state.users.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "not ready");
            Err(error.to_string())
        }
        Err(_) => Err("the users' database took too long".to_owned()),
    }
}

fn to_json(checks: &[Check<'_>]) -> Value {
    let check = |(name, kind, result): &Check<'_>| {
        let state = match result {
            Ok(()) => json!({"kind": kind, "status": "up"}),
            Err(error) => json!({"kind": kind, "status": "down", "error": error}),
        };
        ((*name).to_owned(), state)
    };
    Value::Object(checks.iter().map(check).collect())
}

fn varied(answer: impl axum::response::IntoResponse) -> Response {
    ([(header::VARY, "accept"), (header::CACHE_CONTROL, "no-store")], answer).into_response()
}
