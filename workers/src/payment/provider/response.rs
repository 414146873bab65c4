//! The provider's responses, classified.

use hyper::body::Bytes;
use hyper::header::HeaderName;
use hyper::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::error::CallError;
use super::objects::{Intent, Refund};
use super::refusal::{ErrorBody, ErrorObject};
use super::retry_after::retry_after;
use crate::step_input::now;

/// Marks the stored response to an earlier call with the same key.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The codes of a 429 that is about one object (<https://docs.stripe.com/error-codes>).
const OBJECT_IN_USE: [&str; 2] = ["lock_timeout", "payment_intent_rate_limit_exceeded"];

/// A complete response that is not a failure of the provider: a success, or Stripe's error object
/// for a rejected request.
pub(super) enum Response {
    Success(StatusCode, Bytes),
    Error(StatusCode, Box<ErrorObject>),
}

impl Response {
    /// Classifies a response by its status.
    pub(super) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, CallError> {
        let retry_after = || retry_after(headers, now());
        match status.as_u16() {
            200..300 => Ok(Response::Success(status, body)),
            401 | 403 => Err(CallError::Denied { status: status.as_u16() }),
            409 => Err(CallError::Busy { status: 409 }),
            429 if is_about_one_object(&body) => Err(CallError::Busy { status: 429 }),
            429 => Err(CallError::RateLimited { status: 429, retry_after: retry_after() }),
            503 if retry_after().is_some() => {
                Err(CallError::RateLimited { status: 503, retry_after: retry_after() })
            }
            400..500 => Ok(Response::Error(status, parse::<ErrorBody>(status, &body)?.error)),
            _ => {
                let is_replayed = headers.get(IDEMPOTENT_REPLAYED).is_some_and(|it| it == "true");
                Err(CallError::Server { status: status.as_u16(), is_replayed })
            }
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

    /// The refund that was created; `None` if all the money is in earlier refunds.
    pub(super) fn refund(self) -> Result<Option<Refund>, CallError> {
        match self {
            Response::Error(_, error)
                if error.code.as_deref() == Some("charge_already_refunded") =>
            {
                Ok(None)
            }
            response => response.read().map(Some),
        }
    }
}

/// Whether a 429 is not about the number of calls, but about one object.
fn is_about_one_object(body: &[u8]) -> bool {
    let error = serde_json::from_slice::<ErrorBody>(body).map(|body| body.error);
    let code = error.ok().and_then(|error| error.code);
    code.is_some_and(|code| OBJECT_IN_USE.contains(&code.as_str()))
}

fn parse<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, CallError> {
    let invalid = |_| CallError::Server { status: status.as_u16(), is_replayed: false };
    serde_json::from_slice(body).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    fn classify(status: u16, code: &str) -> CallError {
        let status = StatusCode::from_u16(status).unwrap();
        let value = HeaderValue::from_static("7");
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
        let body = format!(r#"{{"error": {{"type": "invalid_request_error", "code": "{code}"}}}}"#);
        Response::new(status, &headers, body.into()).err().unwrap()
    }

    #[test]
    fn a_429_is_about_the_number_of_calls_unless_its_code_names_an_object() {
        for status in [429, 503] {
            let error = classify(status, "rate_limit");
            let CallError::RateLimited { retry_after, .. } = error else { panic!("{error}") };
            assert_eq!(retry_after.unwrap().as_secs(), 7);
        }
        for (status, code) in [(429, "lock_timeout"), (409, "idempotency_key_in_use")] {
            let error = classify(status, code);
            assert!(matches!(error, CallError::Busy { .. }), "{error}");
        }
    }
}
