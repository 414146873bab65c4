//! Constructors of HTTP responses: JSON, plain text, or any content type.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// A response. Its body is in memory, but for that of a batch.
pub(crate) type HttpResponse = Response<Either<Full<Bytes>, StreamedBody>>;

/// A body that is made while it is sent.
pub(crate) struct StreamedBody {
    chunks: Pin<Box<dyn Stream<Item = Bytes> + Send>>,
    held: Option<Box<dyn Send>>,
}

impl StreamedBody {
    /// Holds `guard` until the body is sent, or the connection has ended.
    pub(crate) fn hold(&mut self, guard: impl Send + 'static) {
        self.held = Some(Box::new(guard));
    }
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.chunks.poll_next_unpin(context).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

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

/// The methods that a path answers, without a body.
pub(crate) fn options(allowed: &str) -> HttpResponse {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    allow(response.headers_mut(), allowed);
    response
}

/// A 204 that no cache may store.
pub(crate) fn no_content() -> HttpResponse {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Says which methods a path answers.
pub(crate) fn allow(headers: &mut HeaderMap, allowed: &str) {
    let allowed = HeaderValue::from_str(allowed).expect("method names are visible ASCII");
    headers.insert(ALLOW, allowed);
}

/// A 200 whose body is made while it is sent.
pub(crate) fn stream_of(
    content_type: &'static str,
    chunks: impl Stream<Item = Bytes> + Send + 'static,
) -> HttpResponse {
    let mut response = with_body(StatusCode::OK, content_type, Bytes::new());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *response.body_mut() = Either::Right(StreamedBody { chunks: Box::pin(chunks), held: None });
    response
}

pub(crate) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HttpResponse {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
