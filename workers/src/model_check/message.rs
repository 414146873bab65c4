//! The messages of one order: each event that can be published for it, as the steps read it.

use std::sync::LazyLock;

use orders::{
    BodyDigest, CancelReason, CancelledBy, Created, Event, EventBody, Money, OnDecline, OrderId,
    PlaceOrder, Rejection, SubmitPayment, Timestamp,
};
use streams::{DeliveryHistory, Origin};

use crate::copies::Written;
use crate::step_input::StepInput;

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Message {
    Created,
    Reserved,
    RequiresAction,
    /// The buyer has submitted another card.
    NewCard,
    /// The provider's webhook.
    Webhook,
    Paid,
    Declined,
    /// By the buyer, or because the reservation has expired.
    CancelRequested,
    Withdrawn,
    Refunded,
    Rejected,
    Fulfilled,
    CancelRefused,
    Cancelled,
}

/// A message as it is delivered: from one of the places where its event is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Delivered {
    pub(crate) message: Message,
    pub(crate) place: Place,
}

/// Where an event is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// It is stored once. The model does not remember what such a message has written: it can have no
    /// copy.
    Only,
    First,
    Second,
}

/// A set of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Messages(u16);

static INPUTS: LazyLock<Vec<StepInput>> = LazyLock::new(|| inputs(1));
static COPIES: LazyLock<Vec<StepInput>> = LazyLock::new(|| inputs(2));

/// The inputs from the place with this sequence number, of each message.
fn inputs(sequence: u64) -> Vec<StepInput> {
    Message::ALL.into_iter().map(|message| input(message.body(), sequence)).collect()
}

impl Delivered {
    /// What a step receives.
    pub(crate) fn input(self) -> &'static StepInput {
        match self.place {
            Place::Only | Place::First => self.message.input(),
            Place::Second => &COPIES[self.message as usize],
        }
    }

    /// What it leaves in a row that it writes, for its copies.
    pub(crate) fn writer(self) -> Option<Self> {
        (self.place != Place::Only).then_some(self)
    }

    /// A row that this message has written.
    pub(crate) fn written(self) -> Written {
        Written::by(self.input())
    }

    /// The message that has written a row.
    pub(crate) fn of(written: &Written) -> Option<Self> {
        written.by.as_ref()?;
        let places = [Place::First, Place::Second];
        let all = Message::ALL.into_iter();
        let mut all = all.flat_map(|message| places.map(|place| Self { message, place }));
        all.find(|delivered| delivered.written().by == written.by)
    }
}

impl Message {
    pub(super) const ALL: [Self; 14] = [
        Self::Created,
        Self::Reserved,
        Self::RequiresAction,
        Self::NewCard,
        Self::Webhook,
        Self::Paid,
        Self::Declined,
        Self::CancelRequested,
        Self::Withdrawn,
        Self::Refunded,
        Self::Rejected,
        Self::Fulfilled,
        Self::CancelRefused,
        Self::Cancelled,
    ];

    /// The message with this event.
    pub(crate) fn of(body: &EventBody) -> Self {
        match body {
            EventBody::Created(_) => Self::Created,
            EventBody::Reserved { .. } => Self::Reserved,
            EventBody::RequiresAction => Self::RequiresAction,
            EventBody::PaymentSubmitted { payment_token: Some(_) } => Self::NewCard,
            EventBody::PaymentSubmitted { payment_token: None } => Self::Webhook,
            EventBody::Paid { .. } => Self::Paid,
            EventBody::Declined { .. } => Self::Declined,
            EventBody::CancelRequested { .. } => Self::CancelRequested,
            EventBody::Withdrawn { .. } => Self::Withdrawn,
            EventBody::Refunded { .. } => Self::Refunded,
            EventBody::Rejected { .. } => Self::Rejected,
            EventBody::Fulfilled { .. } => Self::Fulfilled,
            EventBody::CancelRefused => Self::CancelRefused,
            EventBody::Cancelled { .. } => Self::Cancelled,
            EventBody::Conflicted { .. } => panic!("the model has one body for each order"),
        }
    }

    /// What a step receives.
    pub(crate) fn input(self) -> &'static StepInput {
        &INPUTS[self as usize]
    }

    fn body(self) -> EventBody {
        let amount = Money { amount: 1, currency: "EUR".parse().unwrap() };
        let reason = || CancelReason::Requested { by: CancelledBy::Buyer };
        match self {
            Self::Created => {
                let order = br#"{"currency": "EUR", "payment": {"token": "tok_visa"},
                    "lines": [{"sku": "A", "quantity": 1, "unit_price": 1}]}"#;
                let order = PlaceOrder::parse(order).unwrap();
                let digest = BodyDigest::of(&order);
                EventBody::Created(Box::new(Created { digest, order, caller: None }))
            }
            Self::Reserved => {
                // The bounds say what becomes of it after a decline.
                EventBody::Reserved { amount, payment_token: None, on_decline: OnDecline::Cancel }
            }
            Self::RequiresAction => EventBody::RequiresAction,
            Self::NewCard => {
                let SubmitPayment { payment_token } =
                    SubmitPayment::parse(br#"{"token": "tok_visa"}"#).unwrap();
                EventBody::PaymentSubmitted { payment_token }
            }
            Self::Webhook => EventBody::PaymentSubmitted { payment_token: None },
            Self::Paid => EventBody::Paid { amount, payment_intent: "0".to_owned() },
            Self::Declined => EventBody::Declined { decline_code: "lost_card".to_owned() },
            Self::CancelRequested => EventBody::CancelRequested { by: CancelledBy::Buyer },
            Self::Withdrawn => EventBody::Withdrawn { reason: reason() },
            Self::Refunded => EventBody::Refunded { amount: None, reason: reason() },
            Self::Rejected => {
                EventBody::Rejected { reason: Rejection::OutOfStock { skus: Vec::new() } }
            }
            Self::Fulfilled => EventBody::Fulfilled { shipment: "shp_1".to_owned() },
            Self::CancelRefused => EventBody::CancelRefused,
            Self::Cancelled => EventBody::Cancelled { reason: reason() },
        }
    }
}

impl Messages {
    pub(crate) fn contains(self, message: Message) -> bool {
        self.0 & (1 << message as u16) != 0
    }

    pub(crate) fn insert(&mut self, message: Message) {
        self.0 |= 1 << message as u16;
    }

    pub(crate) fn remove(&mut self, message: Message) {
        self.0 &= !(1 << message as u16);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Every set of some of these, of none and of all.
    pub(crate) fn subsets(self) -> Vec<Self> {
        let mut subsets = vec![Self::default()];
        for message in self.iter() {
            let without = subsets.clone();
            subsets.extend(without.into_iter().map(|mut subset| {
                subset.insert(message);
                subset
            }));
        }
        subsets
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Message> {
        Message::ALL.into_iter().filter(move |message| self.contains(*message))
    }
}

impl FromIterator<Message> for Messages {
    fn from_iter<I: IntoIterator<Item = Message>>(messages: I) -> Self {
        let mut set = Self::default();
        messages.into_iter().for_each(|message| set.insert(message));
        set
    }
}

fn input(body: EventBody, sequence: u64) -> StepInput {
    let at = Timestamp::from_millis(0);
    let origin = Origin { stream: "ORDERS_1".to_owned(), sequence };
    StepInput {
        event: Event { order_id: OrderId::from_bytes([0; 16]), at, body, traceparent: None },
        history: DeliveryHistory::new(origin, at),
    }
}
