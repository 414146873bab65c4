//! The lanes, replayed: the history of every order as its events report it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;
use orders::{BodyDigest, Event, EventBody, EventKind, Money, OrderId, Status};
use streams::{Connection, LaneEnds, LanesReplay, Origin, lane_ends};

use super::content::Content;

/// Decisions of which an order has one at most: all events of one decision must be the same bytes.
const DECISIONS: usize = 5;

/// The events that have an amount.
const AMOUNT_EVENTS: [EventKind; 3] = [EventKind::Reserved, EventKind::Paid, EventKind::Refunded];

/// All orders of the lanes.
#[derive(Default)]
pub(super) struct StreamHistory {
    pub(super) orders: HashMap<OrderId, OrderHistory>,
    /// Whether no message has been purged, and no lane was removed.
    pub(super) is_complete: bool,
    /// The last messages.
    pub(super) end: LaneEnds,
}

/// One order according to the stream.
#[derive(Default)]
pub(super) struct OrderHistory {
    pub(super) status: Option<Status>,
    /// The message that brought the order into this status, if one did.
    pub(super) origin: Option<Origin>,
    /// Whether the stream has two different events for one decision.
    pub(super) has_conflicting_outcomes: bool,
    /// The first final event, and the first one that is another.
    finals: [Option<EventKind>; 2],
    /// The bodies that were placed, each once.
    placed: Vec<Content>,
    /// The bodies that were discarded, each once.
    conflicted: Vec<BodyDigest>,
    /// The amount in the first event of each kind in [`AMOUNT_EVENTS`].
    amounts: [Option<Money>; AMOUNT_EVENTS.len()],
    /// Whether the stream has the order as it was placed.
    pub(super) was_created: bool,
    /// Hash of the first event of each decision.
    outcome_hashes: [Option<u64>; DECISIONS],
}

impl StreamHistory {
    /// Reads the lanes up to their current ends, one after the other: the events of an order may be in
    /// several lanes, and it does not matter in which sequence they are read.
    pub(super) async fn read(connection: &Connection) -> Result<Self> {
        let end = lane_ends(connection).await?;
        let mut history = Self { orders: HashMap::new(), is_complete: end.are_whole, end };
        let end = history.end.clone();
        LanesReplay::read_until(connection, &end, |message| {
            for line in &message.lines {
                history.apply(line, &message.origin);
            }
        })
        .await?;
        Ok(history)
    }

    /// Applies one record of a message.
    pub(super) fn apply(&mut self, line: &[u8], origin: &Origin) {
        // A record that is not an event became a dead letter; it belongs to no order.
        if let Ok(event) = serde_json::from_slice::<Event>(line) {
            let order = self.orders.entry(event.order_id).or_default();
            order.apply(event.body.kind(), line, origin);
            order.keep(&event.body);
        }
    }
}

impl OrderHistory {
    /// Two different final events, if the stream has them. The status shows only the first one.
    pub(super) fn two_finals(&self) -> Option<[EventKind; 2]> {
        let [first, second] = self.finals;
        Some([first?, second?])
    }

    /// The digests of the bodies that were placed.
    pub(super) fn placed(&self) -> impl Iterator<Item = BodyDigest> {
        self.placed.iter().map(|content| content.digest)
    }

    /// The body with this digest, if it was placed.
    pub(super) fn content(&self, digest: BodyDigest) -> Option<&Content> {
        self.placed.iter().find(|content| content.digest == digest)
    }

    /// Whether the body with this digest was discarded.
    pub(super) fn has_conflicted(&self, digest: BodyDigest) -> bool {
        self.conflicted.contains(&digest)
    }

    /// The amounts in the events of the order, each with the name of the event.
    pub(super) fn amounts(&self) -> impl Iterator<Item = (EventKind, Money)> {
        AMOUNT_EVENTS
            .into_iter()
            .zip(self.amounts)
            .filter_map(|(event, amount)| Some((event, amount?)))
    }

    /// Keeps the content of an event. Of two different events of one decision, which are a problem
    /// of their own, it keeps the first.
    fn keep(&mut self, body: &EventBody) {
        match body {
            EventBody::Created(created) if self.content(created.digest).is_none() => {
                let order = &created.order;
                let (total, lines) = (order.total, &order.lines);
                self.placed.push(Content::new(created.digest, total, lines, &order.adjustments));
            }
            EventBody::Conflicted { digest } if !self.has_conflicted(*digest) => {
                self.conflicted.push(*digest);
            }
            _ => {}
        }
        let index = AMOUNT_EVENTS.iter().position(|event| *event == body.kind());
        if let (Some(index), Some(amount)) = (index, amount(body)) {
            self.amounts[index].get_or_insert(amount);
        }
    }

    fn apply(&mut self, kind: EventKind, line: &[u8], origin: &Origin) {
        let before = self.status.unwrap_or(Status::Accepted);
        let after = before.after(kind);
        // A repeated POST under the same key does not reopen the order, and a later event may be read
        // before.
        let is_first_created = kind == EventKind::Created && !self.was_created;
        if before != after || (is_first_created && after == Status::Accepted) {
            self.origin = Some(origin.clone());
        }
        self.was_created |= is_first_created;
        self.status = Some(after);
        if is_final(kind) {
            let [first, second] = &mut self.finals;
            if *first.get_or_insert(kind) != kind {
                *second = Some(kind);
            }
        }
        if let Some(decision) = decision(kind) {
            let mut hasher = DefaultHasher::new();
            line.hash(&mut hasher);
            let hash = hasher.finish();
            let first = *self.outcome_hashes[decision].get_or_insert(hash);
            self.has_conflicting_outcomes |= first != hash;
        }
    }
}

const fn amount(body: &EventBody) -> Option<Money> {
    match body {
        EventBody::Reserved { amount, .. } | EventBody::Paid { amount, .. } => Some(*amount),
        EventBody::Refunded { amount, .. } => *amount,
        _ => None,
    }
}

/// Whether an order ends with an event of this kind.
const fn is_final(kind: EventKind) -> bool {
    matches!(kind, EventKind::Rejected | EventKind::Cancelled | EventKind::Fulfilled)
}

/// The decision that an event reports. Shipped or withdrawn is one decision, made by one row.
const fn decision(kind: EventKind) -> Option<usize> {
    match kind {
        EventKind::Reserved | EventKind::Rejected => Some(0),
        EventKind::Paid | EventKind::Declined => Some(1),
        EventKind::Fulfilled | EventKind::Withdrawn => Some(2),
        EventKind::Refunded => Some(3),
        EventKind::Cancelled => Some(4),
        EventKind::Created
        | EventKind::Conflicted
        | EventKind::RequiresAction
        | EventKind::PaymentSubmitted
        | EventKind::CancelRequested
        | EventKind::CancelRefused => None,
    }
}
