//! What holds of every message's bytes, whoever wrote them: no record is lost or made up, and what
//! can be read is written again as it was.

use std::collections::BTreeMap;

use bytes::Bytes;
use orders::{Event, EventKind};
use streams::OutboundMessage;
use streams::batch::{BYTES_MAX, RECORDS_MAX, lines, message, messages};

/// Panics where something does not hold of `payload`.
pub(crate) fn check(payload: &[u8]) {
    let payload = Bytes::copy_from_slice(payload);
    let records: Vec<Bytes> = lines(&payload).collect();
    let is_record = |record: &Bytes| !record.is_empty() && !record.contains(&b'\n');
    assert!(records.iter().all(is_record), "an empty record, or two in one");
    let unended: Vec<u8> = payload.iter().copied().filter(|byte| *byte != b'\n').collect();
    assert_eq!(records.concat(), unended, "a record is lost or changed");

    let read = |record: &Bytes| serde_json::from_slice::<Event>(record).ok();
    let events: Vec<Event> = records.iter().filter_map(read).collect();
    for event in &events {
        let line = written(event);
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "not a line");
        assert_eq!(serde_json::from_slice::<Event>(&line).unwrap(), *event, "reads differently");
    }
    // Any number of records at most, drawn from what is there.
    for records_max in [RECORDS_MAX, 1 + payload.len() % RECORDS_MAX] {
        encoded(&events, records_max);
    }
    if let Some(kind) = only_kind(&events).filter(|_| events.len() == records.len()) {
        same_bytes_again(kind, &payload, &events);
    }
}

/// What is encoded decodes to the same events, kind by kind, in batches that are not too large.
fn encoded(events: &[Event], records_max: usize) {
    let batches = messages(events, records_max);
    let mut left = BTreeMap::<EventKind, Vec<&Event>>::new();
    for event in events.iter().rev() {
        left.entry(event.body.kind()).or_default().push(event);
    }
    for batch in &batches {
        let records: Vec<Bytes> = lines(batch.payload()).collect();
        assert!((1..=records_max).contains(&records.len()), "{} records", records.len());
        assert!(records.len() == 1 || batch.payload().len() <= BYTES_MAX, "too many bytes");
        for record in records {
            let event: Event = serde_json::from_slice(&record).unwrap();
            let next = left.get_mut(&event.body.kind()).and_then(Vec::pop);
            assert_eq!(next, Some(&event), "not the next event of its kind");
        }
    }
    assert!(left.values().all(Vec::is_empty), "an event is lost");
    let again = messages(events, records_max);
    assert!(
        batches.iter().map(OutboundMessage::payload).eq(again.iter().map(OutboundMessage::payload))
    );
}

/// A batch that Millrace could have written is written as the same bytes, so that a repeat has the
/// same id.
fn same_bytes_again(kind: EventKind, payload: &Bytes, events: &[Event]) {
    let lines: Vec<u8> = events.iter().flat_map(written).collect();
    let batch = message(kind, lines.clone(), events.len());
    assert_eq!(*batch.payload(), lines);
    if lines == *payload && events.len() <= RECORDS_MAX && payload.len() <= BYTES_MAX {
        let batches = messages(events, RECORDS_MAX);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].payload(), payload);
    }
}

fn written(event: &Event) -> Vec<u8> {
    let mut line = Vec::new();
    event.write_line(&mut line);
    line
}

fn only_kind(events: &[Event]) -> Option<EventKind> {
    let kind = events.first()?.body.kind();
    events.iter().all(|event| event.body.kind() == kind).then_some(kind)
}
