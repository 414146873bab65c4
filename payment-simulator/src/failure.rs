//! Everything the provider says no with, in Stripe's form.

use hyper::StatusCode;
use serde::Serialize;

use super::answer::Snapshot;
use super::card::Decline;

/// An error answer: a status, and what stands in the body under `error`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    #[serde(skip)]
    pub(super) status: StatusCode,
    #[serde(rename = "type")]
    kind: &'static str,
    code: Option<&'static str>,
    decline_code: Option<&'static str>,
    message: String,
    param: Option<String>,
    payment_intent: Option<Snapshot>,
}

impl Failure {
    pub(super) fn declined(intent: Snapshot, decline: Decline) -> Failure {
        Failure {
            kind: "card_error",
            code: Some("card_declined"),
            decline_code: Some(decline.code()),
            payment_intent: Some(intent),
            ..Failure::new(StatusCode::PAYMENT_REQUIRED, decline.message())
        }
    }

    pub(super) fn unexpected_state(intent: Snapshot, wish: &str) -> Failure {
        let status = intent.state.status();
        Failure {
            code: Some("payment_intent_unexpected_state"),
            payment_intent: Some(intent),
            ..Failure::bad_request(format!("This PaymentIntent is {status}: you cannot {wish} it."))
        }
    }

    pub(super) fn already_refunded() -> Failure {
        Failure {
            code: Some("charge_already_refunded"),
            ..Failure::bad_request("This charge has already been refunded.")
        }
    }

    pub(super) fn no_such_object(id: &str) -> Failure {
        let message = format!("No such object: '{id}'");
        Failure { code: Some("resource_missing"), ..Failure::new(StatusCode::NOT_FOUND, message) }
    }

    pub(super) fn no_such_route(path: &str) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, format!("Unrecognized request URL ({path})."))
    }

    /// `code` says what is wrong with the parameter.
    pub(super) fn parameter(name: &str, code: &'static str) -> Failure {
        Failure {
            code: Some(code),
            param: Some(name.to_owned()),
            ..Failure::bad_request(format!("The parameter {name} cannot be taken: {code}."))
        }
    }

    pub(super) fn key_reused(key: &str) -> Failure {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with: '{key}' was not."
        );
        Failure { kind: "idempotency_error", ..Failure::bad_request(message) }
    }

    pub(super) fn key_in_use(key: &str) -> Failure {
        let message = format!("Another request with the key '{key}' is in progress.");
        Failure {
            code: Some("idempotency_key_in_use"),
            ..Failure::new(StatusCode::CONFLICT, message)
        }
    }

    pub(super) fn unauthorized() -> Failure {
        Failure::new(StatusCode::UNAUTHORIZED, "A test key begins with sk_test_.")
    }

    pub(super) fn too_large() -> Failure {
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "The request's body is too large.")
    }

    pub(super) fn server_error() -> Failure {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Failure { kind: "api_error", ..Failure::new(status, "Something went wrong on our side.") }
    }

    fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, message)
    }

    fn new(status: StatusCode, message: impl Into<String>) -> Failure {
        Failure {
            status,
            kind: "invalid_request_error",
            code: None,
            decline_code: None,
            message: message.into(),
            param: None,
            payment_intent: None,
        }
    }
}
