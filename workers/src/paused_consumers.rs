//! Logs once when a consumer of the pool is paused, and once when it is resumed. A paused consumer
//! answers pull requests like one without messages, so nothing else says why orders wait.

use std::collections::BTreeMap;

use streams::{Connection, Durable, Step, paused_consumers};

use crate::error_chain::error_chain;

/// What was seen of the pool's consumers at the last look.
pub(crate) struct PausedConsumers {
    connection: Connection,
    steps: Vec<Step>,
    /// Until when each is paused.
    paused: BTreeMap<Durable, String>,
}

impl PausedConsumers {
    /// Nothing was seen yet of the consumers of `steps`.
    pub(crate) const fn new(connection: Connection, steps: Vec<Step>) -> Self {
        Self { connection, steps, paused: BTreeMap::new() }
    }

    /// Looks once. If the brokers do not reply, nothing is known to have changed.
    pub(crate) async fn look(&mut self) {
        let found = match paused_consumers(&self.connection, &self.steps).await {
            Ok(found) => found,
            Err(err) => return tracing::debug!(error = error_chain(&err), "pauses not read"),
        };
        let paused: BTreeMap<Durable, String> = found.into_iter().collect();
        for (durable, until) in &paused {
            let Durable { stream, name: consumer, .. } = durable;
            if self.paused.get(durable) != Some(until) {
                let remedy = format!("`nats consumer resume {stream} {consumer}`");
                tracing::warn!(stream, consumer, until, remedy, "consumer is paused");
            }
        }
        for durable in self.paused.keys() {
            let Durable { stream, name: consumer, .. } = durable;
            if !paused.contains_key(durable) {
                tracing::info!(stream, consumer, "consumer is resumed");
            }
        }
        self.paused = paused;
    }
}
