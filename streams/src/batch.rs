//! A batch: 1 to 256 events of one kind in one message, one JSON object per line.

use std::collections::BTreeMap;

use bytes::Bytes;
use orders::{Event, EventKind};

use crate::OutboundMessage;
pub use crate::limits::{BATCH_BYTES_MAX as BYTES_MAX, BATCH_RECORDS_MAX as RECORDS_MAX};
use crate::outbound::Destination;
use crate::subjects::{NDJSON, RECORDS_HEADER, SCHEMA, SCHEMA_HEADER};

/// The message for `records` events of one kind that are already serialised in `lines`, each
/// terminated by a line feed.
pub fn message(kind: EventKind, lines: Vec<u8>, records: usize) -> OutboundMessage {
    let mut message = OutboundMessage::with_dedup_id(Destination::Lanes(kind), Bytes::from(lines));
    set_headers(&mut message, records);
    message
}

/// The message that stores an event once more that is already in the stream. It has no `Nats-Msg-Id`,
/// because the broker would discard it as a duplicate. For steps it is a copy, unless it asks for an
/// answer.
pub fn republish(kind: EventKind, line: Bytes) -> OutboundMessage {
    let mut message = OutboundMessage::without_dedup_id(Destination::Lanes(kind), line);
    set_headers(&mut message, 1);
    message
}

/// The messages for `events`: one for each kind, or several if a batch would be too large. No batch
/// has more than `records_max` events.
pub fn messages(events: &[Event], records_max: usize) -> Vec<OutboundMessage> {
    let mut kinds = BTreeMap::<EventKind, Vec<&Event>>::new();
    for event in events {
        kinds.entry(event.body.kind()).or_default().push(event);
    }
    kinds
        .into_iter()
        .flat_map(|(kind, events)| messages_of_kind(kind, &events, records_max))
        .collect()
}

/// The records of a message, in the sequence in which they were written.
pub fn lines(payload: &Bytes) -> impl Iterator<Item = Bytes> {
    let lines = payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| payload.slice_ref(line))
}

fn set_headers(message: &mut OutboundMessage, records: usize) {
    message.headers.insert("Content-Type", NDJSON);
    message.headers.insert(SCHEMA_HEADER, SCHEMA);
    message.headers.insert(RECORDS_HEADER, records.to_string().as_str());
}

fn messages_of_kind(
    kind: EventKind,
    events: &[&Event],
    records_max: usize,
) -> Vec<OutboundMessage> {
    let mut messages = Vec::new();
    let mut batch = Vec::new();
    let mut records = 0;
    let mut line = Vec::new();
    for event in events {
        line.clear();
        event.write_line(&mut line);
        if records == records_max || (records > 0 && batch.len() + line.len() > BYTES_MAX) {
            messages.push(message(kind, std::mem::take(&mut batch), records));
            records = 0;
        }
        batch.extend_from_slice(&line);
        records += 1;
    }
    if records > 0 {
        messages.push(message(kind, batch, records));
    }
    messages
}

#[cfg(test)]
mod tests;
