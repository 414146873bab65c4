//! Best-effort access to Redis: short timeouts, and a brief back-off after each failure.
//!
//! Redis may be unavailable, and may return stale or wrong data: callers validate what they read.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation};
use tokio::time::timeout;

use crate::limits::{CACHE_FAILURES_BEFORE_WARNING, CACHE_RETRY_DELAY, CACHE_WRITE_TIMEOUT};
use crate::redis_config::RedisConfig;

/// One connection to Redis, shared by everything on a shard.
pub(crate) struct Cache {
    connection: ConnectionManager,
    opened: Instant,
    /// Until when Redis is bypassed, in milliseconds after `opened`.
    paused_until: AtomicU64,
    consecutive_failures: AtomicU32,
}

impl Cache {
    /// A lazy connection to Redis, which need not be running yet. Fails only if `config` is invalid.
    pub(crate) fn open(config: &RedisConfig) -> RedisResult<Self> {
        let client = config.client()?;
        // After a failure the next call reconnects once the delay is over, so the connection
        // manager need not retry by itself.
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self {
            connection,
            opened: Instant::now(),
            paused_until: AtomicU64::new(0),
            consecutive_failures: AtomicU32::new(0),
        })
    }

    /// Redis's reply to `command`; `None` if there is none within `max_wait`.
    pub(crate) async fn query<T: FromRedisValue>(
        &self,
        command: &Cmd,
        max_wait: Duration,
    ) -> Option<T> {
        if self.is_paused() {
            return None;
        }
        let mut connection = self.connection.clone();
        let reply = timeout(max_wait, command.query_async(&mut connection)).await;
        self.record_result(reply.unwrap_or_else(|_| Err(timed_out())))
    }

    /// What a script returns; `None` if it does not complete within `max_wait`.
    pub(crate) async fn run_script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        max_wait: Duration,
    ) -> Option<T> {
        if self.is_paused() {
            return None;
        }
        let mut connection = self.connection.clone();
        let reply = timeout(max_wait, script.invoke_async(&mut connection)).await;
        self.record_result(reply.unwrap_or_else(|_| Err(timed_out())))
    }

    /// Queues `commands` before it returns, ahead of any later query, and does not wait for their
    /// completion.
    pub(crate) fn execute_detached(&self, commands: Pipeline) {
        if self.is_paused() {
            return;
        }
        let mut connection = self.connection.clone();
        let mut execution = Box::pin(async move {
            timeout(CACHE_WRITE_TIMEOUT, commands.exec_async(&mut connection)).await
        });
        // The first poll puts the commands into the connection's queue.
        if (&mut execution).now_or_never().is_none() {
            tokio::spawn(execution);
        }
    }

    fn is_paused(&self) -> bool {
        self.millis_since_opened() < self.paused_until.load(Ordering::Relaxed)
    }

    /// Single failures are not logged; an outage is logged once.
    fn record_result<T>(&self, result: RedisResult<T>) -> Option<T> {
        match result {
            Ok(reply) => {
                let failures = self.consecutive_failures.swap(0, Ordering::Relaxed);
                if failures >= CACHE_FAILURES_BEFORE_WARNING {
                    tracing::info!("redis recovered");
                }
                Some(reply)
            }
            Err(err) => {
                let until = self.millis_since_opened() + CACHE_RETRY_DELAY.as_millis() as u64;
                self.paused_until.store(until, Ordering::Relaxed);
                let failures = self.consecutive_failures.fetch_add(1, Ordering::Relaxed) + 1;
                if failures == CACHE_FAILURES_BEFORE_WARNING {
                    tracing::warn!(%err, "redis unavailable, bypassing cache");
                }
                None
            }
        }
    }

    fn millis_since_opened(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64
    }
}

/// A key of Redis: what is kept under it, and whose it is.
pub(crate) fn key(prefix: [u8; 6], id: &[u8; 16]) -> [u8; 22] {
    let mut key = [0; 22];
    key[..6].copy_from_slice(&prefix);
    key[6..].copy_from_slice(id);
    key
}

fn timed_out() -> RedisError {
    RedisError::from((ErrorKind::Io, "the reply timed out"))
}
