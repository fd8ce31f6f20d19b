//! Around every request: its ids, its place among those under way, its time, its line in the log.
//!
//! One service around all routes, and nothing that is made anew for each request but what the client gets.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{self, HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout};
use tower::Service;

use crate::{
    State,
    log::{self, Ids, RequestId},
    problem::Problem,
    route::{Method, Route},
    trace::{self, TraceContext},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;

/// The service port: counts and logs every request, and asks clients to go elsewhere when the process is about to end.
#[derive(Debug, Clone)]
pub struct Observed {
    state: State,
    routes: Router,
}

impl Observed {
    pub(crate) fn new(state: State, routes: Router) -> Self {
        Self { state, routes }
    }

    async fn answer(self, request: Request) -> Response {
        let started = Instant::now();
        let (method, route) = (Method::of(request.method()), Route::of(request.uri().path()));
        let context = TraceContext::of(request.headers());
        let id = request_id(request.headers());
        // The log's own; nothing is made when the level is off.
        let path = tracing::enabled!(tracing::Level::INFO).then(|| request.uri().path().to_owned());
        let Self { state, routes } = self;
        let ids = Ids { request: id.clone(), trace: context.trace_id };
        let work = async {
            let in_flight = InFlight::start(&state);
            let response = guarded(&state, route, routes, request).await;
            drop(in_flight);
            let (took, status) = (started.elapsed(), response.status());
            state.metrics.observe(method, route, status.as_u16(), took);
            let (method, route_name) = (method.name(), route.pattern());
            let span = trace::Server { method, route: route_name, status: status.as_u16(), took };
            state.traces.end(&context, &span);
            // Probes come every second: only those that fail are worth a line.
            if !route.is_probe() || !status.is_success() {
                let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                let status = status.as_u16();
                tracing::info!(method, path, route = route_name, status, took_us, "request");
            }
            response
        };
        let mut response = log::within(ids, work).await;
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id.to_header());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if state.is_ending() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl<B> Service<http::Request<B>> for Observed
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request.map(Body::new)).map(Ok))
    }
}

/// Runs a request within the limits of time and number; health is always answered.
async fn guarded(state: &State, route: Route, mut routes: Router, request: Request) -> Response {
    let work = AssertUnwindSafe(async {
        let Ok(response) = routes.call(request).await;
        response
    });
    let answer = work.catch_unwind();
    if route.is_probe() {
        return answer.await.unwrap_or_else(|it| panicked(&*it));
    }
    let Ok(_place) = state.places.try_acquire() else {
        return Problem::unavailable("too many requests are under way").into_response();
    };
    match timeout(state.config.request_timeout, answer).await {
        Ok(answered) => answered.unwrap_or_else(|it| panicked(&*it)),
        Err(_) => Problem::unavailable("the request took too long").into_response(),
    }
}

/// Counts a request as ended however it ends, also when its client goes away.
struct InFlight<'a>(&'a State);

impl<'a> InFlight<'a> {
    fn start(state: &'a State) -> Self {
        state.metrics.in_flight.inc();
        Self(state)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics.in_flight.dec();
    }
}

/// What a panic in a handler becomes: a bug, told in the log and to nobody else.
fn panicked(cause: &(dyn std::any::Any + Send)) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(cause, "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong").into_response()
}

/// The client's own id when it is harmless, else a new one.
fn request_id(headers: &HeaderMap) -> RequestId {
    let is_harmless = |it: &&HeaderValue| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&it.len())
            && it.as_bytes().iter().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(it))
    };
    let given = headers.get(REQUEST_ID).filter(is_harmless).cloned();
    given.map_or_else(|| RequestId::Made(trace::random()), RequestId::Given)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::watch;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{
        Phase,
        config::{self, Task},
    };

    #[tokio::test]
    async fn a_panic_is_an_answer_and_the_next_request_is_served() {
        let dir = tempfile::tempdir().unwrap();
        let args = ["faro", "--data-dir", dir.path().to_str().unwrap()];
        let Ok(Task::Serve(config)) = config::read(args.map(Into::into), &[]) else {
            unreachable!("the arguments are good, and no other task")
        };
        let (_phase, phase_rx) = watch::channel(Phase::Serving);
        let state = State::open(Arc::new(*config), Vec::new(), phase_rx).await.unwrap();
        let panics = async || -> &'static str { panic!("a bug in a handler") };
        let routes = Router::new()
            .route("/", axum::routing::get(panics))
            .route("/health", axum::routing::get(async || "ok"));
        let service = Observed::new(state.clone(), routes);
        for (path, expect) in [("/", 500), ("/health", 200), ("/", 500)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let Ok(response) = service.clone().oneshot(request).await;
            assert_eq!(response.status().as_u16(), expect);
            assert_eq!(response.headers()[REQUEST_ID].len(), 32);
        }
        assert_eq!(state.metrics.in_flight.get(), 0);
    }

    #[test]
    fn an_id_is_taken_over_when_it_is_harmless() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("a-1_b.c"));
        assert_eq!(request_id(&headers).to_header(), "a-1_b.c");
        for bad in ["", "a b", "a\"", &"x".repeat(65)] {
            headers.insert(REQUEST_ID, HeaderValue::from_str(bad).unwrap());
            let id = request_id(&headers);
            assert_eq!(id.to_header(), id.to_string().as_str());
            assert_eq!(id.to_string().len(), 32, "{bad}");
        }
    }
}
