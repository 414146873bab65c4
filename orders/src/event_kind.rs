//! The kinds of events, and their names in subjects and commands.

use thiserror::Error;

/// The kind of an event. A batch holds events of one kind, which is the last token of its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each kind is documented at the variant of the same name of EventBody"
)]
pub enum EventKind {
    Created,
    Reserved,
    Rejected,
    Conflicted,
    Paid,
    Declined,
    Fulfilled,
    CancelRequested,
    CancelRefused,
    Withdrawn,
    Refunded,
    Cancelled,
}

/// Not the name of an event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "unknown event `{0}`; expected one of created, reserved, rejected, conflicted, paid, declined, \
     fulfilled, cancel_requested, cancel_refused, withdrawn, refunded, cancelled"
)]
pub struct UnknownEvent(String);

impl EventKind {
    /// Every kind, in the sequence in which they can occur in the life of an order.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Reserved,
        Self::Rejected,
        Self::Conflicted,
        Self::Paid,
        Self::Declined,
        Self::Fulfilled,
        Self::CancelRequested,
        Self::CancelRefused,
        Self::Withdrawn,
        Self::Refunded,
        Self::Cancelled,
    ];

    /// The kind's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Reserved => "reserved",
            Self::Rejected => "rejected",
            Self::Conflicted => "conflicted",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Fulfilled => "fulfilled",
            Self::CancelRequested => "cancel_requested",
            Self::CancelRefused => "cancel_refused",
            Self::Withdrawn => "withdrawn",
            Self::Refunded => "refunded",
            Self::Cancelled => "cancelled",
        }
    }
}

impl std::str::FromStr for EventKind {
    type Err = UnknownEvent;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| UnknownEvent(name.to_owned()))
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
