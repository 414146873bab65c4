//! Reads all lanes, without consuming them. Events of one order may be in several lanes, in any order.

use std::collections::BTreeMap;

use futures_util::future::{select_all, try_join_all};

use super::{Replay, ReplayError, Replayed};
use crate::inspect::{StreamState, find_durable_progress, find_stream};
use crate::inspect_error::{InspectError, inspect_error};
use crate::lanes::lanes;
use crate::topology::is_one_removed;
use crate::{Connection, Lane, Source};

/// The last message of each lane, and whether the lanes hold all events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneEnds {
    ends: BTreeMap<Lane, u64>,
    /// Whether nothing has been purged, and no lane was removed.
    pub are_whole: bool,
}

/// The lanes, message by message.
pub struct LanesReplay {
    replays: Vec<Replay>,
}

/// Where each lane ends now.
pub async fn lane_ends(connection: &Connection) -> Result<LaneEnds, InspectError> {
    let lanes = lanes(connection).await?;
    let infos = lanes.iter().map(|lane| async {
        let info = find_stream(connection, lane.stream()).await;
        Ok((*lane, info.map_err(|err| inspect_error(lane.stream(), err))?))
    });
    let mut lane_ends = LaneEnds { ends: BTreeMap::new(), are_whole: true };
    for (lane, info) in try_join_all(infos).await? {
        let Some(info) = info else { continue };
        let state = StreamState::from(&info);
        lane_ends.ends.insert(lane, state.last_sequence);
        lane_ends.are_whole &= state.first_sequence <= 1 && !is_one_removed(&info.config);
    }
    Ok(lane_ends)
}

/// Whether the durable consumers of `source` have processed all messages up to `ends`; one that is
/// missing has none to process.
pub async fn has_processed(
    connection: &Connection,
    source: &Source,
    ends: &LaneEnds,
) -> Result<bool, InspectError> {
    for (lane, end) in &ends.ends {
        let Some(durable) = source.in_lane(*lane) else { continue };
        let progress = find_durable_progress(connection, &durable).await?;
        if progress.is_some_and(|it| !it.messages.is_at_end() && it.ack_floor < *end) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl LanesReplay {
    /// Follows all lanes, beginning with the next message that is stored.
    pub async fn from_now(connection: &Connection) -> Result<Self, ReplayError> {
        let lanes = lanes(connection).await?;
        let replays = lanes.iter().map(|lane| Replay::from_now(connection, lane.stream()));
        Ok(Self { replays: try_join_all(replays).await? })
    }

    /// Reads all lanes from their first messages, and follows them.
    pub async fn from_start(connection: &Connection) -> Result<Self, ReplayError> {
        let lanes = lanes(connection).await?;
        let replays = lanes.iter().map(|lane| Replay::from_start(connection, lane.stream()));
        Ok(Self { replays: try_join_all(replays).await? })
    }

    /// The next message of any lane; waits for one.
    pub async fn next(&mut self) -> Result<Replayed, ReplayError> {
        if self.replays.is_empty() {
            return std::future::pending().await;
        }
        let next = self.replays.iter_mut().map(|replay| Box::pin(replay.next()));
        select_all(next).await.0
    }

    /// Reads the lanes one after the other, each from its first message up to `ends`, and calls `read`
    /// with each message.
    pub async fn read_until(
        connection: &Connection,
        ends: &LaneEnds,
        mut read: impl FnMut(Replayed),
    ) -> Result<(), ReplayError> {
        for (lane, end) in ends.ends.iter().filter(|(_, end)| **end > 0) {
            let mut replay = Replay::from_start(connection, lane.stream()).await?;
            while let Some(message) = replay.next_until(*end).await? {
                read(message);
            }
        }
        Ok(())
    }
}
