//! The trace that a request belongs to (W3C Trace Context). An edge makes none: it carries that of its client.

use hyper::header::{HeaderMap, HeaderName};
use orders::TraceParent;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace of the request with these headers. What is not valid, or sent twice, is none.
pub(crate) fn trace_of(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?;
    let value = values.next().is_none().then_some(value)?;
    value.to_str().ok()?.parse().ok()
}
