//! `/`: the greeting, and how often it was asked for.

use axum::{
    Json, extract,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use serde_json::json;

use crate::{
    State,
    counter::CounterError,
    negotiation::{Accept, Form},
    problem::Problem,
    trace,
};

const PAGE: &str = include_str!("../../assets/page.html");
const VISITS: HeaderName = HeaderName::from_static("x-faro-visits");
const POD: HeaderName = HeaderName::from_static("x-faro-pod");

/// Counts a visit and greets, in the form that the client likes best.
pub(crate) async fn get(
    extract::State(state): extract::State<State>,
    accept: Accept,
) -> Result<Response, Problem> {
    let n_visits = state.counter.visit().await.map_err(|it| unavailable(&it))?;
    let mut response = match accept.best(&[Form::Text, Form::Json, Form::Html]) {
        Form::Text => format!("{} I have been seen {n_visits} times.\n", state.config.greeting)
            .into_response(),
        Form::Json => Json(json!({
            "greeting": state.config.greeting,
            "visits": n_visits,
            "version": env!("CARGO_PKG_VERSION"),
            "pod": state.config.pod,
            "node": state.config.node,
        }))
        .into_response(),
        Form::Html => page(&state, n_visits),
    };
    describe(&state, n_visits, response.headers_mut());
    Ok(response)
}

/// Says that there is a greeting, and how often it was asked for; counts nobody.
pub(crate) async fn head(extract::State(state): extract::State<State>) -> Response {
    let mut response = StatusCode::OK.into_response();
    if let Ok(n_visits) = state.counter.read().await {
        describe(&state, n_visits, response.headers_mut());
    }
    response
}

fn describe(state: &State, n_visits: i64, headers: &mut HeaderMap) {
    headers.insert(VISITS, HeaderValue::from(n_visits));
    if let Some(pod) = &state.pod {
        headers.insert(POD, pod.clone());
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The page, whose script asks by HEAD how the count goes on.
fn page(state: &State, n_visits: i64) -> Response {
    let nonce = trace::Hex(trace::random()).to_string();
    let config = &state.config;
    let mut page = PAGE.to_owned();
    for (name, value) in [
        ("greeting", config.greeting.as_str()),
        ("color", &config.color),
        ("visits", &n_visits.to_string()),
        ("version", env!("CARGO_PKG_VERSION")),
        ("pod", or_dash(&config.pod)),
        ("node", or_dash(&config.node)),
        ("nonce", &nonce),
    ] {
        page = page.replace(&format!("[[{name}]]"), &escaped(value));
    }
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

/// Text that cannot be taken for markup, nor for a placeholder.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for it in text.chars() {
        match it {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '[' => escaped.push_str("&#91;"),
            it => escaped.push(it),
        }
    }
    escaped
}

fn unavailable(error: &CounterError) -> Problem {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "could not count");
    Problem::unavailable("the visit counter is not available")
}
