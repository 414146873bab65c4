//! What each problem says to the client.

use std::borrow::Cow;

use super::Problem;
use crate::limits::{
    BODY_BYTES_MAX, BODY_TIMEOUT, HEAD_BYTES_MAX, LISTED_MAX, PARAMETER_CHARS_MAX, SKUS_MAX,
};

impl Problem {
    /// What is wrong with this request, and what the client can do.
    #[expect(clippy::too_many_lines, reason = "a table with one entry for each problem")]
    pub(super) fn detail(&self) -> Cow<'static, str> {
        let text = match self {
            Self::MalformedPath => {
                "Encode each byte of UTF-8 in the path as % and two hexadecimal digits (RFC 3986)."
            }
            Self::NotFound => {
                "No resource has this path; orders are at /v1/orders, stock is at /v1/stock."
            }
            Self::MethodNotAllowed { allowed } => {
                return format!("Use one of the methods that this path allows: {allowed}.").into();
            }
            Self::InvalidHost => {
                "A request of HTTP/1.1 has one Host header (RFC 9112, section 3.2)."
            }
            Self::HeadTooLarge => {
                return format!("Send at most {HEAD_BYTES_MAX} bytes of target and headers.")
                    .into();
            }
            Self::UnknownParameter(name) => {
                let name: String = name.chars().take(PARAMETER_CHARS_MAX).collect();
                return format!(
                    "This resource takes no query parameters, and was not changed; leave out {name:?}."
                )
                .into();
            }
            Self::UnsupportedContentEncoding => "Send the body as it is, without Content-Encoding.",
            Self::UnsupportedTransferCoding => {
                "Send the body with Content-Length, or with Transfer-Encoding: chunked alone."
            }
            Self::UnsupportedMediaType { expected } => {
                return format!("Send the order as Content-Type: {expected}.").into();
            }
            Self::KeyMissing => {
                "Send an Idempotency-Key of 1 to 255 visible ASCII characters, one for each order."
            }
            Self::KeyDuplicated => "Duplicate Idempotency-Key header; send it once.",
            Self::KeyInvalid => "An Idempotency-Key has 1 to 255 visible ASCII characters.",
            Self::HeaderMissing => {
                "Send Content-Type: application/json or any Idempotency-Key: a web page of another \
                 site can send neither unasked."
            }
            Self::BodyTooLarge => {
                return format!("Send at most {BODY_BYTES_MAX} bytes.").into();
            }
            Self::BodyTimeout => {
                let seconds = BODY_TIMEOUT.as_secs();
                return format!("Send the whole body within {seconds} seconds.").into();
            }
            Self::BodyTruncated => "The request body ended early; send it again with the same key.",
            Self::InvalidJson(reason) => {
                return format!("{reason}. Send JSON (RFC 8259) in UTF-8.").into();
            }
            Self::InvalidPayment(_) => {
                "Send {\"token\": …} to pay with another payment method, or {} after the buyer has \
                 authenticated the payment."
            }
            Self::NoPaymentRequired(status) => {
                return format!(
                    "The order is {status}; only one that requires_action can be paid."
                )
                .into();
            }
            Self::InvalidSignature => {
                "The Stripe-Signature must be made with a secret of this edge, within five minutes."
            }
            Self::InvalidOrder(_) => "Correct the fields listed in `errors` and send it again.",
            Self::KeyReused => {
                "A different order is processed under this Idempotency-Key, and this one is not; \
                 repeat that order, or use a new key."
            }
            Self::Overloaded => {
                "The request was not accepted; retry with the same key in a second."
            }
            Self::StreamFull => {
                "The request was not accepted: the stream has no room for new orders until stored \
                 ones are processed."
            }
            Self::BacklogTooOld => {
                "The request was not accepted: the oldest order has waited too long for inventory."
            }
            Self::IntakePaused => {
                "The request was not accepted: the shop accepts no new orders for now; retry later with the same key."
            }
            Self::NotDurable => {
                "The request was not accepted: the brokers would not keep it as durably as promised."
            }
            Self::AckTimeout => {
                "It is unknown whether the request was stored; retry with the same key."
            }
            Self::Unauthenticated(fault) => fault.detail(),
            Self::IdentityUnavailable => {
                "The keys of the issuer of tokens cannot be read; retry in a second."
            }
            Self::InvalidCaller => {
                "On-Behalf-Of is sent once, with 1 to 255 visible ASCII characters, and not `public`."
            }
            Self::ScopeMissing(scope) => {
                return format!("This takes a token with the scope {}.", scope.as_str()).into();
            }
            Self::QuotaExceeded(verdict) => {
                let (name, quota) = (verdict.policy_name(), verdict.quota());
                return format!(
                    "Each {name} may make {quota} requests a second; retry after Retry-After."
                )
                .into();
            }
            Self::NoSuchOrder => "Use the id from the response to the order.",
            Self::NotCancellable(status) => {
                return format!("The order is {status} and can no longer be cancelled.").into();
            }
            Self::InvalidListing(reason) => {
                return format!(
                    "{reason}; there are reference, status, created_after, limit (1 to {LISTED_MAX}) and cursor, each \
                     once, or idempotency_key alone."
                )
                .into();
            }
            Self::CallerRequired => {
                "Callers are not authenticated here, so no order is one's own; get each by its id."
            }
            Self::InvalidStockQuery(reason) => {
                return format!("{reason}; request 1 to {SKUS_MAX} SKUs: ?sku=A&sku=B.").into();
            }
            Self::NoSuchSku(sku) => {
                return format!("The catalogue has no SKU {sku:?}; check its spelling.").into();
            }
            Self::InvalidFields => {
                "The one value of `fields` is `status`; leave it out for the whole order."
            }
            Self::InvalidAfter => {
                "The value of `after` is the status that is known, such as `reserved`."
            }
            Self::TooManyFollowers => {
                "Too many clients follow orders at this edge; retry in a second, or get the status without waiting."
            }
            Self::StatusUnavailable => {
                "The order is stored, but its status cannot be read now: no worker answered in \
                 time; retry in a second."
            }
            Self::ListingUnavailable | Self::StockUnavailable => {
                "No worker answered in time; retry in a second."
            }
        };
        text.into()
    }
}
