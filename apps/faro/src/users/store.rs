//! Users in the database: the same SQL, and the same answers, on SQLite and on PostgreSQL.

use std::{pin::Pin, time::Duration};

use sqlx::error::ErrorKind;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use super::{Fields, User, input::Query};
use crate::{
    Metrics,
    database::{Database, migrate, on_pool},
    metrics::Operation,
};

/// How long a key protects a request from being carried out twice.
const KEY_MS: i64 = 24 * 60 * 60 * 1000;
/// Between two attempts, while the database is away for a moment.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MIGRATE: Duration = Duration::from_secs(1);

const FIND: &str = "SELECT id, dni, name, created_ms, updated_ms, version FROM users WHERE id = $1";
const FIND_LOCKED: &str =
    "SELECT id, dni, name, created_ms, updated_ms, version FROM users WHERE id = $1 FOR UPDATE";
const LIST: &str = "SELECT id, dni, name, created_ms, updated_ms, version FROM users \
     WHERE id > $1 AND ($2 = '' OR dni = $2) AND ($3 = '' OR name_folded LIKE $3 ESCAPE '!') \
     ORDER BY id LIMIT $4";
const INSERT: &str = "INSERT INTO users (dni, name, name_folded, created_ms, updated_ms, version) \
     VALUES ($1, $2, $3, $4, $4, 1) RETURNING id, dni, name, created_ms, updated_ms, version";
const UPDATE: &str = "UPDATE users SET dni = $1, name = $2, name_folded = $3, updated_ms = $4, \
     version = version + 1 WHERE id = $5 \
     RETURNING id, dni, name, created_ms, updated_ms, version";
const FORGET_KEYS: &str = "DELETE FROM idempotency_keys WHERE created_ms < $1";
const CLAIM_KEY: &str = "INSERT INTO idempotency_keys (key, request, response, created_ms) \
     VALUES ($1, $2, '', $3) ON CONFLICT DO NOTHING";
const FIND_KEY: &str = "SELECT request, response FROM idempotency_keys WHERE key = $1";

type Row = (i64, String, String, i64, i64, i64);

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("there is no user {0}")]
    Missing(i64),
    #[error("the user has changed meanwhile")]
    Changed,
    #[error("another user has this dni")]
    Taken,
    #[error("the key was used for another request")]
    KeyReused,
    #[error("the users' database is not ready yet")]
    Unprepared,
    #[error("the users' database took too long")]
    Late,
    #[error("could not ask the users' database")]
    Ask(#[source] sqlx::Error),
    /// Perhaps carried out, perhaps not: never tried again here.
    #[error("could not commit to the users' database")]
    Commit(#[source] sqlx::Error),
}

/// A user that was created, now or by an earlier request with the same key.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) user: User,
    pub(crate) is_replay: bool,
}

/// One page of users, by id.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) users: Vec<User>,
    pub(crate) has_more: bool,
}

type Attempt<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Users {
    pub(crate) database: Database,
    prepared: watch::Receiver<bool>,
    timeout: Duration,
    metrics: Metrics,
}

impl Users {
    /// Starts to bring the tables up to date, and goes on until that has worked.
    pub(crate) fn start(database: Database, timeout: Duration, metrics: Metrics) -> Self {
        let (tx, prepared) = watch::channel(false);
        tokio::spawn(prepare(database.clone(), tx));
        Self { database, prepared, timeout, metrics }
    }

    /// Whether the tables are as this version wants them.
    pub(crate) fn is_prepared(&self) -> bool {
        *self.prepared.borrow()
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.run(|| Box::pin(async { self.database.ping().await.map_err(StoreError::Ask) })).await
    }

    pub(crate) async fn find(&self, id: i64) -> Result<User, StoreError> {
        self.run(|| Box::pin(self.try_find(id))).await
    }

    pub(crate) async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        self.run(|| Box::pin(self.try_list(query))).await
    }

    /// Creates a user; with a key, at most once a day for each.
    pub(crate) async fn create(
        &self,
        fields: &Fields,
        key: Option<&str>,
        now_ms: i64,
    ) -> Result<Created, StoreError> {
        self.run(|| Box::pin(self.try_create(fields, key, now_ms))).await
    }

    /// Changes a user to what `change` makes of it, when `may` allows its present state.
    pub(crate) async fn update(
        &self,
        id: i64,
        may: &(dyn Fn(&User) -> bool + Sync),
        change: &(dyn Fn(&Fields) -> Fields + Sync),
        now_ms: i64,
    ) -> Result<User, StoreError> {
        self.run(|| Box::pin(self.try_update(id, may, change, now_ms))).await
    }

    /// Deletes a user, when `may` allows its present state.
    pub(crate) async fn delete(
        &self,
        id: i64,
        may: &(dyn Fn(&User) -> bool + Sync),
    ) -> Result<(), StoreError> {
        self.run(|| Box::pin(self.try_delete(id, may))).await
    }

    async fn try_find(&self, id: i64) -> Result<User, StoreError> {
        let row: Option<Row> = on_pool!(&self.database, pool => {
            sqlx::query_as(FIND).bind(id).fetch_optional(pool).await.map_err(StoreError::Ask)?
        });
        row.map(user).ok_or(StoreError::Missing(id))
    }

    async fn try_list(&self, query: &Query) -> Result<Page, StoreError> {
        let pattern = pattern(&query.name);

        let rows: Vec<Row> = on_pool!(&self.database, pool => {
            sqlx::query_as(LIST)
                .bind(query.after)
                .bind(&query.dni)
                .bind(&pattern)
                .bind(query.limit + 1)
                .fetch_all(pool)
                .await
                .map_err(StoreError::Ask)?
        });
        let n_max = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let has_more = n_max < rows.len();
        Ok(Page { users: rows.into_iter().take(n_max).map(user).collect(), has_more })
    }

    async fn try_create(
        &self,
        fields: &Fields,
        key: Option<&str>,
        now_ms: i64,
    ) -> Result<Created, StoreError> {
        on_pool!(&self.database, pool => {
            let begin = pool.begin_with(self.database.begin_write());
            let mut tx = begin.await.map_err(StoreError::Ask)?;
            if let Some(key) = key {
                sqlx::query(FORGET_KEYS)
                    .bind(now_ms - KEY_MS)
                    .execute(&mut *tx)
                    .await
                    .map_err(StoreError::Ask)?;
                // Waits for another request with this key to end.
                let claimed = sqlx::query(CLAIM_KEY)
                    .bind(key)
                    .bind(request(fields))
                    .bind(now_ms)
                    .execute(&mut *tx)
                    .await
                    .map_err(StoreError::Ask)?;
                if claimed.rows_affected() == 0 {
                    let earlier: (String, String) = sqlx::query_as(FIND_KEY)
                        .bind(key)
                        .fetch_one(&mut *tx)
                        .await
                        .map_err(StoreError::Ask)?;
                    return replay(&earlier, fields);
                }
            }
            let row: Row = sqlx::query_as(INSERT)
                .bind(&fields.dni)
                .bind(&fields.name)
                .bind(fields.name.to_lowercase())
                .bind(now_ms)
                .fetch_one(&mut *tx)
                .await
                .map_err(written)?;
            if let Some(key) = key {
                sqlx::query("UPDATE idempotency_keys SET response = $1 WHERE key = $2")
                    .bind(serde_json::json!(row).to_string())
                    .bind(key)
                    .execute(&mut *tx)
                    .await
                    .map_err(StoreError::Ask)?;
            }
            tx.commit().await.map_err(StoreError::Commit)?;
            Ok(Created { user: user(row), is_replay: false })
        })
    }

    async fn try_update(
        &self,
        id: i64,
        may: &(dyn Fn(&User) -> bool + Sync),
        change: &(dyn Fn(&Fields) -> Fields + Sync),
        now_ms: i64,
    ) -> Result<User, StoreError> {
        on_pool!(&self.database, pool => {
            let begin = pool.begin_with(self.database.begin_write());
            let mut tx = begin.await.map_err(StoreError::Ask)?;
            let row: Option<Row> = sqlx::query_as(self.find_to_write())
                .bind(id)
                .fetch_optional(&mut *tx)
                .await
                .map_err(StoreError::Ask)?;
            let old = row.map(user).ok_or(StoreError::Missing(id))?;
            if !may(&old) {
                return Err(StoreError::Changed);
            }
            let fields = change(&old.fields);
            if fields == old.fields {
                return Ok(old);
            }
            let row: Row = sqlx::query_as(UPDATE)
                .bind(&fields.dni)
                .bind(&fields.name)
                .bind(fields.name.to_lowercase())
                .bind(now_ms)
                .bind(id)
                .fetch_one(&mut *tx)
                .await
                .map_err(written)?;
            tx.commit().await.map_err(StoreError::Commit)?;
            Ok(user(row))
        })
    }

    async fn try_delete(
        &self,
        id: i64,
        may: &(dyn Fn(&User) -> bool + Sync),
    ) -> Result<(), StoreError> {
        on_pool!(&self.database, pool => {
            let begin = pool.begin_with(self.database.begin_write());
            let mut tx = begin.await.map_err(StoreError::Ask)?;
            let row: Option<Row> = sqlx::query_as(self.find_to_write())
                .bind(id)
                .fetch_optional(&mut *tx)
                .await
                .map_err(StoreError::Ask)?;
            let old = row.map(user).ok_or(StoreError::Missing(id))?;
            if !may(&old) {
                return Err(StoreError::Changed);
            }
            sqlx::query("DELETE FROM users WHERE id = $1")
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(StoreError::Ask)?;
            tx.commit().await.map_err(StoreError::Commit)
        })
    }

    /// Reads a row so that nobody changes it before the transaction ends.
    fn find_to_write(&self) -> &'static str {
        match self.database {
            // The whole database is locked already.
            Database::Sqlite(_) => FIND,
            Database::Postgres(_) => FIND_LOCKED,
        }
    }

    /// Tries until the timeout, while the database is away for a moment: nothing was carried out then.
    async fn run<'a, T>(
        &'a self,
        attempt: impl Fn() -> Attempt<'a, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        if !self.is_prepared() {
            return Err(StoreError::Unprepared);
        }
        let started = Instant::now();
        let tries = async {
            loop {
                match attempt().await {
                    Err(StoreError::Ask(error)) if is_away(&error) => sleep(PAUSE).await,
                    result => return result,
                }
            }
        };
        let result =
            timeout_at(started + self.timeout, tries).await.unwrap_or(Err(StoreError::Late));
        let is_served =
            !matches!(result, Err(StoreError::Ask(_) | StoreError::Commit(_) | StoreError::Late));
        self.metrics.store(Operation::Users, started.elapsed(), is_served);
        result
    }
}

async fn prepare(database: Database, prepared: watch::Sender<bool>) {
    while let Err(error) = migrate(&database).await {
        tracing::warn!(%error, "could not bring the users' tables up to date, trying again");
        sleep(PAUSE_MIGRATE).await;
    }
    tracing::info!(kind = database.kind(), "users: the tables are ready");
    prepared.send_replace(true);
}

fn user((id, dni, name, created_ms, updated_ms, version): Row) -> User {
    User { id, fields: Fields { dni, name }, created_ms, updated_ms, version }
}

/// What a key is bound to: the fields cannot contain a line feed.
fn request(fields: &Fields) -> String {
    format!("{}\n{}", fields.dni, fields.name)
}

/// The answer to an earlier request with the same key.
fn replay(earlier: &(String, String), fields: &Fields) -> Result<Created, StoreError> {
    if earlier.0 != request(fields) {
        return Err(StoreError::KeyReused);
    }
    let row = serde_json::from_str(&earlier.1)
        .map_err(|it| StoreError::Ask(sqlx::Error::Decode(Box::new(it))))?;
    Ok(Created { user: user(row), is_replay: true })
}

/// The only thing that the database itself checks is that a dni is there once.
fn written(error: sqlx::Error) -> StoreError {
    match error.as_database_error().map(sqlx::error::DatabaseError::kind) {
        Some(ErrorKind::UniqueViolation) => StoreError::Taken,
        _ => StoreError::Ask(error),
    }
}

/// Whether the connection broke, or the server is ending or starting: the transaction was not carried out.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        // PostgreSQL, appendix A: connection exceptions, and what an administrator's shutdown, a start and a deadlock say.
        sqlx::Error::Database(error) => error.code().is_some_and(|it| {
            it.starts_with("08")
                || ["57P01", "57P02", "57P03", "40001", "40P01"].contains(&it.as_ref())
        }),
        _ => false,
    }
}

/// Finds a part of a name wherever it stands; nothing in it is a wildcard.
fn pattern(part: &str) -> String {
    if part.is_empty() {
        return String::new();
    }
    let mut pattern = "%".to_owned();
    for it in part.to_lowercase().chars() {
        if matches!(it, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(it);
    }
    pattern.push('%');
    pattern
}
