//! The provider's objects: the fields that we read.

use orders::{BuyerSecret, NextAction};
use serde::Deserialize;

use super::decline::Decline;

/// The fields of a `PaymentIntent` that we need.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Intent {
    /// The provider's id.
    pub id: String,
    /// Amount in minor units of the currency.
    pub amount: i64,
    /// Amount captured, in minor units.
    pub amount_received: i64,
    /// ISO 4217 code, three lower-case letters.
    pub currency: String,
    /// The current status.
    pub status: Status,
    /// The metadata that was set when the intent was created.
    #[serde(default)]
    pub metadata: Metadata,
    last_payment_error: Option<PaymentError>,
    /// What the buyer's browser has to do, in the provider's own form.
    next_action: Option<ProviderAction>,
    client_secret: Option<BuyerSecret>,
}

/// The metadata of an intent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// The id of the order that the intent pays for.
    pub order_id: Option<String>,
}

/// The status of a `PaymentIntent`, by Stripe's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are Stripe's and documented there")]
pub enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Processing,
    Succeeded,
    Canceled,
    /// A status that this client does not know.
    #[serde(other)]
    Unknown,
}

/// The status of a refund, by Stripe's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are Stripe's and documented there")]
pub enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
    /// A status that this client does not know.
    #[serde(other)]
    Unknown,
}

impl RefundStatus {
    /// Whether the money is returned, or still may be.
    pub const fn may_return_money(self) -> bool {
        !matches!(self, Self::Failed | Self::Canceled)
    }
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refund {
    /// The provider's id.
    pub id: String,
    /// Amount in minor units of the intent's currency.
    pub amount: i64,
    /// The id of the intent that was refunded.
    pub payment_intent: String,
    /// The current status.
    pub status: RefundStatus,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct ProviderAction {
    redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct RedirectToUrl {
    url: Option<BuyerSecret>,
}

/// A page of a list, newest first.
#[derive(Clone, Debug, Deserialize)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Whether older entries follow.
    pub has_more: bool,
}

/// The result of a confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The money is captured, now or earlier.
    Succeeded,
    /// The bank declined, now or earlier.
    Declined(Decline),
    /// The buyer has to act.
    RequiresAction(NextAction),
    /// None of these: the intent was cancelled, or is being processed.
    Unexpected {
        /// The intent's status.
        status: Status,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct PaymentError {
    code: Option<String>,
    decline_code: Option<String>,
}

impl From<Intent> for Confirmation {
    fn from(intent: Intent) -> Self {
        match (intent.status, intent.last_payment_error) {
            (Status::Succeeded, _) => Confirmation::Succeeded,
            (Status::RequiresPaymentMethod, Some(error)) => {
                let code = error.decline_code.or(error.code).unwrap_or_default();
                Confirmation::Declined(Decline::of_method(code))
            }
            (Status::RequiresAction, _) => Confirmation::RequiresAction(NextAction::Authenticate {
                redirect_url: intent.next_action.and_then(|action| action.redirect_to_url?.url),
                client_secret: intent.client_secret,
            }),
            (status, _) => Confirmation::Unexpected { status },
        }
    }
}
