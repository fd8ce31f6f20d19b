//! Answers one path as often as it is told, without a socket: what `cargo xtask count` counts the instructions of.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a program of a tool: it reads its arguments and has nobody to tell"
)]

use std::{env, ffi::OsString, sync::Arc};

use axum::{body::Body, http::Request};
use faro::{
    Phase, State,
    config::{self, Task},
    router,
};
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tower::ServiceExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [data, path, times]: [String; 3] =
        env::args().skip(1).collect::<Vec<_>>().try_into().unwrap();
    let args = ["faro", "--data-dir", &data].map(OsString::from);
    let Ok(Task::Serve(config)) = config::read(args, &[]) else {
        unreachable!("the arguments are good, and no other task")
    };
    let (_phase, phase) = watch::channel(Phase::Serving);
    let state = State::open(Arc::new(*config), Vec::new(), phase).await.unwrap();
    let service = router(state);
    for _ in 0..times.parse::<u32>().unwrap() {
        let request = Request::get(&path).header("host", "faro").body(Body::empty()).unwrap();
        let Ok(response) = service.clone().oneshot(request).await;
        response.into_body().collect().await.unwrap();
    }
}
