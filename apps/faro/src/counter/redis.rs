//! The counter in Redis: one connection for all, opened when it is first needed and again when it broke.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection, cmd};
use tokio::sync::Mutex;

use super::CounterError;

const KEY: &str = "hits";

/// Cheap to clone; clones share the connection.
#[derive(Clone)]
pub(crate) struct RedisHits(Arc<Shared>);

struct Shared {
    client: Client,
    config: AsyncConnectionConfig,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl RedisHits {
    /// Connects to nobody yet: Redis may come later than this process.
    pub(crate) fn open(url: &str, timeout: Duration) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        let client = Client::open(url)?;
        Ok(Self(Arc::new(Shared { client, config, connection: Mutex::default() })))
    }

    /// Adds and returns the new count.
    pub(super) async fn add(&self, n_visits: i64) -> Result<i64, CounterError> {
        self.ask(cmd("INCRBY").arg(KEY).arg(n_visits)).await
    }

    pub(super) async fn read(&self) -> Result<i64, CounterError> {
        let count: Option<i64> = self.ask(cmd("GET").arg(KEY)).await?;
        Ok(count.unwrap_or(0))
    }

    /// Asks, and once more on a new connection when the old one was gone, as after a restart of Redis.
    ///
    /// Should Redis have counted just before it went, numbers are skipped: never is one given twice.
    async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, CounterError> {
        let failed = |it| CounterError::Redis(Arc::new(it));
        let (mut connection, is_new) = self.connection().await.map_err(failed)?;
        match command.query_async(&mut connection).await {
            Err(error) if error.is_connection_dropped() && !is_new => {
                self.forget().await;
                let (mut connection, _) = self.connection().await.map_err(failed)?;
                command.query_async(&mut connection).await.map_err(failed)
            }
            Err(error) => {
                if error.is_io_error() || error.is_unrecoverable_error() {
                    self.forget().await;
                }
                Err(failed(error))
            }
            Ok(answer) => Ok(answer),
        }
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, bool), RedisError> {
        let mut shared = self.0.connection.lock().await;
        if let Some(connection) = shared.as_ref() {
            return Ok((connection.clone(), false));
        }
        let connection =
            self.0.client.get_multiplexed_async_connection_with_config(&self.0.config).await?;
        *shared = Some(connection.clone());
        Ok((connection, true))
    }

    async fn forget(&self) {
        *self.0.connection.lock().await = None;
    }
}

impl std::fmt::Debug for RedisHits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Its address may hold a password.
        f.write_str("RedisHits")
    }
}
