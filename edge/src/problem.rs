//! What can be wrong with a request, as RFC 9457 tells it: the only place that maps faults to
//! status codes.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};
use orders::{FieldError, InvalidOrder, Status};
use serde::Serialize;

use crate::limits::{BODY_BYTES_MAX, BODY_PATIENCE, SKUS_MAX};
use crate::response::{Answer, with_body};

/// Why a request is not answered as it asks.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The path names nothing.
    NoSuchPath,
    /// The path names something else than the method asks for.
    WrongMethod {
        allowed: &'static str,
    },
    /// The body is not said to be JSON.
    WrongMediaType,
    /// There is no `Idempotency-Key`, or more than one, or it cannot be one.
    KeyMissing,
    KeyTwice,
    KeyInvalid,
    /// The body is too large, or did not come, or broke off.
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    /// The body is no order.
    NotJson(String),
    NotAnOrder(Vec<FieldError>),
    /// Another order stands under the same key.
    KeyReused,
    /// More is in hand than may be.
    Overloaded,
    /// The stream is nearly full.
    StreamFull,
    /// Inventory is far behind.
    BacklogTooOld,
    /// A broker acknowledges what it has not synced.
    NotDurable,
    /// No broker acknowledged it in time.
    Unacknowledged,
    /// No edge made this id.
    NoSuchOrder,
    /// The order can no longer be cancelled.
    TooLate(Status),
    /// The question about stock is none.
    StockQuery(&'static str),
    /// The catalogue has no such SKU.
    NoSuchSku(String),
    /// Nobody could say what is in stock.
    StockUnavailable,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// The answer that tells it.
    pub(crate) fn answer(&self) -> Answer {
        let (status, kind, title) = self.kind();
        let document = Document {
            r#type: kind,
            title,
            status: status.as_u16(),
            detail: &self.detail(),
            errors: if let Self::NotAnOrder(faults) = self { faults } else { &[] },
        };
        let body = serde_json::to_vec(&document).expect("a problem has text keys");
        let mut answer = with_body(status, "application/problem+json", body);
        if let Self::WrongMethod { allowed } = self {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }

    const fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::NoSuchPath => (S::NOT_FOUND, "/problems/no-such-path", "No such path"),
            Self::WrongMethod { .. } => {
                (S::METHOD_NOT_ALLOWED, "/problems/wrong-method", "Wrong method")
            }
            Self::WrongMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "/problems/wrong-media-type", "Wrong media type")
            }
            Self::KeyMissing => (
                S::BAD_REQUEST,
                "/problems/idempotency-key-missing",
                "The idempotency key is missing",
            ),
            Self::KeyTwice | Self::KeyInvalid => {
                (S::BAD_REQUEST, "/problems/idempotency-key-invalid", "The idempotency key is none")
            }
            Self::BodyTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "/problems/body-too-large", "The body is too large")
            }
            Self::BodyTooSlow => {
                (S::REQUEST_TIMEOUT, "/problems/body-too-slow", "The body came too slowly")
            }
            Self::BodyBroken => {
                (S::BAD_REQUEST, "/problems/body-broken", "The body cannot be read")
            }
            Self::NotJson(_) => (S::BAD_REQUEST, "/problems/not-json", "The body is not JSON"),
            Self::NotAnOrder(_) => {
                (S::UNPROCESSABLE_ENTITY, "/problems/not-an-order", "The body is not an order")
            }
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "/problems/idempotency-key-reused",
                "Another order stands under this key",
            ),
            Self::Overloaded => {
                (S::SERVICE_UNAVAILABLE, "/problems/crowded", "Too much is in hand")
            }
            Self::StreamFull => {
                (S::SERVICE_UNAVAILABLE, "/problems/stream-full", "No room for new orders")
            }
            Self::BacklogTooOld => {
                (S::SERVICE_UNAVAILABLE, "/problems/far-behind", "Too many orders wait")
            }
            Self::NotDurable => {
                (S::SERVICE_UNAVAILABLE, "/problems/not-durable", "Orders would not be durable")
            }
            Self::Unacknowledged => (
                S::SERVICE_UNAVAILABLE,
                "/problems/unacknowledged",
                "It was not acknowledged in time",
            ),
            Self::NoSuchOrder => (S::NOT_FOUND, "/problems/no-such-order", "No such order"),
            Self::TooLate(_) => (S::CONFLICT, "/problems/too-late", "It is too late to cancel"),
            Self::StockQuery(_) => (S::BAD_REQUEST, "/problems/stock-query", "No stock query"),
            Self::NoSuchSku(_) => (S::NOT_FOUND, "/problems/no-such-sku", "No such SKU"),
            Self::StockUnavailable => {
                (S::SERVICE_UNAVAILABLE, "/problems/stock-unavailable", "Stock is not known now")
            }
        }
    }

    /// The value's fault, and the remedy.
    fn detail(&self) -> Cow<'static, str> {
        let text = match self {
            Self::NoSuchPath => "Nothing is here; orders are at /v1/orders, stock at /v1/stock.",
            Self::WrongMethod { allowed } => {
                return format!("Use one of the methods that this path has: {allowed}.").into();
            }
            Self::WrongMediaType => "Send the order as Content-Type: application/json.",
            Self::KeyMissing => {
                "Send an Idempotency-Key of 1 to 255 visible ASCII characters, one for each order."
            }
            Self::KeyTwice => "The Idempotency-Key stands twice; send it once.",
            Self::KeyInvalid => "An Idempotency-Key has 1 to 255 visible ASCII characters.",
            Self::BodyTooLarge => {
                return format!("Send at most {BODY_BYTES_MAX} bytes.").into();
            }
            Self::BodyTooSlow => {
                let seconds = BODY_PATIENCE.as_secs();
                return format!("Send the whole body within {seconds} seconds.").into();
            }
            Self::BodyBroken => "The body broke off; send it again under the same key.",
            Self::NotJson(what) => {
                return format!("{what}. Send JSON (RFC 8259) in UTF-8.").into();
            }
            Self::NotAnOrder(_) => "Set right what `errors` lists and send it again.",
            Self::KeyReused => {
                "This Idempotency-Key was used for an order with another content; \
                 repeat that one, or use a new key."
            }
            Self::Overloaded => {
                "Nothing was taken in; repeat the request, with the same key, in a second."
            }
            Self::StreamFull => "Nothing was taken in: the orders that are in come first.",
            Self::BacklogTooOld => {
                "Nothing was taken in: orders have waited too long for inventory."
            }
            Self::NotDurable => "Nothing was taken in: not every broker syncs what it writes.",
            Self::Unacknowledged => {
                "It is unknown whether it was taken in; repeat the request, with the same key."
            }
            Self::NoSuchOrder => "Use the id that the answer to the order gave.",
            Self::TooLate(status) => {
                return format!("The order is {status}; nothing of it can be cancelled.").into();
            }
            Self::StockQuery(what) => {
                return format!("{what}; ask for 1 to {SKUS_MAX} SKUs: ?sku=A&sku=B.").into();
            }
            Self::NoSuchSku(sku) => {
                return format!("The catalogue has no SKU {sku:?}; check how it is written.")
                    .into();
            }
            Self::StockUnavailable => "Nobody could answer; ask again in a second.",
        };
        text.into()
    }
}

impl From<InvalidOrder> for Problem {
    fn from(unacceptable: InvalidOrder) -> Self {
        match unacceptable {
            InvalidOrder::NotJson(what) => Self::NotJson(what),
            InvalidOrder::FieldErrors(faults) => Self::NotAnOrder(faults),
        }
    }
}
