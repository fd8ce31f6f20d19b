//! Health: whether the process serves, and whether it should get requests.

use axum::{extract, http::StatusCode};

use crate::{Phase, State, problem::Problem};

/// The process serves, whatever its stores do: safe for liveness.
pub(crate) async fn health() -> &'static str {
    "faro is ready!"
}

pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Ready to get requests: not ending, and the counter can be read.
pub(crate) async fn ready(
    extract::State(state): extract::State<State>,
) -> Result<&'static str, Problem> {
    if *state.phase.borrow() == Phase::Ending {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting down"));
    }
    started(extract::State(state)).await
}

/// Started: the counter can be read.
pub(crate) async fn started(
    extract::State(state): extract::State<State>,
) -> Result<&'static str, Problem> {
    match state.counter.read().await {
        Ok(_) => Ok("ok\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
        }
    }
}
