//! What happened to one order, in the past tense.

use serde::{Deserialize, Serialize};

use crate::{
    BodyDigest, CancelReason, CancelledBy, EventKind, Money, OrderId, PaymentToken, PlaceOrder,
    Rejection, Timestamp,
};

/// One event of one order: a record of a batch, one JSON object on a line.
///
/// Its content comes from the row that proves it, never from now, so that an event that is
/// published again is the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whose event it is.
    pub order_id: OrderId,
    /// When it happened.
    #[serde(rename = "at_ms")]
    pub at: Timestamp,
    /// What happened.
    #[serde(rename = "event")]
    pub body: EventBody,
}

/// What can happen to an order. Each event carries only what the next stage needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventBody {
    /// An edge took the order in.
    Created(Box<Created>),
    /// Inventory holds the stock of every line.
    Reserved {
        /// What the order costs.
        amount: Money,
        /// What to pay with; the last event that carries it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_token: Option<PaymentToken>,
    },
    /// Inventory reserved nothing. Final.
    Rejected {
        /// Why.
        reason: Rejection,
    },
    /// Another order stands under the same key; this body was not taken. Changes no state.
    Conflicted {
        /// The digest of the body that was not taken.
        digest: BodyDigest,
    },
    /// The provider captured the money.
    Paid {
        /// What was captured.
        amount: Money,
        /// The provider's id of the payment.
        payment_intent: String,
    },
    /// The provider declined the charge.
    Declined {
        /// The provider's decline code, such as `insufficient_funds`.
        decline_code: String,
    },
    /// A shipment is booked. Final.
    Fulfilled {
        /// The shipment's number.
        shipment: String,
    },
    /// Somebody asked for the order to be cancelled.
    CancelRequested {
        /// Who.
        by: CancelledBy,
    },
    /// It was too late to cancel. Changes no state.
    CancelRefused,
    /// Fulfilment will never ship the order.
    Withdrawn {
        /// Why.
        reason: CancelReason,
    },
    /// Payment holds no money for the order.
    Refunded {
        /// What was given back, where something had been captured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
        /// Why the order was withdrawn.
        reason: CancelReason,
    },
    /// The stock is back on hand. Final.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
}

/// The content of [`EventBody::Created`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The digest of the order, by which a repeat is told from another order.
    pub digest: BodyDigest,
    /// What was ordered.
    pub order: PlaceOrder,
}

impl Created {
    /// The event that `order` was taken in, as [`Event::write_line`] writes it, and the order's
    /// digest. An edge needs both for each order, so the order is written once.
    pub fn line(order_id: OrderId, at: Timestamp, order: &PlaceOrder) -> (Vec<u8>, BodyDigest) {
        let order = order.canonical_json();
        let digest = BodyDigest::of_canonical(&order);
        let head = format!(
            r#"{{"order_id":"{order_id}","at_ms":{},"event":{{"created":{{"digest":"{}","order":"#,
            at.as_millis(),
            String::from(digest),
        );
        ([head.as_bytes(), &order, b"}}}\n"].concat(), digest)
    }
}

impl EventBody {
    /// The kind of this event.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Created(_) => EventKind::Created,
            Self::Reserved { .. } => EventKind::Reserved,
            Self::Rejected { .. } => EventKind::Rejected,
            Self::Conflicted { .. } => EventKind::Conflicted,
            Self::Paid { .. } => EventKind::Paid,
            Self::Declined { .. } => EventKind::Declined,
            Self::Fulfilled { .. } => EventKind::Fulfilled,
            Self::CancelRequested { .. } => EventKind::CancelRequested,
            Self::CancelRefused => EventKind::CancelRefused,
            Self::Withdrawn { .. } => EventKind::Withdrawn,
            Self::Refunded { .. } => EventKind::Refunded,
            Self::Cancelled { .. } => EventKind::Cancelled,
        }
    }
}

impl Event {
    /// Appends the event to `out`: one JSON object and a line feed.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("an event has text keys and whole numbers");
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_created_event_give_the_same_bytes() {
        let order = br#"{"currency":"GBP","reference":"\"\u00e9\\","payment":{"token":"t"},
            "lines":[{"sku":"A B","quantity":1,"unit_price":2}]}"#;
        let order = PlaceOrder::parse(order).unwrap();
        let (order_id, at) = (OrderId::from_bytes([0xab; 16]), Timestamp::from_millis(-5));
        let (short, digest) = Created::line(order_id, at, &order);
        let mut long = Vec::new();
        assert_eq!(digest, BodyDigest::of(&order));
        let body = EventBody::Created(Box::new(Created { digest, order }));
        Event { order_id, at, body }.write_line(&mut long);
        assert_eq!(String::from_utf8(short), String::from_utf8(long));
    }
}
