//! Properties of the batch encoding for arbitrary message bytes: no record is lost or invented, and
//! every record that can be parsed round-trips.

use std::collections::BTreeMap;

use bytes::Bytes;
use orders::{Event, EventKind};
use streams::OutboundMessage;
use streams::batch::{BYTES_MAX, RECORDS_MAX, lines, message, messages};

/// Panics if a property does not hold for `payload`.
pub(crate) fn check(payload: &[u8]) {
    let payload = Bytes::copy_from_slice(payload);
    let records: Vec<Bytes> = lines(&payload).collect();
    let is_record = |record: &Bytes| !record.is_empty() && !record.contains(&b'\n');
    assert!(records.iter().all(is_record), "an empty record, or two in one");
    let without_line_feeds: Vec<u8> =
        payload.iter().copied().filter(|byte| *byte != b'\n').collect();
    assert_eq!(records.concat(), without_line_feeds, "a record is lost or changed");

    let parse = |record: &Bytes| serde_json::from_slice::<Event>(record).ok();
    let events: Vec<Event> = records.iter().filter_map(parse).collect();
    for event in &events {
        let line = serialized(event);
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "not a line");
        assert_eq!(
            serde_json::from_slice::<Event>(&line).unwrap(),
            *event,
            "parses to a different event"
        );
    }
    // The largest batch size, and another one derived from the input.
    for records_max in [RECORDS_MAX, 1 + payload.len() % RECORDS_MAX] {
        check_encoding(&events, records_max);
    }
    if let Some(kind) = only_kind(&events).filter(|_| events.len() == records.len()) {
        check_same_bytes(kind, &payload, &events);
    }
}

/// Encoded events decode to the same events, kind by kind, in batches within the size limits.
fn check_encoding(events: &[Event], records_max: usize) {
    let batches = messages(events, records_max);
    let mut remaining = BTreeMap::<EventKind, Vec<&Event>>::new();
    for event in events.iter().rev() {
        remaining.entry(event.body.kind()).or_default().push(event);
    }
    for batch in &batches {
        let records: Vec<Bytes> = lines(batch.payload()).collect();
        assert!((1..=records_max).contains(&records.len()), "{} records", records.len());
        assert!(records.len() == 1 || batch.payload().len() <= BYTES_MAX, "too many bytes");
        for record in records {
            let event: Event = serde_json::from_slice(&record).unwrap();
            let next = remaining.get_mut(&event.body.kind()).and_then(Vec::pop);
            assert_eq!(next, Some(&event), "not the next event of its kind");
        }
    }
    assert!(remaining.values().all(Vec::is_empty), "an event is lost");
    let repeated = messages(events, records_max);
    let payloads = batches.iter().map(OutboundMessage::payload);
    assert!(payloads.eq(repeated.iter().map(OutboundMessage::payload)), "another encoding");
}

/// A batch in the form that Millrace writes is encoded to the same bytes, so that a repeat has the
/// same id.
fn check_same_bytes(kind: EventKind, payload: &Bytes, events: &[Event]) {
    let lines: Vec<u8> = events.iter().flat_map(serialized).collect();
    let batch = message(kind, lines.clone(), events.len());
    assert_eq!(*batch.payload(), lines);
    if lines == *payload && events.len() <= RECORDS_MAX && payload.len() <= BYTES_MAX {
        let batches = messages(events, RECORDS_MAX);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].payload(), payload);
    }
}

fn serialized(event: &Event) -> Vec<u8> {
    let mut line = Vec::new();
    event.write_line(&mut line);
    line
}

fn only_kind(events: &[Event]) -> Option<EventKind> {
    let kind = events.first()?.body.kind();
    events.iter().all(|event| event.body.kind() == kind).then_some(kind)
}
