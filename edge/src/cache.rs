//! Redis, which may lie or vanish: asked with little patience, and left alone for a moment after
//! each failure.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation};
use tokio::time::timeout;

use crate::limits::{CACHE_FAILURES_TOLD, CACHE_PAUSE, CACHE_WRITE_PATIENCE};

/// One connection to Redis, which everything on a core shares.
pub(crate) struct Cache {
    connection: ConnectionManager,
    opened: Instant,
    /// Milliseconds after `opened` until which nothing is asked.
    paused_until: AtomicU64,
    failures_in_a_row: AtomicU32,
}

impl Cache {
    /// A way to the Redis at `url`; it need not be there yet. An error means that `url` is none.
    pub(crate) fn open(url: &str) -> RedisResult<Self> {
        // A failed try is followed by another one after the pause, so none is needed in between.
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        let connection =
            ConnectionManager::new_lazy_with_config(redis::Client::open(url)?, config)?;
        Ok(Self {
            connection,
            opened: Instant::now(),
            paused_until: AtomicU64::new(0),
            failures_in_a_row: AtomicU32::new(0),
        })
    }

    /// Redis's answer to `command`; `None` where there is none within `patience`.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        command: &Cmd,
        patience: Duration,
    ) -> Option<T> {
        if self.is_paused() {
            return None;
        }
        let mut connection = self.connection.clone();
        let answer = timeout(patience, command.query_async(&mut connection)).await;
        self.note(answer.unwrap_or_else(|_| Err(too_late())))
    }

    /// Runs a script; `None` where it is not done within `patience`.
    pub(crate) async fn run(
        &self,
        script: &ScriptInvocation<'_>,
        patience: Duration,
    ) -> Option<()> {
        if self.is_paused() {
            return None;
        }
        let mut connection = self.connection.clone();
        let done = timeout(patience, script.invoke_async(&mut connection)).await;
        self.note(done.unwrap_or_else(|_| Err(too_late())))
    }

    /// Sends `commands` before it returns, ahead of whatever is asked next, and does not wait for
    /// them to be done.
    pub(crate) fn tell(&self, commands: Pipeline) {
        if self.is_paused() {
            return;
        }
        let mut connection = self.connection.clone();
        let mut telling = Box::pin(async move {
            timeout(CACHE_WRITE_PATIENCE, commands.exec_async(&mut connection)).await
        });
        // The first poll puts the commands into the connection's queue.
        if (&mut telling).now_or_never().is_none() {
            tokio::spawn(telling);
        }
    }

    fn is_paused(&self) -> bool {
        self.since_opened() < self.paused_until.load(Ordering::Relaxed)
    }

    /// A single late answer is nobody's news; a Redis that is down is told once.
    fn note<T>(&self, answer: RedisResult<T>) -> Option<T> {
        match answer {
            Ok(answer) => {
                if self.failures_in_a_row.swap(0, Ordering::Relaxed) >= CACHE_FAILURES_TOLD {
                    tracing::info!("redis answers again");
                }
                Some(answer)
            }
            Err(err) => {
                let until = self.since_opened() + CACHE_PAUSE.as_millis() as u64;
                self.paused_until.store(until, Ordering::Relaxed);
                let failures = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                if failures == CACHE_FAILURES_TOLD {
                    tracing::warn!(%err, "redis does not answer; going on without it");
                }
                None
            }
        }
    }

    fn since_opened(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64
    }
}

fn too_late() -> RedisError {
    RedisError::from((ErrorKind::Io, "the answer did not come in time"))
}
