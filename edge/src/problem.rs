//! Error responses as RFC 9457 problem documents: the only place that maps errors to status codes.

mod detail;
mod explanation;

use hyper::StatusCode;
use hyper::header::{ACCEPT_ENCODING, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use orders::{FieldError, InvalidOrder, Status};
use serde::Serialize;
use strum::{EnumDiscriminants, VariantArray};

use crate::identity::{Scope, TokenFault};
use crate::limits::RETRY_AFTER_SECONDS;
use crate::quota::Verdict;
use crate::request_id::RequestId;
use crate::response::{HttpResponse, allow, with_body};

/// Why a request fails. Several may have one type: a [`ProblemKind`] is what the table below has an entry for.
#[derive(Debug, EnumDiscriminants)]
#[strum_discriminants(name(ProblemKind), vis(pub(crate)), derive(VariantArray))]
pub(crate) enum Problem {
    /// The path is not encoded as a URI is.
    MalformedPath,
    /// No resource has this path.
    NotFound,
    /// The resource does not support the method.
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allowed: String,
    },
    /// A request of HTTP/1.1 has no `Host` or several.
    InvalidHost,
    /// The target and the headers are too large.
    HeadTooLarge,
    /// A resource that takes no parameters got this one.
    UnknownParameter(String),
    /// The body is compressed, or has a transfer coding besides chunked.
    UnsupportedContentEncoding,
    UnsupportedTransferCoding,
    /// The content type is not the expected one.
    UnsupportedMediaType {
        expected: &'static str,
    },
    /// The `Idempotency-Key` header is missing, sent more than once, or invalid.
    KeyMissing,
    KeyDuplicated,
    KeyInvalid,
    /// The request has no header that keeps web pages from sending it unasked.
    HeaderMissing,
    /// The body is too large, takes too long to arrive, or ends early.
    BodyTooLarge,
    BodyTimeout,
    BodyTruncated,
    /// The body is not an order.
    InvalidJson(String),
    InvalidOrder(Vec<FieldError>),
    /// The body does not continue a payment.
    InvalidPayment(Vec<FieldError>),
    /// The order has a status in which it waits for nothing from its buyer.
    NoPaymentRequired(Status),
    /// The query string of a request for an order names fields that there are not.
    InvalidFields,
    /// No worker answered the status lookup.
    StatusUnavailable,
    /// A webhook is not signed by the payment provider, or too long ago.
    InvalidSignature,
    /// The order's row has another body under the same key.
    KeyReused,
    /// A queue or the memory budget is full.
    Overloaded,
    /// As many clients follow orders as this edge has room for.
    TooManyFollowers,
    /// The query string names a status after which changes are asked for, which is none.
    InvalidAfter,
    /// The stream of orders is nearly full.
    StreamFull,
    /// The oldest order has waited too long for inventory.
    BacklogTooOld,
    /// An operator has paused the intake.
    IntakePaused,
    /// A broker acknowledges messages before it has fsynced them, or a stream would not keep them.
    NotDurable,
    /// No broker acknowledged the request in time.
    AckTimeout,
    /// The request has no caller.
    Unauthenticated(TokenFault),
    /// The keys of the issuer of tokens were not read yet.
    IdentityUnavailable,
    /// The caller for whom the request is made is not the name of one.
    InvalidCaller,
    /// The token of the caller does not permit the request.
    ScopeMissing(Scope),
    /// The caller, or the address, has made more requests than it may.
    QuotaExceeded(Verdict),
    /// No edge has issued this order id to the caller.
    NoSuchOrder,
    /// The order has a status in which it can no longer be cancelled.
    NotCancellable(Status),
    /// The query string of a listing is invalid, for this reason.
    InvalidListing(&'static str),
    /// The caller is everyone, and has no orders of their own.
    CallerRequired,
    /// No worker answered what orders there are.
    ListingUnavailable,
    /// The query string of a stock request is invalid, for this reason.
    InvalidStockQuery(&'static str),
    /// The catalogue does not have this SKU.
    NoSuchSku(String),
    /// No worker replied to the stock lookup.
    StockUnavailable,
}

#[derive(Serialize)]
struct ProblemDocument<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated_policies: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
struct NumberedProblem<'a> {
    line: u64,
    #[serde(flatten)]
    document: ProblemDocument<'a>,
}

impl Problem {
    /// The problem document, with the headers that belong to its status.
    pub(crate) fn to_response(&self, id: &RequestId) -> HttpResponse {
        let status = self.status();
        let id = Some(id.as_str());
        let body = self.with_document(id, |document| serde_json::to_vec(&document));
        let mut response = with_body(status, "application/problem+json", body);
        let headers = response.headers_mut();
        match self {
            Self::MethodNotAllowed { allowed } => allow(headers, allowed),
            Self::UnsupportedContentEncoding => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            Self::Unauthenticated(fault) => {
                headers.insert(WWW_AUTHENTICATE, fault.challenge());
            }
            Self::ScopeMissing(scope) => {
                headers.insert(WWW_AUTHENTICATE, scope.challenge());
            }
            Self::CallerRequired => {
                headers.insert(WWW_AUTHENTICATE, TokenFault::Missing.challenge());
            }
            Self::QuotaExceeded(verdict) => verdict.add_to(headers),
            _ => {}
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }

    /// The status code of its response.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind().entry().0
    }

    pub(crate) fn type_uri(&self) -> &'static str {
        self.kind().entry().1
    }

    /// The problem document as the answer to one line of a request.
    pub(crate) fn to_line(&self, line: u64) -> Vec<u8> {
        self.with_document(None, |document| serde_json::to_vec(&NumberedProblem { line, document }))
    }

    /// The state of an edge that refuses all new orders for this reason, as operators see it.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::IntakePaused => "paused",
            other => other.kind().name(),
        }
    }

    fn with_document(
        &self,
        request_id: Option<&str>,
        write: impl FnOnce(ProblemDocument<'_>) -> serde_json::Result<Vec<u8>>,
    ) -> Vec<u8> {
        let (status, type_uri, title) = self.kind().entry();
        let document = ProblemDocument {
            r#type: type_uri,
            title,
            status: status.as_u16(),
            detail: &self.detail(),
            request_id,
            errors: match self {
                Self::InvalidOrder(errors) | Self::InvalidPayment(errors) => errors,
                _ => &[],
            },
            violated_policies: match self {
                Self::QuotaExceeded(verdict) => Some([verdict.policy_name()]),
                _ => None,
            },
        };
        write(document).expect("a problem document has string keys")
    }

    fn kind(&self) -> ProblemKind {
        self.into()
    }
}

impl ProblemKind {
    /// Each kind.
    pub(crate) const ALL: &'static [Self] = Self::VARIANTS;

    /// The name of its type: what follows `/problems/` in the URI.
    pub(crate) const fn name(self) -> &'static str {
        let uri = self.entry().1;
        uri.split_at("/problems/".len()).1
    }

    /// The kind whose type has this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The status code, the type URI and the title.
    #[expect(clippy::too_many_lines, reason = "a table with one entry for each problem")]
    pub(crate) const fn entry(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedPath => (S::BAD_REQUEST, "/problems/malformed-path", "Malformed path"),
            Self::NotFound => (S::NOT_FOUND, "/problems/not-found", "Not found"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "/problems/method-not-allowed", "Method not allowed")
            }
            Self::InvalidHost => (S::BAD_REQUEST, "/problems/invalid-host", "Invalid host"),
            Self::HeadTooLarge => (
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "/problems/headers-too-large",
                "Request headers too large",
            ),
            Self::UnknownParameter => {
                (S::BAD_REQUEST, "/problems/unknown-parameter", "Unknown query parameter")
            }
            Self::UnsupportedContentEncoding => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "/problems/unsupported-content-encoding",
                "Unsupported content encoding",
            ),
            Self::UnsupportedTransferCoding => (
                S::NOT_IMPLEMENTED,
                "/problems/unsupported-transfer-coding",
                "Unsupported transfer coding",
            ),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "/problems/wrong-media-type", "Unsupported media type")
            }
            Self::KeyMissing => {
                (S::BAD_REQUEST, "/problems/idempotency-key-missing", "Missing idempotency key")
            }
            Self::KeyDuplicated | Self::KeyInvalid => {
                (S::BAD_REQUEST, "/problems/idempotency-key-invalid", "Invalid idempotency key")
            }
            Self::HeaderMissing => (S::BAD_REQUEST, "/problems/header-missing", "Missing header"),
            Self::BodyTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "/problems/body-too-large", "Request body too large")
            }
            Self::BodyTimeout => {
                (S::REQUEST_TIMEOUT, "/problems/body-too-slow", "Request body timed out")
            }
            Self::BodyTruncated => {
                (S::BAD_REQUEST, "/problems/body-broken", "Request body truncated")
            }
            Self::InvalidJson => (S::BAD_REQUEST, "/problems/not-json", "Invalid JSON"),
            Self::InvalidOrder => {
                (S::UNPROCESSABLE_ENTITY, "/problems/not-an-order", "Invalid order")
            }
            Self::InvalidPayment => {
                (S::UNPROCESSABLE_ENTITY, "/problems/invalid-payment", "Invalid payment")
            }
            Self::NoPaymentRequired => {
                (S::CONFLICT, "/problems/no-payment-required", "No payment required")
            }
            Self::InvalidFields => (S::BAD_REQUEST, "/problems/invalid-fields", "Invalid fields"),
            Self::InvalidAfter => (S::BAD_REQUEST, "/problems/invalid-after", "Invalid status"),
            Self::StatusUnavailable => {
                (S::SERVICE_UNAVAILABLE, "/problems/status-unavailable", "Status unavailable")
            }
            Self::InvalidSignature => {
                (S::BAD_REQUEST, "/problems/invalid-signature", "Invalid webhook signature")
            }
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "/problems/idempotency-key-reused",
                "Idempotency key reused",
            ),
            Self::Overloaded | Self::TooManyFollowers => {
                (S::SERVICE_UNAVAILABLE, "/problems/overloaded", "Overloaded")
            }
            Self::StreamFull => {
                (S::SERVICE_UNAVAILABLE, "/problems/stream-full", "Order stream full")
            }
            Self::BacklogTooOld => {
                (S::SERVICE_UNAVAILABLE, "/problems/backlog", "Order backlog too old")
            }
            Self::IntakePaused => {
                (S::SERVICE_UNAVAILABLE, "/problems/intake-paused", "Intake paused")
            }
            Self::NotDurable => {
                (S::SERVICE_UNAVAILABLE, "/problems/not-durable", "Durability not guaranteed")
            }
            Self::AckTimeout => (
                S::SERVICE_UNAVAILABLE,
                "/problems/ack-timeout",
                "Broker acknowledgement timed out",
            ),
            Self::Unauthenticated => {
                (S::UNAUTHORIZED, "/problems/unauthenticated", "Unauthenticated")
            }
            Self::IdentityUnavailable => {
                (S::SERVICE_UNAVAILABLE, "/problems/identity-unavailable", "Identity unavailable")
            }
            Self::InvalidCaller => (S::BAD_REQUEST, "/problems/invalid-caller", "Invalid caller"),
            Self::ScopeMissing => (S::FORBIDDEN, "/problems/scope-missing", "Scope missing"),
            Self::QuotaExceeded => {
                (S::TOO_MANY_REQUESTS, "/problems/quota-exceeded", "Quota exceeded")
            }
            Self::NoSuchOrder => (S::NOT_FOUND, "/problems/no-such-order", "Order not found"),
            Self::NotCancellable => {
                (S::CONFLICT, "/problems/not-cancellable", "Order not cancellable")
            }
            Self::InvalidListing => {
                (S::BAD_REQUEST, "/problems/invalid-listing", "Invalid listing")
            }
            Self::CallerRequired => (S::FORBIDDEN, "/problems/caller-required", "Caller required"),
            Self::ListingUnavailable => {
                (S::SERVICE_UNAVAILABLE, "/problems/listing-unavailable", "Listing unavailable")
            }
            Self::InvalidStockQuery => {
                (S::BAD_REQUEST, "/problems/invalid-stock-query", "Invalid stock query")
            }
            Self::NoSuchSku => (S::NOT_FOUND, "/problems/no-such-sku", "SKU not found"),
            Self::StockUnavailable => {
                (S::SERVICE_UNAVAILABLE, "/problems/stock-unavailable", "Stock unavailable")
            }
        }
    }
}

impl Problem {
    /// The problem of a body that does not continue a payment.
    pub(crate) fn invalid_payment(invalid: InvalidOrder) -> Self {
        match invalid {
            InvalidOrder::NotJson(reason) => Self::InvalidJson(reason),
            InvalidOrder::FieldErrors(errors) => Self::InvalidPayment(errors),
        }
    }
}

impl From<TokenFault> for Problem {
    fn from(fault: TokenFault) -> Self {
        Self::Unauthenticated(fault)
    }
}

impl From<InvalidOrder> for Problem {
    fn from(invalid: InvalidOrder) -> Self {
        match invalid {
            InvalidOrder::NotJson(reason) => Self::InvalidJson(reason),
            InvalidOrder::FieldErrors(errors) => Self::InvalidOrder(errors),
        }
    }
}
