//! A batch: 1 to 256 events of one kind in one message, one JSON object a line.

use std::collections::BTreeMap;

use bytes::Bytes;
use orders::{Event, EventKind};

use crate::OutboundMessage;
use crate::names::{self, NDJSON, RECORDS_HEADER, SCHEMA, SCHEMA_HEADER};

/// A broker's cost is per message: beyond this many records a larger batch gains nothing that can
/// be measured, and a redelivery repeats more.
pub const RECORDS_MAX: usize = 256;
/// Half of the largest message that brokers take by default (1 MiB).
pub const BYTES_MAX: usize = 512 * 1024;

/// The message for `records` events of one kind that are written one after the other in `lines`,
/// each ended by a line feed.
pub fn message(kind: EventKind, lines: Vec<u8>, records: usize) -> OutboundMessage {
    let mut message =
        OutboundMessage::with_dedup_id(names::event_subject(kind), Bytes::from(lines));
    describe(&mut message, records);
    message
}

/// The message that brings one event again which is in the stream already. It has no id: the broker
/// would take it for what it knows.
pub fn again(kind: EventKind, line: Bytes) -> OutboundMessage {
    let mut message = OutboundMessage::without_dedup_id(names::event_subject(kind), line);
    describe(&mut message, 1);
    message
}

/// The messages for `events`: one for each kind, or more where a batch would grow too large. No
/// batch has more than `records_max` events.
pub fn messages(events: &[Event], records_max: usize) -> Vec<OutboundMessage> {
    let mut kinds = BTreeMap::<EventKind, Vec<&Event>>::new();
    for event in events {
        kinds.entry(event.body.kind()).or_default().push(event);
    }
    kinds.into_iter().flat_map(|(kind, events)| of_one_kind(kind, &events, records_max)).collect()
}

/// The records of a message, in the order in which they were written.
pub fn lines(payload: &Bytes) -> impl Iterator<Item = Bytes> {
    let lines = payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| payload.slice_ref(line))
}

fn describe(message: &mut OutboundMessage, records: usize) {
    message.headers.insert("Content-Type", NDJSON);
    message.headers.insert(SCHEMA_HEADER, SCHEMA);
    message.headers.insert(RECORDS_HEADER, records.to_string().as_str());
}

fn of_one_kind(kind: EventKind, events: &[&Event], records_max: usize) -> Vec<OutboundMessage> {
    let mut messages = Vec::new();
    let (mut batch, mut records) = (Vec::new(), 0);
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
