//! Reconciles stuck orders: republishes the event that brought each order into its current state.
//! Every step finds its own rows, so an event that was not needed changes nothing. If the event is
//! no longer in the stream, or the rows have advanced beyond it, it is rebuilt from the order's rows. If they
//! do not hold it, as that of an order that is only reserved, its cancellation is requested, which undoes what
//! every step did.

use anyhow::{Context, Result};
use orders::Event;
use streams::{Connection, OutboundMessage, Publisher, batch, records_at};
use workers::last_event::last_event;

use super::{AuditSources, StuckOrder};
use crate::cancellation::cancellation;
use crate::limits::PUBLISH_TIMEOUT;

/// What a repair has published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repaired {
    /// Events that were published again.
    pub republished: u64,
    /// Events that were rebuilt from rows.
    pub rebuilt: u64,
    /// Orders whose cancellation was requested.
    pub cancelled: u64,
}

/// Republishes the last event of each stuck order, or requests the order's cancellation.
pub async fn repair(sources: &AuditSources, stuck: &[StuckOrder]) -> Result<Repaired> {
    let publisher = Publisher::new(sources.connection.clone());
    let mut repaired = Repaired::default();
    for stuck in stuck {
        for message in &messages_for(sources, stuck, &mut repaired).await? {
            let result = publisher.publish(message, PUBLISH_TIMEOUT).await;
            result.with_context(|| format!("cannot publish an event of order {}", stuck.id))?;
        }
    }
    Ok(repaired)
}

/// What the order needs: its last event as the stream has it, unless the rows say more; else as the rows have it;
/// else its cancellation.
async fn messages_for(
    sources: &AuditSources,
    stuck: &StuckOrder,
    repaired: &mut Repaired,
) -> Result<Vec<OutboundMessage>> {
    let stored = last_events(&sources.connection, stuck).await?;
    if stored.is_empty() || stuck.is_behind {
        let event = last_event(&sources.database, stuck.id).await;
        if let Some(event) = event.with_context(|| format!("cannot read order {}", stuck.id))? {
            repaired.rebuilt += 1;
            return Ok(vec![message_of(&event)]);
        }
    }
    if stored.is_empty() {
        repaired.cancelled += 1;
        return Ok(vec![message_of(&cancellation(stuck.id))]);
    }
    repaired.republished += stored.len() as u64;
    Ok(stored)
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

/// Without an id: the broker may remember that of the same event, which is gone.
fn message_of(event: &Event) -> OutboundMessage {
    let mut line = Vec::new();
    event.write_line(&mut line);
    batch::republish(event.body.kind(), line.into()).asking_for_answer()
}
