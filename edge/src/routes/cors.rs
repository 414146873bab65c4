//! Which web pages may read a response: those of configured origins (CORS, section 3.3 of the Fetch
//! standard). A browser asks first, with a preflight: it is OPTIONS, and its response has these headers
//! besides. Credentials that a browser keeps, such as cookies, are not permitted, since the API has none.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, Request};

use crate::cors_origins::CorsOrigins;
use crate::limits::PREFLIGHT_SECONDS_MAX;

/// What a page may send. Trace headers are not read yet, and a client that sends them to every server must not fail
/// for it.
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, last-event-id, prefer, \
                               request-id, traceparent, tracestate";
/// What a page may read besides the content type and the length.
const EXPOSED_HEADERS: &str = "allow, idempotent-replayed, location, preference-applied, ratelimit, \
                               ratelimit-policy, request-id, retry-after, www-authenticate";

/// What the headers of a response say about the page that sent the request.
pub(super) struct Sharing {
    /// The origin of the page, if it is a configured one.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Sharing {
    /// How the response to `request` is shared. A request of another origin is handled as if it had none.
    pub(super) fn of<B>(origins: &CorsOrigins, request: &Request<B>) -> Self {
        let headers = request.headers();
        let mut sent = headers.get_all(ORIGIN).iter();
        let origin = sent.next().filter(|origin| origins.contains(origin.as_bytes()));
        let is_only = sent.next().is_none();
        Self {
            origin: origin.filter(|_| is_only).cloned(),
            is_preflight: request.method() == Method::OPTIONS
                && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD),
        }
    }

    /// Adds the headers to those of a response.
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        // Also without an origin: a cache must not give such a response to a page.
        headers.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        // A path that does not exist answers no method.
        if let Some(methods) = headers.get(ALLOW).cloned().filter(|_| self.is_preflight) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            let allowed = HeaderValue::from_static(ALLOWED_HEADERS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS_MAX.into());
        } else {
            let exposed = HeaderValue::from_static(EXPOSED_HEADERS);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}
