//! Reconciles stuck orders: republishes the event that brought each order into its current state.
//! Every step finds its own rows, so an event that was not needed changes nothing. If the event is
//! no longer in the stream, the order's rows are all that is left of it. They hold what every step
//! did, so its cancellation is requested, which undoes all of it.

use std::time::SystemTime;

use anyhow::{Context, Result};
use orders::{CancelledBy, Event, EventBody, OrderId};
use streams::{Connection, OutboundMessage, Publisher, batch, records_at};

use super::StuckOrder;
use crate::limits::PUBLISH_TIMEOUT;

/// What a repair has published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repaired {
    /// Events that were published again.
    pub republished: u64,
    /// Orders whose cancellation was requested.
    pub cancelled: u64,
}

/// Republishes the last event of each stuck order, or requests the order's cancellation.
pub async fn repair(connection: &Connection, stuck: &[StuckOrder]) -> Result<Repaired> {
    let publisher = Publisher::new(connection.clone());
    let mut repaired = Repaired::default();
    for stuck in stuck {
        let mut messages = last_events(connection, stuck).await?;
        if messages.is_empty() {
            messages = request_cancellation(stuck.id);
            repaired.cancelled += 1;
        } else {
            repaired.republished += messages.len() as u64;
        }
        for message in &messages {
            let result = publisher.publish(message, PUBLISH_TIMEOUT).await;
            result.with_context(|| format!("cannot publish an event of order {}", stuck.id))?;
        }
    }
    Ok(repaired)
}

/// The events of the order in the message that brought it into its current state.
async fn last_events(connection: &Connection, stuck: &StuckOrder) -> Result<Vec<OutboundMessage>> {
    let Some(origin) = &stuck.origin else { return Ok(Vec::new()) };
    let lines = records_at(connection, origin).await?.unwrap_or_default();
    let parse = |line: &_| serde_json::from_slice::<Event>(line).ok();
    let events = lines.iter().filter_map(|line| Some((line, parse(line)?)));
    let events = events.filter(|(_, event)| event.order_id == stuck.id);
    let messages = events.map(|(line, event)| batch::republish(event.body.kind(), line.clone()));
    Ok(messages.map(OutboundMessage::asking_for_answer).collect())
}

fn request_cancellation(order_id: OrderId) -> Vec<OutboundMessage> {
    let body = EventBody::CancelRequested { by: CancelledBy::Operator };
    let request = Event { order_id, at: SystemTime::now().into(), body };
    let messages = batch::messages(&[request], 1).into_iter();
    messages.map(OutboundMessage::asking_for_answer).collect()
}
