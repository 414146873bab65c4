//! The backlog of a pool in one answer: for persons, alerts and autoscalers alike.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use orders::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::WORKER_PRESENCE_TIMEOUT;
use crate::rpc::service_name;
use crate::subjects::POOLS_STREAM;
use crate::topology::paused_consumers;
use crate::{
    Connection, Lag, Pool, PoolSetting, ReadSettingError, Requester, Step, StepKind, broker_time,
    find_progress, lag, last_good_setting, read_pool_setting,
};

/// The backlog of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolLag {
    /// Orders that its steps have not processed. What undoes is not among them.
    pub orders: u64,
    /// The age of the oldest.
    pub seconds: f64,
    /// The messages that hold them.
    pub messages: u64,
    /// Its workers that answer, whether they pull or not.
    pub workers: u64,
    /// Whether it is paused, by its setting or because a consumer of it is paused by hand.
    pub paused: bool,
}

/// Computes the backlog of `pool`, which runs `steps`.
///
/// # Errors
/// The brokers do not reply.
pub async fn pool_lag(
    connection: &Connection,
    pool: Pool,
    steps: &[Step],
) -> Result<PoolLag, InspectError> {
    let steps: Vec<Step> = steps.iter().filter(|it| it.kind != StepKind::Undo).copied().collect();
    let requester = Requester::new(connection.clone());
    let setting = async {
        let setting = setting_in_force(&requester, pool).await;
        setting.map_err(|err| inspect_error(pool.as_str(), err))
    };
    let backlogs = try_join_all(steps.iter().map(|step| backlog(connection, step)));
    let (backlogs, workers, setting, held, now) = tokio::join!(
        backlogs,
        count_workers(connection, pool),
        setting,
        paused_consumers(connection, &steps),
        broker_time::broker_time(connection, POOLS_STREAM),
    );
    let (backlogs, now) = (backlogs?, now?);
    let oldest = backlogs.iter().filter_map(|(lag, _)| lag.oldest_at_ms).min();
    Ok(PoolLag {
        orders: backlogs.iter().map(|(lag, _)| lag.orders).sum(),
        seconds: oldest.map_or(0.0, |oldest| seconds_between(oldest, now)),
        messages: backlogs.iter().map(|(_, messages)| messages).sum(),
        workers: workers?,
        paused: setting?.is_paused_at(Some(now)) || !held?.is_empty(),
    })
}

/// The setting that workers have: while what is in the bucket is not one, the last good one.
async fn setting_in_force(
    requester: &Requester,
    pool: Pool,
) -> Result<PoolSetting, ReadSettingError> {
    match read_pool_setting(requester, pool).await?.map(|stored| stored.setting) {
        None => Ok(PoolSetting::default()),
        Some(Ok(setting)) => Ok(setting),
        Some(Err(_)) => last_good_setting(requester, pool).await,
    }
}

/// The orders of a step that wait, with those whose retry is due, and their messages.
async fn backlog(connection: &Connection, step: &Step) -> Result<(Lag, u64), InspectError> {
    let (events, retries) = (step.events(), step.retries());
    let (lag, events, retries) = tokio::join!(
        lag(connection, &events),
        find_progress(connection, &events),
        find_progress(connection, &retries),
    );
    let (lag, events, retries) = (lag?, events?.unwrap_or_default(), retries?.unwrap_or_default());
    let retries = retries.unfinished();
    Ok((Lag { orders: lag.orders + retries, ..lag }, events.unfinished() + retries))
}

async fn count_workers(connection: &Connection, pool: Pool) -> Result<u64, InspectError> {
    let client = &connection.client;
    let subscribed = async {
        let inbox = client.new_inbox();
        let replies = client.subscribe(inbox.clone()).await?;
        let subject = format!("$SRV.PING.{}", service_name(pool));
        client.publish_with_reply(subject, inbox, "".into()).await?;
        Ok::<_, async_nats::Error>(replies)
    };
    let mut replies = subscribed.await.map_err(|err| inspect_error("the workers", err))?;
    let mut workers = 0;
    let count = async {
        while let Some(reply) = replies.next().await {
            // A reply without a body says that no worker is there.
            workers += u64::from(!reply.payload.is_empty());
        }
    };
    timeout(WORKER_PRESENCE_TIMEOUT, count).await.ok();
    Ok(workers)
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    let millis = (later.as_millis() - earlier.as_millis()).max(0) as u64;
    Duration::from_millis(millis).as_secs_f64()
}
