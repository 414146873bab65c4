//! Constructors of HTTP responses: JSON, plain text, or any content type.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// A response whose body is in memory.
pub(crate) type HttpResponse = Response<Full<Bytes>>;

/// A 200 with JSON that no cache may store.
pub(crate) fn json(content: &impl Serialize) -> HttpResponse {
    json_with_status(StatusCode::OK, content)
}

/// JSON that no cache may store.
pub(crate) fn json_with_status(status: StatusCode, content: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(content).expect("responses have string keys and finite numbers");
    let mut response = with_body(status, "application/json", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A line of plain text.
pub(crate) fn text(status: StatusCode, line: impl Into<Bytes>) -> HttpResponse {
    with_body(status, "text/plain; charset=utf-8", line)
}

pub(crate) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HttpResponse {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
