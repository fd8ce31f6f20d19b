//! Carries release plans out on any Kubernetes cluster, and keeps Helm's records of them.
//!
//! What is to be done is decided in `release`; here it is read, sent, watched and, when it fails, explained and
//! put back. It renders no charts, builds no images, knows no pipeline, and prints nothing: progress goes to a
//! callback, evidence to a sink. Embedded cluster or any other, it only sees a `kube::Client`.
//!
//! Start at [`prepare::prepare`] for the plan and at [`deploy::deploy`] for carrying it out.

mod api;
pub mod cluster;
mod machine;

pub mod progress;
pub mod request;

pub mod lock;
pub mod records;

mod apply;
mod hooks;
mod live;
pub mod lookup;
mod namespace;
pub mod prepare;

pub mod wait;
mod watch;

pub mod deploy;
pub mod evidence;
pub mod forward;
pub mod smoke;

pub mod rollback;
mod undo;
pub mod uninstall;

pub mod logs;
pub mod restart;
pub mod status;
pub mod unlock;

pub use api::{ApiError, Verb};
pub use cluster::Cluster;
pub use deploy::{Aftermath, DeployError, Failed, Outcome, deploy};
pub use evidence::Evidence;
pub use hooks::HookError;
pub use lookup::lookup;
pub use prepare::{Prepared, Situation, Standing, prepare, situation};
pub use progress::{Context, EvidenceSink, Progress};
pub use request::{Options, Request};
