//! The few forms that an answer has.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer, all of it in memory.
pub(crate) type Answer = Response<Full<Bytes>>;

/// JSON that no cache keeps.
pub(crate) fn json(content: &impl Serialize) -> Answer {
    json_as(StatusCode::OK, content)
}

/// The same, under another status.
pub(crate) fn json_as(status: StatusCode, content: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(content).expect("answers have text keys and finite numbers");
    let mut answer = with_body(status, "application/json", body);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A line of plain text.
pub(crate) fn text(status: StatusCode, line: impl Into<Bytes>) -> Answer {
    with_body(status, "text/plain; charset=utf-8", line)
}

/// `body`, as what it is.
pub(crate) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
