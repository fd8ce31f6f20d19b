//! What the handlers share.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use axum::http::HeaderValue;
use tokio::sync::{Semaphore, watch};

use crate::{
    Metrics,
    config::ServeConfig,
    counter::{Counter, Hits, RedisHits},
    database::{self, Database, OpenError},
    trace::Traces,
    users::Users,
};

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Told to end: still serving, no longer ready.
    Ending,
}

/// Cheap to clone; given to every handler.
#[derive(Debug, Clone)]
pub struct State(Arc<Shared>);

/// What all clones of a [`State`] are.
#[derive(Debug)]
pub struct Shared {
    pub(crate) config: Arc<ServeConfig>,
    pub(crate) counter: Counter,
    pub(crate) users: Users,
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
    pub(crate) environment: Arc<Vec<(String, String)>>,
    pub(crate) phase: watch::Receiver<Phase>,
    /// A place for each request that may be under way.
    pub(crate) places: Semaphore,
    /// The pod's name for answers, when it may stand in a header.
    pub(crate) pod: Option<HeaderValue>,
}

impl Deref for State {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("could not open the SQLite database of {0}")]
    Sqlite(Stores, #[source] OpenError),
    #[error("could not prepare the users' PostgreSQL")]
    Postgres(#[source] OpenError),
    #[error("could not prepare the counter's Redis")]
    Redis(#[source] redis::RedisError),
}

/// What is kept in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    Counter,
    Users,
    Both,
}

impl fmt::Display for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "the visit counter",
            Self::Users => "the users",
            Self::Both => "the visit counter and the users",
        })
    }
}

impl State {
    /// Opens the stores: SQLite must be there, the others may come later.
    pub async fn open(
        config: Arc<ServeConfig>,
        environment: Vec<(String, String)>,
        phase: watch::Receiver<Phase>,
    ) -> Result<Self, StateError> {
        let timeout = config.store_timeout;
        let metrics = Metrics::default();
        let stores = match (&config.redis_url, &config.database_url) {
            (None, None) => Some(Stores::Both),
            (None, Some(_)) => Some(Stores::Counter),
            (Some(_), None) => Some(Stores::Users),
            (Some(_), Some(_)) => None,
        };
        let sqlite = match stores {
            Some(stores) => {
                let opened = database::open_sqlite(&config.data_dir, timeout).await;
                Some(opened.map_err(|it| StateError::Sqlite(stores, it))?)
            }
            None => None,
        };
        let hits = match (&config.redis_url, &sqlite) {
            (Some(url), _) => {
                Hits::Redis(RedisHits::open(url, timeout).map_err(StateError::Redis)?)
            }
            (None, Some(pool)) => Hits::Sqlite(pool.clone()),
            (None, None) => unreachable!("SQLite counts whenever no Redis does"),
        };
        let users = match (&config.database_url, sqlite) {
            (Some(url), _) => postgres(url, config.database_connections_max, timeout)?,
            (None, Some(pool)) => Database::Sqlite(pool),
            (None, None) => unreachable!("SQLite keeps the users whenever no PostgreSQL does"),
        };
        Ok(Self(Arc::new(Shared {
            counter: Counter::start(hits, timeout, metrics.clone()),
            users: Users::start(users, timeout, metrics.clone()),
            metrics,
            traces: Traces::start(config.otlp_endpoint.as_ref(), &config.otel_service_name),
            environment: Arc::new(environment),
            phase,
            places: Semaphore::new(config.requests_max),
            pod: HeaderValue::from_str(&config.pod).ok(),
            config,
        })))
    }

    pub(crate) fn is_ending(&self) -> bool {
        *self.phase.borrow() == Phase::Ending
    }
}

fn postgres(url: &str, n_max: u32, timeout: Duration) -> Result<Database, StateError> {
    database::postgres(url, n_max, timeout).map_err(StateError::Postgres)
}
