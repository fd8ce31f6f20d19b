//! Every endpoint, in process.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make folders and sockets, and their helpers fail as tests do"
)]

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use clap::Parser as _;
use faro::{Metrics, Phase, SqliteCounter, State, admin_router, check, config::Cli, router};
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tower::ServiceExt as _;

struct World {
    state: State,
    phase: watch::Sender<Phase>,
    _dir: tempfile::TempDir,
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let (phase, phase_rx) = watch::channel(Phase::Serving);
    let environment = [("PROD", "false"), ("A_TOKEN", "x")];
    let state = State {
        config: Arc::new(Cli::try_parse_from(["faro", "--greeting", "Hi!"]).unwrap().serve),
        counter: SqliteCounter::open(dir.path()).await.unwrap(),
        metrics: Metrics::default(),
        environment: Arc::new(
            environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ),
        phase: phase_rx,
    };
    World { state, phase, _dir: dir }
}

async fn ask(router: &Router, method: &str, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_greeting_counts_gets_and_no_heads() {
    let world = world().await;
    let router = router(world.state);
    let greeting = |n| (StatusCode::OK, format!("Hi! I have been seen {n} times.\n"));
    assert_eq!(ask(&router, "GET", "/").await, greeting(1));
    assert_eq!(ask(&router, "HEAD", "/").await, (StatusCode::OK, String::new()));
    assert_eq!(ask(&router, "GET", "/").await, greeting(2));
}

#[tokio::test]
async fn readiness_ends_first_and_health_never() {
    let world = world().await;
    let router = router(world.state);
    let health = (StatusCode::OK, "faro is ready!".to_owned());
    assert_eq!(ask(&router, "GET", "/health").await, health);
    assert_eq!(ask(&router, "GET", "/readyz").await.0, StatusCode::OK);
    world.phase.send_replace(Phase::Ending);
    assert_eq!(ask(&router, "GET", "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&router, "GET", "/startupz").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/livez").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/health").await, health);
    assert_eq!(ask(&router, "GET", "/").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_environment_is_one_object_with_secrets_masked() {
    let world = world().await;
    let (status, body) = ask(&router(world.state), "GET", "/env").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"A_TOKEN":"***","PROD":"false"}"#));
}

#[tokio::test]
async fn metrics_stand_on_the_admin_port_alone() {
    let world = world().await;
    let (service, admin) = (router(world.state.clone()), admin_router(world.state));
    ask(&service, "GET", "/").await;
    assert_eq!(ask(&service, "GET", "/metrics").await.0, StatusCode::NOT_FOUND);
    let (_, text) = ask(&admin, "GET", "/metrics").await;
    let line = r#"faro_http_requests_total{method="GET",route="/",status="200"} 1"#;
    assert!(text.contains(line), "{text}");
    assert!(text.contains("faro_visits_total 1"), "{text}");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_document() {
    let world = world().await;
    let router = router(world.state);
    let (status, body) = ask(&router, "GET", "/nowhere").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains(r#""detail":"there is nothing at /nowhere""#), "{body}");
    assert_eq!(ask(&router, "POST", "/").await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn check_asks_a_real_socket() {
    let world = world().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router(world.state)).await });
    let body = tokio::task::spawn_blocking(move || {
        assert!(check::check(&url, Some("something else")).is_err());
        check::check(&url, Some("ready"))
    });
    assert_eq!(body.await.unwrap().unwrap(), "faro is ready!");
    assert!(check::check("ftp://x", None).is_err());
}
