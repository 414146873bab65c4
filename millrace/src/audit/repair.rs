//! Stuck orders are given another push: the event that brought each to where it is comes again.
//! Every step finds its own rows, so a push that was not needed changes nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use orders::{Event, OrderId};
use streams::{Connection, Publisher, at_sequence, batch};

const PATIENCE: Duration = Duration::from_secs(10);

/// Publishes the last event of each order again. Tells how many.
pub async fn repair(connection: &Connection, stuck: &[(OrderId, u64)]) -> Result<u64> {
    let publisher = Publisher::new(connection.clone());
    let mut pushed = 0;
    for (order, sequence) in stuck {
        let lines = at_sequence(connection, *sequence).await?.unwrap_or_default();
        let read = |line: &_| serde_json::from_slice::<Event>(line).ok();
        let events = lines.iter().filter_map(|line| Some((line, read(line)?)));
        for (line, event) in events.filter(|(_, event)| event.order_id == *order) {
            let message = batch::again(event.body.kind(), line.clone());
            publisher
                .publish(&message, PATIENCE)
                .await
                .with_context(|| format!("order {order}"))?;
            pushed += 1;
        }
    }
    Ok(pushed)
}
