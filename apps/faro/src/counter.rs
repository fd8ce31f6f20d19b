//! The visit counter: one row in SQLite, shared by the replicas of a node.

use std::{path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{mpsc, oneshot};

/// How long a replica waits for another one's write.
const BUSY: Duration = Duration::from_secs(5);
/// Visitors that may wait for their number; further ones are told that the counter is busy.
const WAITING_MAX: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum CounterError {
    #[error("could not open the counter's database `{path}`")]
    Open { path: String, source: sqlx::Error },
    #[error("could not create the data folder `{path}`")]
    Folder { path: String, source: std::io::Error },
    #[error("could not count a visit")]
    Count(#[source] std::sync::Arc<sqlx::Error>),
    #[error("could not read the counter")]
    Read(#[source] sqlx::Error),
    #[error("the counter has too many visitors waiting")]
    Busy,
}

type Waiter = oneshot::Sender<Result<i64, CounterError>>;

/// Counts visits; visitors that come at once share one write, and each gets its own number.
#[derive(Debug, Clone)]
pub struct SqliteCounter {
    pool: SqlitePool,
    visits: mpsc::Sender<Waiter>,
}

impl SqliteCounter {
    /// Opens the database in `data_dir`, making both when they are missing.
    pub async fn open(data_dir: &Path) -> Result<Self, CounterError> {
        let shown = data_dir.display().to_string();
        std::fs::create_dir_all(data_dir)
            .map_err(|source| CounterError::Folder { path: shown, source })?;
        let path = data_dir.join("faro.db");
        let failed = |source| CounterError::Open { path: path.display().to_string(), source };
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await
            .map_err(failed)?;
        // Several replicas may do this at once: both statements change nothing the second time.
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS visits \
             (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL)",
        )
        .execute(&pool)
        .await
        .map_err(failed)?;
        sqlx::query("INSERT INTO visits (id, count) VALUES (1, 0) ON CONFLICT DO NOTHING")
            .execute(&pool)
            .await
            .map_err(failed)?;
        let (visits, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(count(pool.clone(), waiting));
        Ok(Self { pool, visits })
    }

    /// Counts one visit and returns its number.
    pub async fn visit(&self) -> Result<i64, CounterError> {
        let (tx, rx) = oneshot::channel();
        self.visits.try_send(tx).map_err(|_| CounterError::Busy)?;
        rx.await.unwrap_or(Err(CounterError::Busy))
    }

    /// Reads the counter without counting.
    pub async fn read(&self) -> Result<i64, CounterError> {
        sqlx::query_scalar("SELECT count FROM visits WHERE id = 1")
            .fetch_one(&self.pool)
            .await
            .map_err(CounterError::Read)
    }
}

/// Takes whoever waits, adds them in one statement, hands each its number.
async fn count(pool: SqlitePool, mut waiting: mpsc::Receiver<Waiter>) {
    let mut batch: Vec<Waiter> = Vec::new();
    while waiting.recv_many(&mut batch, WAITING_MAX).await != 0 {
        let n_visits = i64::try_from(batch.len()).unwrap_or(i64::MAX);
        let added = sqlx::query_scalar::<_, i64>(
            "UPDATE visits SET count = count + $1 WHERE id = 1 RETURNING count",
        )
        .bind(n_visits)
        .fetch_one(&pool)
        .await
        .map_err(std::sync::Arc::new);
        for (waiter, idx) in batch.drain(..).zip(1..) {
            let number = match &added {
                Ok(last) => Ok(last - n_visits + idx),
                Err(error) => Err(CounterError::Count(std::sync::Arc::clone(error))),
            };
            // A visitor that went away keeps its number: it was counted.
            waiter.send(number).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn every_visitor_of_two_replicas_gets_its_own_number() {
        let dir = tempfile::tempdir().unwrap();
        let one = SqliteCounter::open(dir.path()).await.unwrap();
        let other = SqliteCounter::open(dir.path()).await.unwrap();
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
        assert_eq!(SqliteCounter::open(dir.path()).await.unwrap().visit().await.unwrap(), 1);
        assert_eq!(SqliteCounter::open(dir.path()).await.unwrap().visit().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_named() {
        let error = SqliteCounter::open(Path::new("/proc/faro")).await.unwrap_err();
        assert!(error.to_string().contains("`/proc/faro`"), "{error}");
    }
}
