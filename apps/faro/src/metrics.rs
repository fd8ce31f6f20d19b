//! Metrics in Prometheus' text format: rate, errors and duration of each route, the stores, the runtime, the process.

mod process;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, LabelSetEncoder, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::route::{Method, Route};

const SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 5.0];
const VISITS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1024.0];

/// What stores are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// Adds visits.
    Count,
    /// Anything with users.
    Users,
}

/// One route's answers; static names, so that nothing is allocated for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Answers {
    route: RouteLabels,
    status: u16,
}

impl EncodeLabelSet for Answers {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        self.route.encode(encoder)?;
        [("status", self.status)].encode(encoder)
    }
}

type RouteLabels = [(&'static str, &'static str); 2];

/// Statuses that this service answers with, and others seldom.
const STATUSES: [u16; 20] = [
    200, 201, 204, 304, 400, 404, 405, 409, 411, 412, 413, 414, 415, 422, 428, 431, 500, 501, 503,
    504,
];

/// Metrics of one method on one route, found once: a request then looks up nothing by names.
#[derive(Debug, Default)]
struct Handles {
    seconds: OnceLock<Histogram>,
    requests: [OnceLock<Counter>; STATUSES.len()],
}

type StoreLabels = [(&'static str, &'static str); 1];
type StateLabels = [(&'static str, &'static str); 1];

/// Handles to what is counted; clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Answers, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    /// One for each method of each route.
    handles: Arc<[Handles]>,
    pub(crate) in_flight: Gauge,
    pub(crate) visits: Counter,
    count: Gauge,
    batch: Histogram,
    store_seconds: Family<StoreLabels, Histogram, fn() -> Histogram>,
    store_errors: Family<StoreLabels, Counter>,
    connections: Family<StateLabels, Gauge>,
    process: process::Process,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let process = process::Process::register(&mut registry);
        let it = Self {
            registry: Arc::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            handles: (0..Method::N * Route::N).map(|_| Handles::default()).collect(),
            in_flight: Gauge::default(),
            visits: Counter::default(),
            count: Gauge::default(),
            batch: Histogram::new(VISITS),
            store_seconds: Family::new_with_constructor(seconds),
            store_errors: Family::default(),
            connections: Family::default(),
            process,
        };
        let faro = registry.sub_registry_with_prefix("faro");
        faro.register("http_requests", "Requests answered", it.requests.clone());
        faro.register("http_request_duration_seconds", "Time to answer", it.seconds.clone());
        faro.register("http_requests_in_flight", "Requests under way", it.in_flight.clone());
        faro.register("visits", "Visits counted by this replica", it.visits.clone());
        faro.register(
            "visits_count",
            "The count of all replicas, when last seen",
            it.count.clone(),
        );
        faro.register("visits_batch", "Visits that shared a round trip", it.batch.clone());
        faro.register("store_duration_seconds", "Time a store took", it.store_seconds.clone());
        faro.register("store_errors", "Times a store did not answer", it.store_errors.clone());
        faro.register(
            "users_connections",
            "Connections to the users' database",
            it.connections.clone(),
        );
        faro.register("build_info", "What is running", build_info());
        Self { registry: Arc::new(registry), ..it }
    }
}

impl Metrics {
    /// Counts a request.
    pub(crate) fn observe(&self, method: Method, route: Route, status: u16, took: Duration) {
        let labels = || [("method", method.name()), ("route", route.pattern())];
        let requests = || {
            let answers = Answers { route: labels(), status };
            self.requests.get_or_create_owned(&answers)
        };
        let handles = &self.handles[route.idx() * Method::N + method.idx()];
        match STATUSES.iter().position(|it| *it == status) {
            Some(idx) => handles.requests[idx].get_or_init(requests).inc(),
            None => requests().inc(),
        };
        let seconds = || self.seconds.get_or_create_owned(&labels());
        handles.seconds.get_or_init(seconds).observe(took.as_secs_f64());
    }

    /// Counts a question to a store.
    pub(crate) fn store(&self, operation: Operation, took: Duration, is_served: bool) {
        let name = match operation {
            Operation::Count => "counter",
            Operation::Users => "users",
        };
        self.store_seconds.get_or_create(&[("store", name)]).observe(took.as_secs_f64());
        if !is_served {
            self.store_errors.get_or_create(&[("store", name)]).inc();
        }
    }

    pub(crate) fn counted(&self, n_visits: i64, count: i64) {
        #[expect(clippy::cast_precision_loss, reason = "a batch has a few thousand visits")]
        self.batch.observe(n_visits as f64);
        self.count.set(count);
    }

    /// The text that Prometheus reads; `connections` are those to the users' database: open, and idle.
    pub(crate) fn text(&self, connections: (u32, usize)) -> String {
        let (n_open, n_idle) =
            (i64::from(connections.0), i64::try_from(connections.1).unwrap_or(0));
        self.connections.get_or_create(&[("state", "idle")]).set(n_idle);
        self.connections.get_or_create(&[("state", "used")]).set((n_open - n_idle).max(0));
        self.process.read();
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn build_info() -> Family<StateLabels, Gauge<i64, std::sync::atomic::AtomicI64>> {
    let info = Family::<StateLabels, Gauge<i64, std::sync::atomic::AtomicI64>>::default();
    info.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    info
}
