//! A faro without the program around it: its state on a folder of its own.

use std::{convert::Infallible, ffi::OsString, net::SocketAddr, sync::Arc};

use axum::{
    ServiceExt,
    body::Body,
    http::{Request, StatusCode},
    response::Response,
};
use faro::{
    Observed, Phase, State,
    config::{self, Task},
    router,
};
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tower::{Service, ServiceExt as _};

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) phase: watch::Sender<Phase>,
    _dir: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap();
        let first = ["faro", "--greeting", "Hi!", "--data-dir", data];
        let args = first.iter().chain(args).map(OsString::from);
        let Task::Serve(config) = config::read(args, &[]).unwrap() else {
            unreachable!("only `check` is another task")
        };
        let (phase, phase_rx) = watch::channel(Phase::Serving);
        let environment = [("PROD", "false"), ("A_TOKEN", "x")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let state = State::open(Arc::new(*config), environment.to_vec(), phase_rx).await.unwrap();
        Self { state, phase, _dir: dir }
    }

    /// Waits until the tables are there.
    pub(crate) async fn prepared(&self, router: &Observed) {
        while ask(router, "GET", "/startupz").await.0 != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    }

    /// Serves on a free port of this machine.
    pub(crate) async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(self.state.clone());
        self.prepared(&router).await;
        tokio::spawn(async move {
            axum::serve(listener, ServiceExt::<Request<Body>>::into_make_service(router)).await
        });
        address
    }
}

pub(crate) async fn ask<S>(router: &S, method: &str, path: &str) -> (StatusCode, String)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone,
{
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
