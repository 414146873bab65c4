//! The pages on which a buyer approves or denies a payment, as a bank's are with 3-D Secure. They
//! need no secret key, and no simulated fault concerns them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::api::Api;
use super::authentication_page::{question, statement};
use super::error::ApiError;
use super::model::IntentState;

/// Answers a request for the page of an intent.
pub(super) fn respond(
    api: &Api,
    method: &Method,
    intent: &str,
    form: &[u8],
) -> Response<Full<Bytes>> {
    let page = match *method {
        Method::GET => show(api, intent),
        Method::POST => match decision(form) {
            Some(is_approved) => decide(api, intent, is_approved),
            None => Ok((StatusCode::BAD_REQUEST, statement("The form has no valid decision."))),
        },
        _ => Ok((StatusCode::METHOD_NOT_ALLOWED, statement("Open this page with a browser."))),
    };
    let (status, html) = page.unwrap_or_else(|error| refuse(&error));
    let mut response = Response::new(Full::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn show(api: &Api, intent: &str) -> Result<(StatusCode, String), ApiError> {
    let current = api.intent(intent)?;
    if current.state != IntentState::RequiresAction {
        return Err(ApiError::unexpected_state(current, "authenticate"));
    }
    Ok((StatusCode::OK, question(&current.intent)))
}

fn decide(api: &Api, intent: &str, is_approved: bool) -> Result<(StatusCode, String), ApiError> {
    api.authenticate(intent, is_approved)?;
    let text = if is_approved {
        "The payment is approved. You can close this page."
    } else {
        "The payment is denied: no money was taken. You can close this page."
    };
    Ok((StatusCode::OK, statement(text)))
}

/// Whether the form approves the payment; `None` if it says neither.
fn decision(form: &[u8]) -> Option<bool> {
    let (_, result) = form_urlencoded::parse(form).find(|(name, _)| name == "result")?;
    match result.as_ref() {
        "approve" => Some(true),
        "deny" => Some(false),
        _ => None,
    }
}

fn refuse(error: &ApiError) -> (StatusCode, String) {
    let text = match error.status {
        StatusCode::NOT_FOUND => "There is no such payment.",
        _ => "This payment does not wait for an approval.",
    };
    (error.status, statement(text))
}
