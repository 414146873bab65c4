//! What the head of every request must fulfil, whichever route it has.

use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use hyper::{Method, Request, Version};

use crate::limits::HEAD_BYTES_MAX;
use crate::problem::Problem;

/// The bytes of a header line besides its name and value: a colon, a space and a line break.
const HEADER_LINE_BYTES: usize = 4;

/// Checks the head of a request.
pub(super) fn check_head<B>(request: &Request<B>) -> Result<(), Problem> {
    let headers = request.headers();
    check_host(headers, request.version())?;
    check_size(headers, request.uri().path_and_query().map_or(0, |target| target.as_str().len()))?;
    if !is_only(headers, TRANSFER_ENCODING, "chunked") {
        return Err(Problem::UnsupportedTransferCoding);
    }
    if request.method() == Method::POST && !is_only(headers, CONTENT_ENCODING, "identity") {
        return Err(Problem::UnsupportedContentEncoding);
    }
    Ok(())
}

/// Checks the query of a request that its path answers: a client that sends a parameter expects it to have an
/// effect, and no POST takes any.
pub(super) fn check_query<B>(request: &Request<B>) -> Result<(), Problem> {
    match request.uri().query() {
        Some(query) if request.method() == Method::POST && !query.is_empty() => {
            let name = form_urlencoded::parse(query.as_bytes()).next();
            Err(Problem::UnknownParameter(name.map_or_else(String::new, |(name, _)| name.into())))
        }
        _ => Ok(()),
    }
}

/// Checks that the one content type of a request is one of `known`, whatever its parameters are.
pub(super) fn require_media_type(
    headers: &HeaderMap,
    known: &[&'static str],
) -> Result<(), Problem> {
    let mut content_types = headers.get_all(CONTENT_TYPE).iter();
    let media_type = content_types.next().and_then(|value| value.to_str().ok()?.split(';').next());
    let is_known =
        |media_type: &str| known.iter().any(|it| media_type.trim().eq_ignore_ascii_case(it));
    if media_type.is_some_and(is_known) && content_types.next().is_none() {
        Ok(())
    } else {
        Err(Problem::UnsupportedMediaType { expected: known[0] })
    }
}

/// RFC 9112, section 3.2: without one host, two servers may take a request for two sites.
fn check_host(headers: &HeaderMap, version: Version) -> Result<(), Problem> {
    let hosts = headers.get_all(HOST).iter().count();
    let is_valid = if version == Version::HTTP_11 { hosts == 1 } else { hosts <= 1 };
    if is_valid { Ok(()) } else { Err(Problem::InvalidHost) }
}

fn check_size(headers: &HeaderMap, target_bytes: usize) -> Result<(), Problem> {
    let lines = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + HEADER_LINE_BYTES)
        .sum::<usize>();
    if target_bytes + lines > HEAD_BYTES_MAX { Err(Problem::HeadTooLarge) } else { Ok(()) }
}

/// Whether a header is absent, or has only this value.
fn is_only(headers: &HeaderMap, name: HeaderName, expected: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .all(|value| value.to_str().is_ok_and(|value| value.trim().eq_ignore_ascii_case(expected)))
}

#[cfg(test)]
mod tests {
    use hyper::header::CONTENT_LENGTH;
    use hyper::http::request::Builder;

    use super::*;

    fn post(target: &str) -> Builder {
        Request::post(target).header(HOST, "shop")
    }

    fn check(request: Builder) -> Result<(), Problem> {
        check_head(&request.body(()).unwrap())
    }

    #[test]
    fn a_request_of_http_1_1_has_one_host() {
        assert!(check(post("/")).is_ok());
        assert!(matches!(check(Request::post("/")), Err(Problem::InvalidHost)));
        assert!(matches!(check(post("/").header(HOST, "shop")), Err(Problem::InvalidHost)));
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert!(check(Request::post("/").version(version)).is_ok());
        }
    }

    #[test]
    fn the_target_and_the_headers_are_bounded_together() {
        let head = |bytes| post("/").header("cookie", "c".repeat(bytes));
        let others = "/".len() + "hostshop".len() + "cookie".len() + 2 * HEADER_LINE_BYTES;
        assert!(check(head(HEAD_BYTES_MAX - others)).is_ok());
        assert!(matches!(check(head(HEAD_BYTES_MAX - others + 1)), Err(Problem::HeadTooLarge)));
    }

    #[test]
    fn a_post_takes_no_parameters() {
        let check = |request: Builder| check_query(&request.body(()).unwrap());
        assert!(check(post("/?")).is_ok());
        assert!(check(Request::get("/?a=b")).is_ok());
        let refused = check(post("/?dry%5Frun=true&x=y"));
        assert!(matches!(refused, Err(Problem::UnknownParameter(name)) if name == "dry_run"));
    }

    #[test]
    fn a_body_is_sent_as_it_is() {
        for (name, good, bad) in [
            (CONTENT_ENCODING, "Identity", "gzip"),
            (TRANSFER_ENCODING, "chunked", "gzip, chunked"),
        ] {
            assert!(check(post("/").header(&name, good)).is_ok());
            assert!(check(post("/").header(&name, bad)).is_err());
            assert!(check(post("/").header(&name, good).header(&name, bad)).is_err());
        }
        assert!(check(post("/").header(CONTENT_LENGTH, "5")).is_ok());
    }
}
