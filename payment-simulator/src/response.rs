//! Response bodies. A body holds the state at the time of the request, so that a response saved
//! under an idempotency key never changes.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::error::ApiError;
use super::model::{IntentSnapshot, Refund};

/// The body of a response.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum ResponseBody {
    Intent(IntentSnapshot),
    Intents(List<IntentSnapshot>),
    Refund(Refund),
    Refunds(List<Refund>),
    Control(Value),
    Error { error: Box<ApiError> },
}

/// One page of a list, newest entry first.
#[derive(Clone, Serialize)]
pub(super) struct List<T> {
    pub(super) object: &'static str,
    pub(super) has_more: bool,
    pub(super) data: Vec<T>,
}

impl ResponseBody {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            ResponseBody::Error { error } => error.status,
            _ => StatusCode::OK,
        }
    }
}

impl From<ApiError> for ResponseBody {
    fn from(error: ApiError) -> Self {
        ResponseBody::Error { error: Box::new(error) }
    }
}
