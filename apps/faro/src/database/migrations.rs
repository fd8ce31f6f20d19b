//! The tables, and how they came to be: each step runs once, however many replicas start.

use sqlx::Executor as _;

use super::{Database, on_pool};

/// Any number will do, as long as nobody else's lock in the same database has it.
const LOCK_POSTGRES: &str = "SELECT pg_advisory_xact_lock(4605411)";

/// Changes nothing the second time, as the step's table itself has no step.
const STEPS: &str = "CREATE TABLE IF NOT EXISTS faro_migrations (step BIGINT PRIMARY KEY)";

/// One change, in both dialects. A step that was released never changes: add another one.
struct Step {
    number: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

const ALL: [Step; 2] = [
    Step {
        number: 1,
        // Older databases have this table already.
        sqlite: "CREATE TABLE IF NOT EXISTS visits \
             (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL); \
             INSERT INTO visits (id, count) VALUES (1, 0) ON CONFLICT DO NOTHING;",
        postgres: "SELECT 1",
    },
    Step {
        number: 2,
        sqlite: "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, dni TEXT NOT NULL UNIQUE, \
             name TEXT NOT NULL, name_folded TEXT NOT NULL, created_ms INTEGER NOT NULL, \
             updated_ms INTEGER NOT NULL, version INTEGER NOT NULL); \
             CREATE TABLE idempotency_keys (key TEXT PRIMARY KEY, request TEXT NOT NULL, \
             response TEXT NOT NULL, created_ms INTEGER NOT NULL); \
             CREATE INDEX idempotency_keys_created ON idempotency_keys (created_ms);",
        postgres: "CREATE TABLE users (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
             dni TEXT NOT NULL UNIQUE, name TEXT NOT NULL, name_folded TEXT NOT NULL, \
             created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, version BIGINT NOT NULL); \
             CREATE TABLE idempotency_keys (key TEXT PRIMARY KEY, request TEXT NOT NULL, \
             response TEXT NOT NULL, created_ms BIGINT NOT NULL); \
             CREATE INDEX idempotency_keys_created ON idempotency_keys (created_ms);",
    },
];

/// Runs the steps that have not run yet, all in one transaction, under a lock that only one replica holds.
pub(crate) async fn migrate(database: &Database) -> Result<(), sqlx::Error> {
    on_pool!(database, pool => {
        let mut tx = pool.begin_with(database.begin_write()).await?;
        if let Database::Postgres(_) = database {
            tx.execute(LOCK_POSTGRES).await?;
        }
        tx.execute(STEPS).await?;
        let done: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(step), 0) FROM faro_migrations")
            .fetch_one(&mut *tx)
            .await?;
        for step in ALL.iter().filter(|it| done < it.number) {
            let sql = match database {
                Database::Sqlite(_) => step.sqlite,
                Database::Postgres(_) => step.postgres,
            };
            tx.execute(sqlx::raw_sql(sql)).await?;
            sqlx::query("INSERT INTO faro_migrations (step) VALUES ($1)")
                .bind(step.number)
                .execute(&mut *tx)
                .await?;
            tracing::info!(step = step.number, "database: migrated");
        }
        tx.commit().await
    })
}
