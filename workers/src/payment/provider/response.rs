//! The provider's responses: the fields that we read, and their classification.

use hyper::StatusCode;
use hyper::body::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::CallError;

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

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refund {
    /// The provider's id.
    pub id: String,
    /// Amount in minor units of the intent's currency.
    pub amount: i64,
    /// The id of the intent that was refunded.
    pub payment_intent: String,
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
    Declined {
        /// Stripe's `decline_code`, or its `code` if it has no `decline_code`.
        code: String,
    },
    /// Neither: the intent was cancelled, or requires a step that we do not support.
    Unexpected {
        /// The intent's status.
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

/// A complete response that is not a failure of the provider: a success, or Stripe's error object
/// for a rejected request.
pub(super) enum Response {
    Success(StatusCode, Bytes),
    Error(StatusCode, Box<ErrorObject>),
}

#[derive(Deserialize)]
pub(super) struct ErrorObject {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    #[serde(default)]
    message: String,
    payment_intent: Option<Intent>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Box<ErrorObject>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct PaymentError {
    code: Option<String>,
    decline_code: Option<String>,
}

impl Response {
    /// Classifies a response by its status.
    pub(super) fn new(status: StatusCode, body: Bytes) -> Result<Response, CallError> {
        match status.as_u16() {
            200..300 => Ok(Response::Success(status, body)),
            401 | 403 => Err(CallError::Denied { status: status.as_u16() }),
            409 | 429 => Err(CallError::Busy { status: status.as_u16() }),
            400..500 => Ok(Response::Error(status, parse::<ErrorBody>(status, &body)?.error)),
            _ => Err(CallError::Server { status: status.as_u16() }),
        }
    }

    /// The requested object.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, CallError> {
        match self {
            Response::Success(status, body) => parse(status, &body),
            Response::Error(status, error) => Err(error.into_call_error(status)),
        }
    }

    /// The intent after the requested change, or as it is if its state does not allow the change.
    pub(super) fn intent(self) -> Result<Intent, CallError> {
        match self {
            Response::Success(status, body) => parse(status, &body),
            Response::Error(status, mut error) => {
                error.payment_intent.take().ok_or_else(|| error.into_call_error(status))
            }
        }
    }

    /// Checks that the money is refunded, now or earlier.
    pub(super) fn refunded(self) -> Result<(), CallError> {
        match self {
            Response::Error(_, error)
                if error.code.as_deref() == Some("charge_already_refunded") =>
            {
                Ok(())
            }
            response => response.read::<Refund>().map(|_| ()),
        }
    }
}

impl ErrorObject {
    fn into_call_error(self, status: StatusCode) -> CallError {
        let code = self.code.unwrap_or(self.kind);
        CallError::Refused { status: status.as_u16(), code, message: self.message }
    }
}

fn parse<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|_| CallError::Server { status: status.as_u16() })
}
