//! Watches and work queues around `reconcile`: what keeps a cluster as its objects say.
//!
//! One watch for each kind feeds one loop, which owns the world, asks `reconcile` for each object that a change
//! concerns, and starts the actions. Their answers come back as events of the same loop, so that a controller sees
//! what it has done before it decides again. Nothing polls; timers run only for deadlines that a decision names.
//!
//! It decides nothing about the cluster itself, knows no API server (only a client), and runs no container.
//! State is never kept here alone: after a restart the lists say all.
//!
//! Start at `engine`.

mod engine;
mod execute;
mod folder;
mod queue;
mod request;
mod watch;

pub use engine::{RunError, run};
pub use reconcile::{Config, PROVISIONER, UNSUPPORTED};
