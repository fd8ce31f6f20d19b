//! `/`: the greeting, and how often it was asked for.

use axum::{extract, http::StatusCode};

use crate::{State, problem::Problem};

/// Counts a visit and greets.
pub(crate) async fn get(extract::State(state): extract::State<State>) -> Result<String, Problem> {
    match state.counter.visit().await {
        Ok(n_visits) => {
            state.metrics.visits.inc();
            Ok(format!("{} I have been seen {n_visits} times.\n", state.config.greeting))
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "could not count");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the visit counter is not available"))
        }
    }
}

/// Says that there is a greeting, and counts nobody.
pub(crate) async fn head() -> StatusCode {
    StatusCode::OK
}
