//! The provider's answers: what we read of them, and what they mean.

use hyper::StatusCode;
use hyper::body::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::CallError;

/// A `PaymentIntent`, as far as we need it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Intent {
    /// The provider's name for it.
    pub id: String,
    /// In minor units of the currency.
    pub amount: i64,
    /// What was captured, in minor units.
    pub amount_received: i64,
    /// Three lower-case letters.
    pub currency: String,
    /// What has become of it.
    pub status: Status,
    /// What the order had put on it.
    #[serde(default)]
    pub metadata: Metadata,
    last_payment_error: Option<PaymentError>,
}

/// What an intent remembers for us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// The order that it is to pay.
    pub order_id: Option<String>,
}

/// The states of a `PaymentIntent`, by Stripe's names.
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
    /// One that Stripe has invented since.
    #[serde(other)]
    Unknown,
}

/// Money that was given back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refund {
    /// The provider's name for it.
    pub id: String,
    /// In minor units of the intent's currency.
    pub amount: i64,
    /// The intent whose money it was.
    pub payment_intent: String,
}

/// A part of a list, newest first.
#[derive(Clone, Debug, Deserialize)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Whether older entries follow.
    pub has_more: bool,
}

/// How a confirm ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The money is captured, now or before.
    Succeeded,
    /// The bank said no, now or before.
    Declined {
        /// Stripe's `decline_code`, or its `code` where there is none.
        code: String,
    },
    /// Neither: the intent was cancelled, or waits for something that we do not offer.
    Unexpected {
        /// What the intent is in.
        status: Status,
    },
}

impl From<Intent> for Confirmation {
    fn from(intent: Intent) -> Self {
        match (intent.status, intent.last_payment_error) {
            (Status::Succeeded, _) => Confirmation::Succeeded,
            (Status::RequiresPaymentMethod, Some(error)) => Confirmation::Declined {
                code: error.decline_code.or(error.code).unwrap_or_default(),
            },
            (status, _) => Confirmation::Unexpected { status },
        }
    }
}

/// An answer that came whole and is no failure of the provider: a success, or Stripe's reason for
/// saying no.
pub(super) enum Answer {
    Success(StatusCode, Bytes),
    Error(StatusCode, Box<Reason>),
}

#[derive(Deserialize)]
pub(super) struct Reason {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    #[serde(default)]
    message: String,
    payment_intent: Option<Intent>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Box<Reason>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct PaymentError {
    code: Option<String>,
    decline_code: Option<String>,
}

impl Answer {
    /// Sorts an answer by its status.
    pub(super) fn new(status: StatusCode, body: Bytes) -> Result<Answer, CallError> {
        match status.as_u16() {
            200..300 => Ok(Answer::Success(status, body)),
            401 | 403 => Err(CallError::Denied { status: status.as_u16() }),
            409 | 429 => Err(CallError::Busy { status: status.as_u16() }),
            400..500 => Ok(Answer::Error(status, parse::<ErrorBody>(status, &body)?.error)),
            _ => Err(CallError::Server { status: status.as_u16() }),
        }
    }

    /// The object that was asked for.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, CallError> {
        match self {
            Answer::Success(status, body) => parse(status, &body),
            Answer::Error(status, reason) => Err(reason.refused(status)),
        }
    }

    /// The intent that was to change, or that could not be changed because of its state.
    pub(super) fn intent(self) -> Result<Intent, CallError> {
        match self {
            Answer::Success(status, body) => parse(status, &body),
            Answer::Error(status, mut reason) => {
                reason.payment_intent.take().ok_or_else(|| reason.refused(status))
            }
        }
    }

    /// Whether the money is given back, now or before.
    pub(super) fn refunded(self) -> Result<(), CallError> {
        match self {
            Answer::Error(_, reason)
                if reason.code.as_deref() == Some("charge_already_refunded") =>
            {
                Ok(())
            }
            answer => answer.read::<Refund>().map(|_| ()),
        }
    }
}

impl Reason {
    fn refused(self, status: StatusCode) -> CallError {
        let code = self.code.unwrap_or(self.kind);
        CallError::Refused { status: status.as_u16(), code, message: self.message }
    }
}

fn parse<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|_| CallError::Server { status: status.as_u16() })
}
