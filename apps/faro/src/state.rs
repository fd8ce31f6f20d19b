//! What the handlers share.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{Metrics, SqliteCounter, config::ServeConfig};

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Told to end: still serving, no longer ready.
    Ending,
}

/// Cheap to clone; given to every handler.
#[derive(Debug, Clone)]
pub struct State {
    pub config: Arc<ServeConfig>,
    pub counter: SqliteCounter,
    pub metrics: Metrics,
    pub environment: Arc<Vec<(String, String)>>,
    pub phase: watch::Receiver<Phase>,
}
