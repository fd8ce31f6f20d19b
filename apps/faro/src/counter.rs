//! The visit counter: one number that all replicas share, in SQLite or in Redis.

mod redis;

use std::{sync::Arc, time::Duration};

use sqlx::SqlitePool;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::{Metrics, metrics::Operation};

pub(crate) use self::redis::RedisHits;

/// Visitors that may wait for their number; further ones are told that the counter is busy.
const WAITING_MAX: usize = 4096;

#[derive(Debug, Clone, thiserror::Error)]
pub enum CounterError {
    #[error("could not ask the counter's SQLite database")]
    Sqlite(#[source] Arc<sqlx::Error>),
    #[error("could not ask the counter's Redis")]
    Redis(#[source] Arc<::redis::RedisError>),
    #[error("the counter took too long")]
    Late,
    #[error("the counter has too many visitors waiting")]
    Busy,
}

/// Where the number is kept.
#[derive(Debug, Clone)]
pub(crate) enum Hits {
    Sqlite(SqlitePool),
    Redis(RedisHits),
}

type Waiter = oneshot::Sender<Result<i64, CounterError>>;

/// Counts visits; visitors that come at once share one round trip, and each gets its own number.
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    hits: Hits,
    visits: mpsc::Sender<Waiter>,
    timeout: Duration,
}

impl Counter {
    /// Starts the task that counts; it ends with the last clone.
    pub(crate) fn start(hits: Hits, timeout: Duration, metrics: Metrics) -> Self {
        let (visits, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(count(hits.clone(), waiting, timeout, metrics));
        Self { hits, visits, timeout }
    }

    /// Counts one visit and returns its number.
    ///
    /// Within the timeout, whatever the store does. A number whose answer was lost is given to nobody.
    pub(crate) async fn visit(&self) -> Result<i64, CounterError> {
        let (tx, rx) = oneshot::channel();
        self.visits.try_send(tx).map_err(|_| CounterError::Busy)?;
        rx.await.unwrap_or(Err(CounterError::Busy))
    }

    /// Reads the counter without counting.
    pub(crate) async fn read(&self) -> Result<i64, CounterError> {
        let read = async {
            match &self.hits {
                Hits::Sqlite(pool) => sqlx::query_scalar("SELECT count FROM visits WHERE id = 1")
                    .fetch_one(pool)
                    .await
                    .map_err(|it| CounterError::Sqlite(Arc::new(it))),
                Hits::Redis(redis) => redis.read().await,
            }
        };
        timeout(self.timeout, read).await.unwrap_or(Err(CounterError::Late))
    }

    /// What keeps the number, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self.hits {
            Hits::Sqlite(_) => "sqlite",
            Hits::Redis(_) => "redis",
        }
    }
}

/// Takes whoever waits, adds them in one round trip, hands each its number.
async fn count(hits: Hits, mut waiting: mpsc::Receiver<Waiter>, limit: Duration, metrics: Metrics) {
    let mut batch: Vec<Waiter> = Vec::new();
    while waiting.recv_many(&mut batch, WAITING_MAX).await != 0 {
        let n_visits = i64::try_from(batch.len()).unwrap_or(i64::MAX);
        let started = Instant::now();
        let added = timeout(limit, add(&hits, n_visits)).await.unwrap_or(Err(CounterError::Late));
        metrics.store(Operation::Count, started.elapsed(), added.is_ok());
        if let Ok(last) = added {
            metrics.visits.inc_by(n_visits.unsigned_abs());
            metrics.counted(n_visits, last);
        }
        for (waiter, idx) in batch.drain(..).zip(1..) {
            let number = added.clone().map(|last| last - n_visits + idx);
            // A visitor that went away keeps its number: it was counted.
            waiter.send(number).ok();
        }
    }
}

/// Adds and returns the new count.
async fn add(hits: &Hits, n_visits: i64) -> Result<i64, CounterError> {
    match hits {
        Hits::Sqlite(pool) => sqlx::query_scalar::<_, i64>(
            "UPDATE visits SET count = count + $1 WHERE id = 1 RETURNING count",
        )
        .bind(n_visits)
        .fetch_one(pool)
        .await
        .map_err(|it| CounterError::Sqlite(Arc::new(it))),
        Hits::Redis(redis) => redis.add(n_visits).await,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;
    use crate::database;

    const LIMIT: Duration = Duration::from_secs(5);

    async fn open(dir: &Path) -> Counter {
        let pool = database::open_sqlite(dir, LIMIT).await.unwrap();
        Counter::start(Hits::Sqlite(pool), LIMIT, Metrics::default())
    }

    #[tokio::test]
    async fn every_visitor_of_two_replicas_gets_its_own_number() {
        let dir = tempfile::tempdir().unwrap();
        let one = open(dir.path()).await;
        let other = open(dir.path()).await;
        let tasks: Vec<_> = (0..100)
            .map(|it| {
                let counter = if it % 2 == 0 { one.clone() } else { other.clone() };
                tokio::spawn(async move { counter.visit().await.unwrap() })
            })
            .collect();
        let mut numbers = BTreeSet::new();
        for task in tasks {
            numbers.insert(task.await.unwrap());
        }
        assert_eq!(numbers, (1..=100).collect());
        assert_eq!(one.read().await.unwrap(), 100);
    }

    #[tokio::test]
    async fn the_count_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(open(dir.path()).await.visit().await.unwrap(), 1);
        assert_eq!(open(dir.path()).await.visit().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_redis_that_answers_nobody_is_late_and_not_waited_for() {
        // Accepts connections by its backlog, and never says a word.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let limit = Duration::from_millis(50);
        let hits = Hits::Redis(RedisHits::open(&url, limit).unwrap());
        let counter = Counter::start(hits, limit, Metrics::default());
        assert!(counter.visit().await.is_err());
        assert!(counter.read().await.is_err());
    }
}
