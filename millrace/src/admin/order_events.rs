//! The events of one order in the lanes, and what of them was not read in time.

use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::future::join_all;
use orders::{OrderId, OrderView, Timestamp};
use serde_json::{Value, json};
use streams::{Connection, Replayed, lanes};
use tokio::time::{Instant, timeout_at};

use super::lane_reading::{LaneReading, Likely};
use super::order_id::is_about;
use crate::limits::{
    ORDER_CLOCK_MARGIN, ORDER_EVENT_AFTER_ROW, ORDER_EVENT_BEFORE_ROW, ORDER_EVENTS_MAX,
};
use crate::private_members::remove_private_members;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct OrderEvents {
    /// The events, in the sequence in which they were stored.
    pub(super) events: Vec<Value>,
    /// The messages that were read.
    pub(super) read: u64,
    /// The parts of lanes that were not read.
    pub(super) not_read: Vec<Value>,
}

/// Finds the events of the order `id`, whose rows say `view`, in what can be read until `deadline`.
pub(super) async fn find(
    connection: &Connection,
    id: OrderId,
    view: Option<&OrderView>,
    deadline: Instant,
) -> OrderEvents {
    let likely = view.map_or(Likely::Unprocessed, likely);
    let lanes = match timeout_at(deadline, lanes(connection)).await {
        Ok(Ok(lanes)) => lanes,
        Ok(Err(err)) => return OrderEvents::none_read(&json!(err.to_string())),
        Err(_) => return OrderEvents::none_read(&Value::Null),
    };
    let readings = lanes.into_iter().map(|lane| {
        LaneReading::read(connection, lane, &likely, deadline, |message| events_in(message, id))
    });
    let mut found = OrderEvents::default();
    for reading in join_all(readings).await {
        found.read += reading.messages;
        found.not_read.extend(reading.not_read());
        found.events.extend(reading.found);
    }
    found.events.sort_by_key(|event| event["stored_at_ms"].as_i64());
    found.events.truncate(ORDER_EVENTS_MAX);
    found
}

impl OrderEvents {
    /// It is not even known which lanes there are.
    fn none_read(error: &Value) -> Self {
        let not_read = vec![json!({"stream": "ORDERS_*", "error": error})];
        Self { not_read, ..Self::default() }
    }
}

/// Where its events are by the times of its rows.
fn likely(view: &OrderView) -> Likely {
    let shifted =
        |at: Timestamp, millis: i64| Timestamp::from_millis((at.as_millis() + millis).max(0));
    let earlier = |at, by: Duration| shifted(at, -(by.as_millis() as i64));
    let later = |at, by: Duration| shifted(at, by.as_millis() as i64);
    let mut rows: Vec<Timestamp> = view.history.iter().map(|change| change.at).collect();
    rows.sort();
    let mut times: Vec<RangeInclusive<Timestamp>> = Vec::new();
    for at in &rows {
        let (from, to) = (earlier(*at, ORDER_EVENT_BEFORE_ROW), later(*at, ORDER_EVENT_AFTER_ROW));
        match times.last_mut() {
            Some(last) if from <= *last.end() => *last = *last.start()..=to,
            _ => times.push(from..=to),
        }
    }
    let placed_at = rows.first().copied().unwrap_or_else(|| Timestamp::from_millis(0));
    Likely::Times { times, since: earlier(placed_at, ORDER_CLOCK_MARGIN) }
}

/// The events of the order in a message: without the order as it was placed, which has who ordered what.
fn events_in(message: &Replayed, id: OrderId) -> Vec<Value> {
    let digits = id.to_string();
    // Most messages are about other orders: they are not parsed.
    let may_have =
        |line: &&bytes::Bytes| str::from_utf8(line).is_ok_and(|line| line.contains(&*digits));
    let records = message.lines.iter().filter(may_have);
    let records = records.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let events = records.filter(|record| is_about(record, id)).map(|mut record| {
        remove_private_members(&mut record);
        // Whatever its version names the event.
        let bodies = record["event"].as_object_mut().into_iter().flat_map(|it| it.values_mut());
        bodies.filter_map(Value::as_object_mut).for_each(|body| drop(body.remove("order")));
        json!({
            "stream": message.origin.stream,
            "sequence": message.origin.sequence,
            "stored_at_ms": message.stored_at,
            "at_ms": record["at_ms"],
            "event": record["event"],
        })
    });
    events.collect()
}

#[cfg(test)]
mod tests {
    use orders::{EventKind, Status, StatusChange};
    use streams::Origin;

    use super::*;

    #[test]
    fn events_are_likely_around_the_times_of_rows() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let change = |seconds| StatusChange { status: Status::Paid, at: at(seconds) };
        let history = vec![change(10_000), change(10_012), change(20_000)];
        let status = Status::Paid;
        let (reason, body_digest, next_action) = (None, None, None);
        let view = OrderView { status, reason, history, body_digest, next_action };
        let times = vec![at(9_995)..=at(10_027), at(19_995)..=at(20_015)];
        assert_eq!(likely(&view), Likely::Times { times, since: at(9_400) });
    }

    #[test]
    fn the_events_of_an_order_are_shown_without_its_buyer_and_its_payment_token() {
        let (id, other) = (OrderId::from_bytes([7; 16]), OrderId::from_bytes([8; 16]));
        let line = |id: OrderId, event: Value| {
            json!({"order_id": id, "at_ms": 5, "event": event}).to_string().into()
        };
        let created =
            json!({"created": {"digest": "d", "order": {"customer": "c", "payment_token": "t"}}});
        let detailed = json!({"created_v2": {"digest": "d", "order": {"customer": "c"}}});
        let reserved = json!({"reserved": {"payment_token": "t"}});
        let message = Replayed {
            origin: Origin { stream: "ORDERS_2".to_owned(), sequence: 9 },
            stored_at: Timestamp::from_millis(6),
            kind: Some(EventKind::Created),
            subject: "orders.2.created".to_owned(),
            lines: vec![
                line(other, json!({"paid": {"payment_intent": id}})),
                line(id, created),
                line(id, detailed),
                line(id, reserved),
                "garbage".into(),
            ],
        };
        let found = json!(events_in(&message, id));
        let at = json!({"stream": "ORDERS_2", "sequence": 9, "stored_at_ms": 6, "at_ms": 5});
        let events = [
            json!({"created": {"digest": "d"}}),
            json!({"created_v2": {"digest": "d"}}),
            json!({"reserved": {}}),
        ];
        let expected = events.map(|event| {
            let mut expected = at.clone();
            expected["event"] = event;
            expected
        });
        assert_eq!(found, json!(expected));
    }
}
