//! What an operator may do to streams and consumers by mistake: change a setting that the promise
//! rests on, or delete a durable consumer.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use streams::{Connection, Source, broker_api, find_progress, stream_state, subjects};
use tokio::time::{Instant, sleep};

use crate::order_client::OrderClient;

/// Brokers that elect a leader respond after a few seconds; workers create a consumer again within a
/// minute at most.
const EDIT_TIMEOUT: Duration = Duration::from_mins(2);
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// The maximum age that a stream of orders must not have, in nanoseconds: an hour, so that nothing is
/// lost during a run.
const AGE_MAX_NANOS: u64 = 3_600_000_000_000;

/// A wrong setting of the stream of orders.
#[derive(Debug, Clone, Copy)]
pub(super) enum WrongSetting {
    /// One replica.
    OneReplica,
    /// Messages expire.
    AgeLimit,
}

/// The stream of orders, edited by an operator.
pub(super) struct OperatorEdits {
    connection: Connection,
    client: OrderClient,
    /// The settings before the edit.
    intended: Option<Value>,
}

impl OperatorEdits {
    pub(super) fn new(connection: &Connection, client: &OrderClient) -> Self {
        Self { connection: connection.clone(), client: client.clone(), intended: None }
    }

    /// Sets `wrong` in the stream of orders, and waits until no edge accepts orders: a worker may correct
    /// it before the edges have seen it, and then it is set again.
    pub(super) async fn change_stream(&mut self, wrong: WrongSetting) -> Result<()> {
        let connection = &self.connection;
        self.intended = Some(
            until_done("reading the stream's settings", async || {
                let info = broker_api(connection, "STREAM.INFO.ORDERS", &json!({})).await?;
                Ok(info["config"].clone())
            })
            .await?,
        );
        let mut config = self.intended.clone().unwrap_or_default();
        match wrong {
            WrongSetting::OneReplica => config["num_replicas"] = json!(1),
            WrongSetting::AgeLimit => config["max_age"] = json!(AGE_MAX_NANOS),
        }
        update_stream(connection, &config).await?;
        until_done("the edges' refusing orders", async || {
            let info = broker_api(connection, "STREAM.INFO.ORDERS", &json!({})).await?;
            if self.intended.as_ref() == Some(&info["config"]) {
                // A worker was faster than the edges.
                update_stream(connection, &config).await?;
            }
            ensure!(
                !self.client.any_edge_ready().await?,
                "an edge accepts orders in spite of {wrong:?}"
            );
            Ok(())
        })
        .await
    }

    /// Undoes the change, if no worker has, and waits until every broker has all messages again.
    pub(super) async fn restore_stream(&mut self) -> Result<()> {
        if let Some(config) = self.intended.take() {
            update_stream(&self.connection, &config).await?;
        }
        wait_until_replicated(&self.connection).await
    }

    /// Deletes the durable consumer of `source`.
    pub(super) async fn delete_consumer(&self, source: &Source) -> Result<()> {
        let request = format!("CONSUMER.DELETE.{}.{}", source.stream, source.durable);
        until_done("deleting a consumer", async || {
            broker_api(&self.connection, &request, &json!({})).await?;
            Ok(())
        })
        .await
    }

    /// Waits until a worker has created it again.
    pub(super) async fn wait_for_consumer(&self, source: &Source) -> Result<()> {
        until_done("the workers' creating a consumer again", async || {
            match find_progress(&self.connection, source).await? {
                Some(_) => Ok(()),
                None => bail!("{} does not exist", source.full_name()),
            }
        })
        .await
    }
}

/// Waits until every follower of each stream is up to date: only then may another broker fail.
pub(super) async fn wait_until_replicated(connection: &Connection) -> Result<()> {
    until_done("the replication of the streams", async || {
        for stream in [subjects::ORDERS, subjects::RETRIES, subjects::DEAD_LETTERS] {
            let followers = stream_state(connection, stream).await?.followers;
            if !followers.values().all(|is_current| *is_current) {
                bail!("followers of {stream}: {followers:?}");
            }
        }
        Ok(())
    })
    .await
}

async fn update_stream(connection: &Connection, config: &Value) -> Result<()> {
    until_done("changing the stream's settings", async || {
        broker_api(connection, "STREAM.UPDATE.ORDERS", config).await?;
        Ok(())
    })
    .await
}

/// Repeats `attempt` until it succeeds, or fails after a long time.
async fn until_done<T>(what: &str, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + EDIT_TIMEOUT;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(err) if Instant::now() > deadline => {
                return Err(err).with_context(|| format!("{what} timed out"));
            }
            Err(_) => sleep(RETRY_DELAY).await,
        }
    }
}
