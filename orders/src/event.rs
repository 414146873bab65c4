//! Events: what happened to one order, in the past tense.

use serde::{Deserialize, Serialize, Serializer};
use strum::{Display, EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

use crate::created::{RESERVED_FOR_NOTHING, newer_name};
use crate::trace_parent::read_if_valid;
use crate::{
    BodyDigest, CancelReason, CancelledBy, Created, EventError, Money, OnDecline, OrderId,
    PaymentToken, Rejection, Timestamp, TraceParent,
};

/// One event of one order: a record of a batch, one JSON object on a line.
///
/// Its content and time come from the stored row that records it, never from the current time, so
/// that a republished event has the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The order that the event is about.
    pub order_id: OrderId,
    /// When it happened.
    #[serde(rename = "at_ms")]
    pub at: Timestamp,
    /// What happened.
    #[serde(rename = "event", serialize_with = "write_body")]
    pub body: EventBody,
    /// The trace of the request that it goes back to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_if_valid")]
    pub traceparent: Option<TraceParent>,
}

/// What can happen to an order, in the sequence in which it can happen. Each event carries only what
/// the next stage needs of it. This is the only list of events: [`EventKind`] is derived from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(rename_all = "snake_case")]
#[strum_discriminants(
    name(EventKind),
    doc = "The kind of an event. A batch holds events of one kind, which is the last token of its",
    doc = "subject. Each kind is documented at the variant of the same name of [`EventBody`].",
    derive(PartialOrd, Ord, Hash, Display, EnumString, IntoStaticStr, VariantArray),
    strum(
        serialize_all = "snake_case",
        parse_err_ty = UnknownEvent,
        parse_err_fn = UnknownEvent::new
    )
)]
pub enum EventBody {
    /// An edge accepted the order.
    #[serde(alias = "created_v2", alias = "created_v3")]
    Created(Box<Created>),
    /// Inventory reserved the stock of every line.
    #[serde(alias = "reserved_v2")]
    Reserved {
        /// The total of the order.
        amount: Money,
        /// The payment token. No later event carries it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_token: Option<PaymentToken>,
        /// What becomes of the order if that is declined.
        #[serde(default, skip_serializing_if = "OnDecline::is_default")]
        on_decline: OnDecline,
    },
    /// Inventory reserved nothing. Final.
    Rejected {
        /// Why inventory rejected the order.
        reason: Rejection,
    },
    /// A different order is stored under the same key; this body was discarded. Changes no state.
    Conflicted {
        /// The digest of the discarded body.
        digest: BodyDigest,
    },
    /// The buyer has to act before the order can be paid. What to do is only in the status of the
    /// order, which the buyer alone can read.
    RequiresAction,
    /// The buyer has acted, or the provider reports a change of the payment: payment asks the provider
    /// how the payment is. Changes no state.
    PaymentSubmitted {
        /// The token of another payment method to pay with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_token: Option<PaymentToken>,
    },
    /// The provider captured the money.
    Paid {
        /// The captured amount.
        amount: Money,
        /// The provider's id of the payment; `none` if there was nothing to pay.
        payment_intent: String,
    },
    /// The provider declined the charge, and no other payment method is awaited.
    Declined {
        /// The provider's decline code, such as `insufficient_funds`.
        decline_code: String,
    },
    /// A shipment is booked. Final.
    Fulfilled {
        /// The shipment's number.
        shipment: String,
    },
    /// Cancellation of the order was requested.
    CancelRequested {
        /// The origin of the request.
        by: CancelledBy,
    },
    /// It was too late to cancel. Changes no state.
    CancelRefused,
    /// Fulfilment will never ship the order.
    Withdrawn {
        /// Why the order was withdrawn.
        reason: CancelReason,
    },
    /// Payment holds no money for the order.
    Refunded {
        /// The refunded amount, if any had been captured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
        /// Why the order was withdrawn.
        reason: CancelReason,
    },
    /// The stock is back on hand. Final.
    Cancelled {
        /// Why the order was cancelled.
        reason: CancelReason,
    },
}

impl Event {
    /// Parses a line.
    pub fn parse(line: &[u8]) -> Result<Self, EventError> {
        Ok(serde_json::from_slice(line)?)
    }
}

/// How a line begins that [`Event::write_line`] has written.
const LINE_START: &[u8] = br#"{"order_id":""#;
const ID_DIGITS: usize = 32;

impl Event {
    /// The order that a line is about, without a look at the rest of it: of many lines few may matter. `None` if the
    /// line does not begin as written by [`write_line`](Self::write_line).
    pub fn order_id_of(line: &[u8]) -> Option<OrderId> {
        let (id, rest) = line.strip_prefix(LINE_START)?.split_at_checked(ID_DIGITS)?;
        let id = rest.starts_with(b"\"").then_some(id)?;
        str::from_utf8(id).ok()?.parse().ok()
    }
}

/// Not the name of an event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown event `{0}`; expected one of {names}", names = names())]
pub struct UnknownEvent(String);

impl EventKind {
    /// Every kind, in the sequence in which they can occur in the life of an order.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The kind's name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Writes the body of an event under its name on the wire.
fn write_body<S: Serializer>(body: &EventBody, serializer: S) -> Result<S::Ok, S::Error> {
    match body {
        EventBody::Created(created) => match newer_name(&created.order, created.caller) {
            Some(name) => serializer.serialize_newtype_variant("EventBody", 0, name, created),
            None => body.serialize(serializer),
        },
        EventBody::Reserved { amount, payment_token, on_decline } if amount.amount == 0 => {
            let body = ReservedForNothing { amount, payment_token, on_decline };
            serializer.serialize_newtype_variant("EventBody", 0, RESERVED_FOR_NOTHING, &body)
        }
        body => body.serialize(serializer),
    }
}

/// The content of such an [`EventBody::Reserved`].
#[derive(Serialize)]
struct ReservedForNothing<'a> {
    amount: &'a Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_token: &'a Option<PaymentToken>,
    #[serde(skip_serializing_if = "OnDecline::is_default")]
    on_decline: &'a OnDecline,
}

impl EventBody {
    /// The kind of this event.
    pub fn kind(&self) -> EventKind {
        self.into()
    }

    /// The money that this event is about, if it says how much.
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Reserved { amount, .. } | Self::Paid { amount, .. } => Some(*amount),
            Self::Refunded { amount, .. } => *amount,
            _ => None,
        }
    }
}

impl UnknownEvent {
    fn new(name: &str) -> Self {
        Self(name.to_owned())
    }
}

fn names() -> String {
    EventKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

impl Event {
    /// Appends the event to `out`: one JSON object and a line feed.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("an event has string keys and integers");
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_newer_version_is_not_taken_for_an_invalid_one() {
        let id = OrderId::from_bytes([7; 16]);
        let parse = |event: &str| {
            Event::parse(format!(r#"{{"order_id":"{id}","at_ms":1,"event":{event}}}"#).as_bytes())
        };
        assert!(parse(r#""requires_action""#).is_ok());
        let gbp = |amount| Money { amount, currency: "GBP".parse().unwrap() };
        for (amount, name) in [(0, "reserved_v2"), (1, "reserved")] {
            let on_decline = OnDecline::Cancel;
            let body = EventBody::Reserved { amount: gbp(amount), payment_token: None, on_decline };
            let at = Timestamp::from_millis(1);
            let event = Event { order_id: id, at, body, traceparent: None };
            let mut line = Vec::new();
            event.write_line(&mut line);
            assert!(str::from_utf8(&line).unwrap().contains(&format!(r#"{{"{name}":{{"#)));
            assert_eq!(Event::parse(&line), Ok(event));
        }
        for newer in [r#""eaten""#, r#"{"eaten":{"by":1}}"#, r#"{"cancel_requested":{"by":"cat"}}"#]
        {
            assert!(matches!(parse(newer), Err(EventError::Unsupported(_))), "{newer}");
        }
        for invalid in ["7", r#"{"cancel_requested":{}}"#, r#"{"paid":{}}"#] {
            assert!(matches!(parse(invalid), Err(EventError::Invalid(_))), "{invalid}");
        }
    }

    #[test]
    fn the_order_of_a_line_is_found_without_the_rest() {
        let id = OrderId::from_bytes([0xa7; 16]);
        let at = Timestamp::from_millis(1);
        let mut line = Vec::new();
        let event = Event { order_id: id, at, body: EventBody::CancelRefused, traceparent: None };
        event.write_line(&mut line);
        assert_eq!(Event::order_id_of(&line), Some(id));
        let digits = "a7".repeat(16);
        assert_eq!(
            Event::order_id_of(format!(r#"{{"order_id":"{digits}",?"#).as_bytes()),
            Some(id)
        );
        for other in [
            format!(r#"{{"order_id":"{digits}00""#),
            format!(r#"{{"order_id":"{}""#, digits.to_uppercase()),
            format!(r#"{{"order_id":"{digits}"#),
            format!(r#"{{"id":"{digits}""#),
            String::new(),
        ] {
            assert_eq!(Event::order_id_of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn an_unknown_event_is_refused_with_the_names_of_all_events() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse::<EventKind>().as_ref(), Ok(kind));
        }
        let error = "eaten".parse::<EventKind>().unwrap_err().to_string();
        assert!(error.starts_with("unknown event `eaten`; expected one of created, reserved, "));
    }
}
