//! Error responses in Stripe's format.

use std::fmt::Display;
use std::num::NonZeroU16;

use hyper::StatusCode;
use serde::Serialize;

use super::model::IntentSnapshot;
use super::test_cards::Decline;

/// An error response: the HTTP status, and the member `error` of the body.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ApiError {
    #[serde(skip)]
    pub(super) status: StatusCode,
    #[serde(rename = "type")]
    kind: &'static str,
    code: Option<&'static str>,
    decline_code: Option<&'static str>,
    message: String,
    param: Option<String>,
    payment_intent: Option<IntentSnapshot>,
    /// The header `Retry-After`, in seconds.
    #[serde(skip)]
    pub(super) retry_after: Option<NonZeroU16>,
}

impl ApiError {
    pub(super) fn declined(intent: IntentSnapshot, decline: Decline) -> ApiError {
        ApiError { payment_intent: Some(intent), ..ApiError::declined_without_intent(decline) }
    }

    pub(super) fn declined_without_intent(decline: Decline) -> ApiError {
        ApiError {
            kind: "card_error",
            code: Some("card_declined"),
            decline_code: Some(decline.code()),
            ..ApiError::new(StatusCode::PAYMENT_REQUIRED, decline.message())
        }
    }

    pub(super) fn rate_limited(retry_after: Option<NonZeroU16>) -> ApiError {
        ApiError {
            code: Some("rate_limit"),
            retry_after,
            ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests in a short time.")
        }
    }

    /// As at Stripe, without a code.
    pub(super) fn unsupported_currency(currency: &str) -> ApiError {
        let message = format!("Invalid currency: {currency}.");
        ApiError { param: Some("currency".to_owned()), ..ApiError::bad_request(message) }
    }

    pub(super) fn unexpected_state(intent: IntentSnapshot, action: &str) -> ApiError {
        let status = intent.status();
        ApiError {
            code: Some("payment_intent_unexpected_state"),
            payment_intent: Some(intent),
            ..ApiError::bad_request(format!(
                "This PaymentIntent is {status}: you cannot {action} it."
            ))
        }
    }

    pub(super) fn already_refunded() -> ApiError {
        ApiError {
            code: Some("charge_already_refunded"),
            ..ApiError::bad_request("This charge has already been refunded.")
        }
    }

    pub(super) fn no_such_object(id: &str) -> ApiError {
        let message = format!("No such object: '{id}'");
        ApiError { code: Some("resource_missing"), ..ApiError::new(StatusCode::NOT_FOUND, message) }
    }

    pub(super) fn no_such_route(path: &str) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, format!("Unrecognized request URL ({path})."))
    }

    /// A parameter is missing, unknown or invalid; `code` says which, in Stripe's terms.
    pub(super) fn parameter(name: &str, code: &'static str) -> ApiError {
        ApiError {
            code: Some(code),
            param: Some(name.to_owned()),
            ..ApiError::bad_request(format!("The parameter {name} is not accepted: {code}."))
        }
    }

    /// The value of a parameter is invalid for a reason that is worth a message of its own.
    pub(super) fn invalid(name: &str, reason: &impl Display) -> ApiError {
        let message = format!("The parameter {name} is not accepted: {reason}.");
        ApiError { message, ..ApiError::parameter(name, "parameter_invalid") }
    }

    pub(super) fn key_reused(key: &str) -> ApiError {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with: '{key}' was not."
        );
        ApiError { kind: "idempotency_error", ..ApiError::bad_request(message) }
    }

    pub(super) fn key_in_use(key: &str) -> ApiError {
        let message = format!("Another request with the key '{key}' is in progress.");
        ApiError {
            code: Some("idempotency_key_in_use"),
            ..ApiError::new(StatusCode::CONFLICT, message)
        }
    }

    pub(super) fn unauthorized() -> ApiError {
        ApiError::new(StatusCode::UNAUTHORIZED, "A test key begins with sk_test_.")
    }

    pub(super) fn too_large() -> ApiError {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The request's body is too large.")
    }

    pub(super) fn server_error() -> ApiError {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ApiError { kind: "api_error", ..ApiError::new(status, "Something went wrong on our side.") }
    }

    fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            kind: "invalid_request_error",
            code: None,
            decline_code: None,
            message: message.into(),
            param: None,
            payment_intent: None,
            retry_after: None,
        }
    }
}
