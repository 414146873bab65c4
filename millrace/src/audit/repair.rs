//! Reconciles stuck orders: republishes the event that brought each order into its current state.
//! Every step finds its own rows, so an event that was not needed changes nothing.

use anyhow::{Context, Result};
use orders::{Event, OrderId};
use streams::{Connection, Publisher, batch, records_at};

use crate::limits::PUBLISH_TIMEOUT;

/// Republishes the last event of each stuck order. Returns the number of republished events.
pub async fn repair(connection: &Connection, stuck: &[(OrderId, u64)]) -> Result<u64> {
    let publisher = Publisher::new(connection.clone());
    let mut republished = 0;
    for (order, sequence) in stuck {
        let lines = records_at(connection, *sequence).await?.unwrap_or_default();
        let parse = |line: &_| serde_json::from_slice::<Event>(line).ok();
        let events = lines.iter().filter_map(|line| Some((line, parse(line)?)));
        for (line, event) in events.filter(|(_, event)| event.order_id == *order) {
            let message = batch::republish(event.body.kind(), line.clone());
            publisher
                .publish(&message, PUBLISH_TIMEOUT)
                .await
                .with_context(|| format!("cannot republish an event of order {order}"))?;
            republished += 1;
        }
    }
    Ok(republished)
}
