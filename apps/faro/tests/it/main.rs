//! Every endpoint of a faro in this process, on SQLite.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make folders and sockets, and their helpers fail as tests do"
)]

mod client;
mod fuzz;
mod process;
mod suite;
mod world;

use axum::http::StatusCode;
use faro::{Phase, admin_router, check, router};
use serde_json::Value;

use self::{
    client::Client,
    world::{World, ask},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_holds_on_sqlite() {
    let world = World::new(&[]).await;
    let address = world.listen().await;
    tokio::task::spawn_blocking(move || suite::all(&Client::new(address))).await.unwrap();
}

#[tokio::test]
async fn the_greeting_counts_gets_and_no_heads() {
    let world = World::new(&[]).await;
    let router = router(world.state);
    let greeting = |n| (StatusCode::OK, format!("Hi! I have been seen {n} times.\n"));
    assert_eq!(ask(&router, "GET", "/").await, greeting(1));
    assert_eq!(ask(&router, "HEAD", "/").await, (StatusCode::OK, String::new()));
    assert_eq!(ask(&router, "GET", "/").await, greeting(2));
}

#[tokio::test]
async fn readiness_ends_first_and_health_never() {
    let world = World::new(&[]).await;
    let router = router(world.state.clone());
    let health = (StatusCode::OK, "faro is ready!".to_owned());
    assert_eq!(ask(&router, "GET", "/health").await, health);
    world.prepared(&router).await;
    assert_eq!(ask(&router, "GET", "/readyz").await.0, StatusCode::OK);
    world.phase.send_replace(Phase::Ending);
    assert_eq!(ask(&router, "GET", "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&router, "GET", "/startupz").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/livez").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/health").await, health);
    assert_eq!(ask(&router, "GET", "/").await.0, StatusCode::OK);
}

#[tokio::test]
async fn stores_that_are_away_are_told_and_health_stays() {
    // Nobody listens on port 1.
    let args = [
        "--redis-url",
        "redis://127.0.0.1:1",
        "--database-url",
        "postgres://x@127.0.0.1:1/x",
        "--store-timeout",
        "0.2",
    ];
    let world = World::new(&args).await;
    let router = router(world.state);
    for path in ["/", "/api/users", "/readyz", "/startupz"] {
        let (status, body) = ask(&router, "GET", path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {body}");
        assert!(body.contains(r#""detail":"#), "{path}: {body}");
    }
    let (_, body) = ask(&router, "GET", "/readyz").await;
    assert!(body.contains("not available: counter, users"), "{body}");
    assert_eq!(ask(&router, "HEAD", "/").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/health").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/livez").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_environment_is_one_object_with_secrets_masked() {
    let world = World::new(&[]).await;
    let (status, body) = ask(&router(world.state), "GET", "/env").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"A_TOKEN":"***","PROD":"false"}"#));
    let world = World::new(&["--env-endpoint", "false"]).await;
    assert_eq!(ask(&router(world.state), "GET", "/env").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn more_than_may_be_under_way_is_refused_but_health_is_not() {
    // Accepts connections by its backlog, and never says a word.
    let redis = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", redis.local_addr().unwrap());
    let args = ["--redis-url", &url, "--requests-max", "1", "--request-timeout", "0.1"];
    let world = World::new(&args).await;
    let router = router(world.state);
    let (late, refused) = tokio::join!(ask(&router, "GET", "/"), ask(&router, "GET", "/"));
    assert_eq!(
        (late.0, refused.0),
        (StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE)
    );
    assert!(late.1.contains("the request took too long"), "{late:?}");
    assert!(refused.1.contains("too many requests are under way"), "{refused:?}");
    assert_eq!(ask(&router, "GET", "/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_stand_on_the_admin_port_alone() {
    let world = World::new(&[]).await;
    let (service, admin) = (router(world.state.clone()), admin_router(world.state));
    ask(&service, "GET", "/").await;
    assert_eq!(ask(&service, "GET", "/metrics").await.0, StatusCode::NOT_FOUND);
    let (_, text) = ask(&admin, "GET", "/metrics").await;
    for line in [
        r#"faro_http_requests_total{method="GET",route="/",status="200"} 1"#,
        r#"faro_http_request_duration_seconds_count{method="GET",route="/"} 1"#,
        "faro_http_requests_in_flight 0",
        "faro_visits_total 1",
        "faro_visits_count 1",
        r#"faro_store_duration_seconds_count{store="counter"} 1"#,
        r#"faro_users_connections{state="used"}"#,
        "process_open_fds",
        "tokio_tasks",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
}

#[tokio::test]
async fn the_document_has_the_version_and_every_route() {
    let world = World::new(&[]).await;
    let router = router(world.state);
    let (_, text) = ask(&router, "GET", "/openapi.json").await;
    let api: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(api["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|it| *it != "parameters") {
            let asked = ask(&router, &method.to_uppercase(), &path.replace("{id}", "1")).await;
            assert_ne!(asked.0, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!asked.1.contains("there is nothing at"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn check_asks_a_real_socket() {
    let world = World::new(&[]).await;
    let url = format!("http://{}/health", world.listen().await);
    let body = tokio::task::spawn_blocking(move || {
        assert!(check::check(&url, Some("something else")).is_err());
        check::check(&url, Some("ready"))
    });
    assert_eq!(body.await.unwrap().unwrap(), "faro is ready!");
    assert!(check::check("ftp://x", None).is_err());
}
