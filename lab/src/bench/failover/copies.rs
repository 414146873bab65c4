//! Which orders are stored more than once: a send that got no ack in time was repeated in another lane, and
//! both were stored.

use std::collections::HashSet;

use anyhow::Result;
use orders::{Event, EventKind, OrderId};
use streams::{Connection, Replay, lanes, stream_state};

use crate::load::ack_record::AckRecord;

/// The share of orders that are stored more than once, in percent: of those posted before a moment, and of
/// those posted later.
pub(super) struct CopyShares {
    pub(super) before: f64,
    pub(super) after: f64,
}

impl CopyShares {
    /// Of `acknowledged` orders, before and after `at_ms`.
    pub(super) async fn read(
        connection: &Connection,
        acknowledged: &[AckRecord],
        at_ms: i64,
    ) -> Result<Self> {
        let copied = stored_again(connection).await?;
        let (before, after): (Vec<_>, Vec<_>) =
            acknowledged.iter().partition(|record| record.posted_at.as_millis() < at_ms);
        let share = |records: &[&AckRecord]| {
            let again = records.iter().filter(|record| copied.contains(&record.id)).count();
            100.0 * again as f64 / records.len().max(1) as f64
        };
        Ok(Self { before: share(&before), after: share(&after) })
    }
}

/// The orders of which the lanes hold more than one `created`.
async fn stored_again(connection: &Connection) -> Result<HashSet<OrderId>> {
    let (mut stored, mut again) = (HashSet::new(), HashSet::new());
    for lane in lanes(connection).await? {
        let state = stream_state(connection, lane.stream()).await?;
        if state.messages == 0 {
            continue;
        }
        let mut replay = Replay::from_start(connection, lane.stream()).await?;
        while let Some(message) = replay.next_until(state.last_sequence).await? {
            if message.kind != Some(EventKind::Created) {
                continue;
            }
            let ids = message.lines.iter().filter_map(|line| Event::parse(line).ok());
            again.extend(ids.map(|event| event.order_id).filter(|id| !stored.insert(*id)));
        }
    }
    Ok(again)
}
