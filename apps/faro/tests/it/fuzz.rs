//! Ten thousand requests that nobody means: none is answered with a 500, none ends the service.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request, StatusCode},
};
use faro::{Observed, router};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tower::ServiceExt as _;

use crate::world::{World, ask};

const N_REQUESTS: usize = 10_000;
/// Arguments for stores that somebody has started, as `--database-url …`; without it, everything is in SQLite.
const STORES: &str = "FARO_FUZZ_STORES";
const PATHS: [&str; 14] = [
    "/",
    "/health",
    "/livez",
    "/readyz",
    "/startupz",
    "/version",
    "/env",
    "/docs",
    "/openapi.json",
    "/api/users",
    "/api/users/",
    "/api/users/1",
    "/api/users/1/",
    "/api//users/../1",
];
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];
const HEADERS: [&str; 9] = [
    "accept",
    "content-type",
    "content-length",
    "if-match",
    "if-none-match",
    "idempotency-key",
    "x-request-id",
    "traceparent",
    "expect",
];
const VALUES: [&str; 12] = [
    "*/*",
    "*",
    "application/json",
    "application/merge-patch+json; charset=x",
    "text/html;q=NaN, */*;q=1e99",
    "\"1-1\"",
    "W/\"1-1\", ,",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "100-continue",
    "-1",
    "99999999999999999999",
    "",
];

#[derive(Debug, Clone)]
struct Asked {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let one_of = |all: &'static [&'static str]| (0..all.len()).prop_map(move |it| all[it]);
    let escaped = vec(any::<u8>(), 0..12)
        .prop_map(|bytes| bytes.iter().map(|it| format!("%{it:02x}")).collect::<String>());
    let path = prop_oneof![
        8 => one_of(&PATHS).prop_map(str::to_owned),
        2 => escaped.clone().prop_map(|it| format!("/api/users/{it}")),
        1 => escaped.clone().prop_map(|it| format!("/{it}")),
        1 => any::<i64>().prop_map(|it| format!("/api/users/{it}")),
    ];
    let key = one_of(&["limit", "cursor", "dni", "name", "", "x"]);
    let value = prop_oneof![
        escaped,
        any::<i64>().prop_map(|it| it.to_string()),
        any::<u64>().prop_map(|it| format!("{it:016x}")),
    ];
    let query = vec((key, value).prop_map(|(key, value)| format!("{key}={value}")), 0..3);
    let header_value = prop_oneof![
        4 => one_of(&VALUES).prop_map(|it| it.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ];
    let json = (field(), field())
        .prop_map(|(dni, name)| format!(r#"{{"dni":{dni},"name":{name}}}"#).into_bytes());
    let body = prop_oneof![
        2 => Just(Vec::new()),
        4 => json,
        1 => vec(any::<u8>(), 0..200),
        1 => (1usize..40_000).prop_map(|it| b"[".repeat(it)),
    ];
    (one_of(&METHODS), path, query, vec((one_of(&HEADERS), header_value), 0..4), body).prop_map(
        |(method, path, query, headers, body)| {
            let target =
                if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
            Asked { method, target, headers, body }
        },
    )
}

/// A JSON value, mostly a text.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => any::<String>().prop_map(|it| serde_json::json!(it).to_string()),
        4 => "[a-z0-9]{1,8}".prop_map(|it| format!("\"{it}\"")),
        1 => any::<i64>().prop_map(|it| it.to_string()),
        1 => Just("null".to_owned()),
        1 => Just("1e999".to_owned()),
        1 => Just("\"\\ud800\"".to_owned()),
        1 => Just("{\"a\":[]}".to_owned()),
    ]
}

async fn answer(router: &Observed, asked: &Asked) -> Option<StatusCode> {
    let mut request = Request::builder().method(Method::from_bytes(asked.method.as_bytes()).ok()?);
    for (name, value) in &asked.headers {
        request =
            request.header(HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?);
    }
    let request = request.uri(&asked.target).body(Body::from(asked.body.clone())).ok()?;
    Some(router.clone().oneshot(request).await.unwrap().status())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_strange_requests_are_all_answered() {
    let stores = std::env::var(STORES).unwrap_or_default();
    let world = World::new(&stores.split_whitespace().collect::<Vec<_>>()).await;
    let router = router(world.state.clone());
    world.prepared(&router).await;
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (strategy, mut n_answered) = (asked(), 0);
    while n_answered < N_REQUESTS {
        let asked = strategy.new_tree(&mut runner).unwrap().current();
        // Some are not even HTTP: those never come as far as a handler.
        let Some(status) = answer(&router, &asked).await else { continue };
        n_answered += 1;
        assert!(status.as_u16() < 500, "{status}: {asked:?}");
    }
    assert_eq!(ask(&router, "GET", "/readyz").await.0, StatusCode::OK);
}
