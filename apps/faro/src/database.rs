//! The database of users, SQLite or PostgreSQL, behind one enum with shared SQL.

mod migrations;

use std::{path::Path, str::FromStr as _, time::Duration};

use sqlx::{
    PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::{Instant, sleep};

pub(crate) use migrations::migrate;

/// Writers wait for each other, so more connections would not be quicker.
const SQLITE_CONNECTIONS_MAX: u32 = 4;
/// Replicas that start together change the file's mode one after the other.
const BUSY_MIN: Duration = Duration::from_secs(5);
const BUSY_PAUSE: Duration = Duration::from_millis(5);
const SQLITE_BUSY: i32 = 5;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not create the data folder `{path}`")]
    Folder { path: String, source: std::io::Error },
    #[error("could not open the database `{path}`")]
    Open { path: String, source: sqlx::Error },
    #[error("could not bring the database's tables up to date")]
    Migrate(#[source] sqlx::Error),
    #[error("could not use the database's address")]
    Address(#[source] sqlx::Error),
}

#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same code on either pool.
macro_rules! on_pool {
    ($database:expr, $pool:ident => $body:expr) => {
        match $database {
            $crate::database::Database::Sqlite($pool) => $body,
            $crate::database::Database::Postgres($pool) => $body,
        }
    };
}
pub(crate) use on_pool;

impl Database {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// How a transaction begins that will write.
    pub(crate) fn begin_write(&self) -> &'static str {
        match self {
            // Asks for the lock at once: one that reads first cannot always get it later.
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        }
    }

    /// Connections that are open, and those of them that nobody uses.
    pub(crate) fn connections(&self) -> (u32, usize) {
        on_pool!(self, pool => (pool.size(), pool.num_idle()))
    }

    pub(crate) async fn ping(&self) -> Result<(), sqlx::Error> {
        on_pool!(self, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))
    }
}

/// Opens the SQLite database in `data_dir` with its tables, making what is missing.
pub(crate) async fn open_sqlite(
    data_dir: &Path,
    timeout: Duration,
) -> Result<SqlitePool, OpenError> {
    let shown = data_dir.display().to_string();
    std::fs::create_dir_all(data_dir)
        .map_err(|source| OpenError::Folder { path: shown, source })?;
    let path = data_dir.join("faro.db");
    let patience = timeout.max(BUSY_MIN);
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(patience);
    let pool = connect_sqlite(&options, patience)
        .await
        .map_err(|source| OpenError::Open { path: path.display().to_string(), source })?;
    migrate(&Database::Sqlite(pool.clone())).await.map_err(OpenError::Migrate)?;
    Ok(pool)
}

/// Connects, which changes the mode of a new file: that needs the file alone, and SQLite's own timeout
/// does not wait for it.
async fn connect_sqlite(
    options: &SqliteConnectOptions,
    patience: Duration,
) -> Result<SqlitePool, sqlx::Error> {
    let deadline = Instant::now() + patience;
    loop {
        let pool = SqlitePoolOptions::new().max_connections(SQLITE_CONNECTIONS_MAX);
        match pool.connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(BUSY_PAUSE).await,
            done => return done,
        }
    }
}

/// Whether somebody else has the file; the low byte of an extended code is its kind.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|it| it.code()?.parse().ok());
    code.is_some_and(|it: i32| it & 0xff == SQLITE_BUSY)
}

/// A pool of connections to PostgreSQL, none of them open yet: the server may come later than this process.
pub(crate) fn postgres(url: &str, n_max: u32, timeout: Duration) -> Result<Database, OpenError> {
    // Ends on the server what nobody here waits for any more.
    let limit = format!("{}ms", timeout.as_millis().max(1));
    let options = PgConnectOptions::from_str(url)
        .map_err(OpenError::Address)?
        .application_name("faro")
        .options([("statement_timeout", limit.as_str())]);
    let pool = PgPoolOptions::new()
        .max_connections(n_max)
        .acquire_timeout(timeout)
        .connect_lazy_with(options);
    Ok(Database::Postgres(pool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_named() {
        let error = open_sqlite(Path::new("/proc/faro"), BUSY_MIN).await.unwrap_err();
        assert!(error.to_string().contains("`/proc/faro`"), "{error}");
    }

    #[tokio::test]
    async fn replicas_may_migrate_at_once() {
        // They meet at the file's mode in one round of ten.
        for _ in 0..30 {
            let dir = tempfile::tempdir().unwrap();
            let open = |_| {
                let dir = dir.path().to_owned();
                tokio::spawn(async move { open_sqlite(&dir, BUSY_MIN).await.map(drop) })
            };
            for task in (0..8).map(open).collect::<Vec<_>>() {
                task.await.unwrap().unwrap();
            }
        }
    }
}
