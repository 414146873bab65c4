//! Changes the number of lanes while the cluster runs.

use async_nats::jetstream::stream::Config;
use thiserror::Error;
use tokio::time::sleep;

use super::ensure::ensure_topology;
use super::error::TopologyError;
use super::labels::LANES_KEY;
use super::lane_count::ClusterLanes;
use super::{REMOVED_KEY, Topology};
use crate::inspect::{find_stream, step_progress};
use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{LANE_CLOSE_DELAY, LANES_MAX};
use crate::{Connection, Lane, Step};

/// The number of lanes could not be changed. To repeat the change is safe.
#[derive(Debug, Error)]
pub enum LaneCountError {
    /// Not a number of lanes.
    #[error("a cluster has 1 to {LANES_MAX} lanes, not {0}")]
    OutOfRange(usize),
    /// The brokers cannot be read, or refused a change.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// A lane could not be added.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// A lane that is to be removed still holds orders; it takes no new ones.
    #[error(
        "{lane} takes no messages any more, and {messages} of its messages are not processed yet: repeat \
         the command once they are"
    )]
    NotDrained {
        /// The lane.
        lane: Lane,
        /// Its messages that some step has not processed.
        messages: u64,
    },
}

/// Changes the number of lanes of a running cluster. A lane that is added takes messages once the
/// durables of those of `steps` are there that orders pass. A lane that is removed takes none from then
/// on, and is deleted once all of its messages are processed. Returns the lanes that were deleted.
pub async fn set_lane_count(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
    count: usize,
) -> Result<Vec<Lane>, LaneCountError> {
    if !(1..=LANES_MAX).contains(&count) {
        return Err(LaneCountError::OutOfRange(count));
    }
    let before = ClusterLanes::read(connection, topology).await?;
    if let Some(lost) = before.wanted().find(|lane| before.is_missing(*lane)) {
        return Err(TopologyError::Lost { name: lost.to_string() }.into());
    }
    let after = before.with_count(count);
    for lane in after.wanted().filter(|lane| before.is_missing(*lane)) {
        let subjects = vec![lane.closed_subject()];
        let closed = Config { subjects, ..topology.lane(lane, before.count) };
        let created = connection.jetstream.get_or_create_stream(closed).await;
        created.map_err(|err| inspect_error(lane.stream(), err))?;
    }
    // Only once all of them exist: until then, one that is missing is not lost.
    for lane in after.all() {
        let is_kept = after.is_wanted(lane);
        update(connection, lane, |config| {
            config.metadata.insert(LANES_KEY.to_owned(), count.to_string());
            if !is_kept {
                config.subjects = vec![lane.closed_subject()];
            }
        })
        .await?;
    }
    // That of an observer is created by its workers, and begins with the first message.
    let required: Vec<Step> = steps.iter().filter(|step| !step.is_observer()).copied().collect();
    ensure_topology(connection, topology, &required).await?;
    let removed: Vec<Lane> =
        before.present.into_iter().filter(|lane| !after.is_wanted(*lane)).collect();
    if !removed.is_empty() {
        // What a broker has received is stored by then.
        sleep(LANE_CLOSE_DELAY).await;
    }
    for lane in &removed {
        delete_drained(connection, steps, *lane, after.wanted()).await?;
    }
    Ok(removed)
}

/// Deletes a lane that takes no messages, once every step has processed all that it holds. The lanes
/// that are `kept` remember that the streams do not hold all events any more.
async fn delete_drained(
    connection: &Connection,
    steps: &[Step],
    lane: Lane,
    kept: impl Iterator<Item = Lane>,
) -> Result<(), LaneCountError> {
    let mut messages = 0;
    for step in steps {
        let progress = step_progress(connection, step, lane).await?;
        messages += progress.map_or(0, |progress| progress.messages.unfinished());
    }
    let info = find_stream(connection, lane.stream()).await;
    let info = info.map_err(|err| inspect_error(lane.stream(), err))?;
    let is_closed = info.is_none_or(|info| info.config.subjects == [lane.closed_subject()]);
    if messages > 0 || !is_closed {
        return Err(LaneCountError::NotDrained { lane, messages });
    }
    for kept in kept {
        update(connection, kept, |config| {
            config.metadata.insert(REMOVED_KEY.to_owned(), "true".to_owned());
        })
        .await?;
    }
    let deleted = connection.jetstream.delete_stream(lane.stream()).await;
    deleted.map_err(|err| inspect_error(lane.stream(), err))?;
    Ok(())
}

async fn update(
    connection: &Connection,
    lane: Lane,
    change: impl FnOnce(&mut Config),
) -> Result<(), InspectError> {
    let updated = async {
        let Some(info) = find_stream(connection, lane.stream()).await? else { return Ok(()) };
        let mut config = info.config.clone();
        change(&mut config);
        if config != info.config {
            connection.jetstream.update_stream(&config).await?;
        }
        Ok::<_, async_nats::Error>(())
    };
    updated.await.map_err(|err| inspect_error(lane.stream(), err))
}
