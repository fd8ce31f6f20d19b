//! `/version`: what is running, and where.

use axum::{Json, extract};
use serde_json::{Value, json};

use crate::State;

pub(crate) async fn get(extract::State(state): extract::State<State>) -> Json<Value> {
    let config = &state.config;
    Json(json!({
        "name": "faro",
        "version": env!("CARGO_PKG_VERSION"),
        "revision": config.revision,
        "pod": config.pod,
        "node": config.node,
        "counter": state.counter.kind(),
        "users": state.users.database.kind(),
    }))
}
