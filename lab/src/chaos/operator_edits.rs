//! What an operator may do to streams and consumers by mistake: change a setting that the promise
//! rests on, or delete a durable consumer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use streams::{Connection, Durable, Lane, broker_api, lanes, stream_state, subjects};
use tokio::time::{Instant, sleep};

use crate::order_client::OrderClient;

/// Brokers that elect a leader respond after a few seconds; workers create a consumer again within a
/// minute at most.
const EDIT_TIMEOUT: Duration = Duration::from_mins(2);
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// The maximum age that a lane must not have, in nanoseconds: an hour, so that nothing is
/// lost during a run.
const AGE_MAX_NANOS: u64 = 3_600_000_000_000;

/// A wrong setting of a lane.
#[derive(Debug, Clone, Copy)]
pub(super) enum WrongSetting {
    /// One replica.
    OneReplica,
    /// Messages expire.
    AgeLimit,
}

impl WrongSetting {
    /// The settings `intended`, with this one.
    fn in_config(self, intended: &Value) -> Value {
        let mut config = intended.clone();
        match self {
            Self::OneReplica => config["num_replicas"] = json!(1),
            Self::AgeLimit => config["max_age"] = json!(AGE_MAX_NANOS),
        }
        config
    }
}

/// The lanes, edited by an operator.
pub(super) struct OperatorEdits {
    connection: Connection,
    client: OrderClient,
    /// The settings of each lane before the edit.
    intended: BTreeMap<Lane, Value>,
}

impl OperatorEdits {
    pub(super) fn new(connection: &Connection, client: &OrderClient) -> Self {
        Self { connection: connection.clone(), client: client.clone(), intended: BTreeMap::new() }
    }

    /// Sets `wrong` in every lane, and waits until no edge accepts orders: a worker may correct it before
    /// the edges have seen it, and then it is set again.
    pub(super) async fn change_lanes(&mut self, wrong: WrongSetting) -> Result<()> {
        let connection = &self.connection;
        for lane in known_lanes(connection).await? {
            let config = until_done("reading a lane's settings", async || {
                read_config(connection, lane).await
            });
            self.intended.insert(lane, config.await?);
        }
        for (lane, intended) in &self.intended {
            update_lane(connection, *lane, &wrong.in_config(intended)).await?;
        }
        until_done("the edges' refusing orders", async || {
            for (lane, intended) in &self.intended {
                if *intended == read_config(connection, *lane).await? {
                    // A worker was faster than the edges.
                    update_lane(connection, *lane, &wrong.in_config(intended)).await?;
                }
            }
            ensure!(
                !self.client.any_edge_ready().await?,
                "an edge accepts orders in spite of {wrong:?}"
            );
            Ok(())
        })
        .await
    }

    /// Undoes the change, where no worker has, and waits until every broker has all messages again.
    pub(super) async fn restore_lanes(&mut self) -> Result<()> {
        for (lane, config) in std::mem::take(&mut self.intended) {
            update_lane(&self.connection, lane, &config).await?;
        }
        wait_until_replicated(&self.connection).await
    }

    /// Deletes a durable consumer.
    pub(super) async fn delete_consumer(&self, durable: &Durable) -> Result<()> {
        let request = format!("CONSUMER.DELETE.{}.{}", durable.stream, durable.name);
        until_done("deleting a consumer", async || {
            broker_api(&self.connection, &request, &json!({})).await?;
            Ok(())
        })
        .await
    }

    /// Waits until a worker has created it again.
    pub(super) async fn wait_for_consumer(&self, durable: &Durable) -> Result<()> {
        until_done("the workers' creating a consumer again", async || {
            let request = format!("CONSUMER.INFO.{}.{}", durable.stream, durable.name);
            broker_api(&self.connection, &request, &json!({})).await?;
            Ok(())
        })
        .await
    }
}

/// Waits until every follower of each stream is up to date: only then may another broker fail.
pub(crate) async fn wait_until_replicated(connection: &Connection) -> Result<()> {
    let others = [subjects::RETRIES, subjects::DEAD_LETTERS];
    let lanes = known_lanes(connection).await?;
    for stream in lanes.into_iter().map(Lane::stream).chain(others) {
        // Each follower once: under load, one that is up to date may be behind in the next moment.
        let seen = RefCell::new(BTreeSet::new());
        until_done("the replication of a stream", async || {
            let followers = stream_state(connection, stream).await?.followers;
            let current = followers.iter().filter(|(_, is_current)| **is_current);
            seen.borrow_mut().extend(current.map(|(name, _)| name.clone()));
            if !followers.keys().all(|name| seen.borrow().contains(name)) {
                bail!("followers of {stream}: {followers:?}");
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn known_lanes(connection: &Connection) -> Result<Vec<Lane>> {
    until_done("the list of lanes", async || Ok(lanes(connection).await?)).await
}

async fn read_config(connection: &Connection, lane: Lane) -> Result<Value> {
    let info = broker_api(connection, &format!("STREAM.INFO.{lane}"), &json!({})).await?;
    Ok(info["config"].clone())
}

async fn update_lane(connection: &Connection, lane: Lane, config: &Value) -> Result<()> {
    until_done("changing a lane's settings", async || {
        broker_api(connection, &format!("STREAM.UPDATE.{lane}"), config).await?;
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
