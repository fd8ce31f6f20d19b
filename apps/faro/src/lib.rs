//! faro, the reference service: a greeting with a visit counter, users, health, environment, metrics.
//!
//! It shows what a service that behaves well on Kubernetes looks like, and depends on nothing of zarpa.
//! [`router()`] is the whole HTTP interface without a socket; [`serve()`] gives it sockets and ends it in order.
#![expect(clippy::disallowed_methods, reason = "a service: it opens sockets and reads its disk")]

pub mod check;
pub mod config;
mod counter;
mod database;
mod endpoints;
pub mod log;
mod metrics;
mod negotiation;
mod observe;
mod problem;
mod route;
mod router;
mod serve;
mod state;
mod tls;
mod trace;
mod users;

pub use counter::CounterError;
pub use database::OpenError;
pub use metrics::Metrics;
pub use observe::Observed;
pub use router::{admin_router, router};
pub use serve::{ServeError, serve};
pub use state::{Phase, Shared, State, StateError, Stores};
pub use tls::TlsError;
