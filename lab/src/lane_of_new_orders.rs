//! Which lane takes new orders, and which broker leads it.

use std::time::Duration;

use futures_util::future::join_all;
use orders::EventKind;
use serde_json::{Value, json};
use streams::{Connection, Lane, broker_api, lanes};
use tokio::time::sleep;

/// Long enough for several messages to be stored while orders arrive.
const OBSERVED_FOR: Duration = Duration::from_millis(500);

/// The name of the broker that leads the lane that takes new orders: after a fail-over that is another
/// lane for a while. If no order arrives, that of the first lane that has a leader; `None` without one.
pub(crate) async fn leader_of_new_orders(connection: &Connection) -> Option<String> {
    let lanes = lanes(connection).await.ok()?;
    let look = || join_all(lanes.iter().map(|lane| created(connection, *lane)));
    let before = look().await;
    sleep(OBSERVED_FOR).await;
    let grown = look().await.into_iter().zip(before).filter_map(|(after, before)| {
        let (leader, count) = after?;
        Some((count.saturating_sub(before.map_or(count, |(_, count)| count)), leader))
    });
    // Of equal ones the last is found.
    let grown: Vec<_> = grown.collect();
    grown.into_iter().rev().max_by_key(|(grown, _)| *grown).map(|(_, leader)| leader)
}

/// The broker that leads a lane, and the number of messages with new orders in it.
async fn created(connection: &Connection, lane: Lane) -> Option<(String, u64)> {
    let subject = lane.event_subject(EventKind::Created);
    let request = format!("STREAM.INFO.{lane}");
    let filter = json!({"subjects_filter": subject});
    let info: Value = broker_api(connection, &request, &filter).await.ok()?;
    let leader = info["cluster"]["leader"].as_str()?.to_owned();
    Some((leader, info["state"]["subjects"][&*subject].as_u64().unwrap_or_default()))
}
