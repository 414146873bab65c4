//! The provider in the model checker: what each call does to an intent, and what it answers.

use orders::NextAction;

use crate::payment::provider::{Confirmation, Decline, RefundStatus, Status};

/// A code after which another card is accepted, and one after which none is.
const SOFT: &str = "insufficient_funds";
pub(super) const HARD: &str = "stolen_card";

/// A decline after which another card is accepted.
pub(super) fn soft_decline() -> Decline {
    Decline::of_method(SOFT.to_owned())
}

/// A decline after which none is.
pub(super) fn hard_decline() -> Decline {
    Decline::of_method(HARD.to_owned())
}

/// The state of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Intent {
    Unconfirmed,
    /// It has no card that could be confirmed.
    WithoutCard,
    RequiresAction,
    Processing,
    Declined,
    /// Declined, and no other card is accepted.
    DeclinedForGood,
    Succeeded,
    RefundPending,
    Refunded,
    Canceled,
}

impl Intent {
    /// What has happened to it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unconfirmed => "the intent is not confirmed",
            Self::WithoutCard => "the intent has no card",
            Self::RequiresAction => "the intent requires the buyer",
            Self::Processing => "the intent is being processed",
            Self::Declined => "the intent is declined",
            Self::DeclinedForGood => "the intent is declined for good",
            Self::Succeeded => "the intent succeeds",
            Self::RefundPending => "the refund begins",
            Self::Refunded => "the intent is refunded",
            Self::Canceled => "the intent is cancelled",
        }
    }

    pub(super) const fn was_captured(self) -> bool {
        matches!(self, Self::Succeeded | Self::RefundPending | Self::Refunded)
    }

    pub(super) const fn holds_money(self) -> bool {
        matches!(self, Self::Succeeded | Self::RefundPending)
    }

    const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Unconfirmed
                | Self::WithoutCard
                | Self::RequiresAction
                | Self::Declined
                | Self::DeclinedForGood
        )
    }

    /// The intent after a confirm without a card: only the first one has an effect.
    pub(super) fn confirmed(self, answers: &[Self]) -> Vec<Self> {
        if self == Self::Unconfirmed { answers.to_vec() } else { vec![self] }
    }

    /// The intent after a confirm with another card.
    pub(super) fn confirmed_with_card(self, answers: &[Self]) -> Vec<Self> {
        if self.is_open() { answers.to_vec() } else { vec![self] }
    }

    /// The intent after a cancel.
    pub(super) const fn cancelled(self) -> Self {
        if self.is_open() { Self::Canceled } else { self }
    }

    /// The intent after a refund, which may take days.
    pub(super) fn refunded(self) -> Vec<Self> {
        match self {
            Self::Succeeded => vec![Self::Refunded, Self::RefundPending],
            other => vec![other],
        }
    }

    /// What may become of it by itself.
    pub(super) const fn by_itself(self) -> &'static [Self] {
        match self {
            Self::Processing => &[Self::Succeeded, Self::Declined],
            Self::RefundPending => &[Self::Refunded],
            _ => &[],
        }
    }

    /// What the buyer's browser may make of it, once it has what the provider's library needs.
    pub(super) const fn by_buyer(self) -> &'static [Self] {
        match self {
            Self::RequiresAction => &[Self::Succeeded, Self::Processing, Self::Declined],
            Self::Declined | Self::DeclinedForGood => &[Self::Succeeded],
            _ => &[],
        }
    }

    /// What the provider reports about it.
    pub(super) fn confirmation(self) -> Confirmation {
        match self {
            Self::Succeeded | Self::RefundPending | Self::Refunded => Confirmation::Succeeded,
            Self::Declined => Confirmation::Declined(soft_decline()),
            Self::DeclinedForGood => Confirmation::Declined(hard_decline()),
            Self::RequiresAction => Confirmation::RequiresAction(NextAction::Authenticate {
                redirect_url: None,
                client_secret: None,
            }),
            Self::Unconfirmed | Self::WithoutCard | Self::Processing | Self::Canceled => {
                Confirmation::Unexpected { status: self.status() }
            }
        }
    }

    pub(super) const fn status(self) -> Status {
        match self {
            Self::Unconfirmed => Status::RequiresConfirmation,
            Self::RequiresAction => Status::RequiresAction,
            Self::Processing => Status::Processing,
            Self::WithoutCard | Self::Declined | Self::DeclinedForGood => {
                Status::RequiresPaymentMethod
            }
            Self::Succeeded | Self::RefundPending | Self::Refunded => Status::Succeeded,
            Self::Canceled => Status::Canceled,
        }
    }

    /// What has become of the refund.
    pub(super) const fn refund_status(self) -> RefundStatus {
        match self {
            Self::RefundPending => RefundStatus::Pending,
            Self::Refunded => RefundStatus::Succeeded,
            _ => RefundStatus::Failed,
        }
    }
}
