//! `GET /docs`: the API as a page, by `RapiDoc`, which reads `/openapi.json` in the browser. The page and the
//! script are a part of the binary, and the policy lets it ask no other host.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use crate::limits::DOCUMENT_AGE_MAX;
use crate::response::{HttpResponse, with_body};

const PAGE: &[u8] = include_bytes!("docs_page/page.html");
/// `RapiDoc` 9.3.8, as npm has it.
const SCRIPT: &[u8] = include_bytes!("docs_page/rapidoc-min.js");
/// `RapiDoc` writes its styles into the page; scripts come from this edge alone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(super) fn show_docs() -> HttpResponse {
    let mut response = document("text/html; charset=utf-8", PAGE);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}

pub(super) fn get_docs_script() -> HttpResponse {
    document("text/javascript; charset=utf-8", SCRIPT)
}

/// A part of the binary, which a client may keep for a while.
pub(super) fn document(content_type: &'static str, content: &'static [u8]) -> HttpResponse {
    let mut response = with_body(StatusCode::OK, content_type, content);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(DOCUMENT_AGE_MAX));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
