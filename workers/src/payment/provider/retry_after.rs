//! The header `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

use hyper::HeaderMap;
use hyper::header::RETRY_AFTER;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::limits::RETRY_AFTER_MAX;

/// How long to wait from `now` on, [`RETRY_AFTER_MAX`] at most; `None` if the header is absent or
/// invalid.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        // An HTTP date is a date of RFC 2822 whose zone is GMT.
        let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        SystemTime::from(date).duration_since(now).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const NOW: Duration = Duration::from_secs(784_111_777);

    fn parse(text: &str) -> Option<u64> {
        let value = HeaderValue::from_str(text).unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
        retry_after(&headers, SystemTime::UNIX_EPOCH + NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("30"), Some(30));
        assert_eq!(parse("Sun, 06 Nov 1994 08:50:00 GMT"), Some(23));
        assert_eq!(parse("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a time in the past");
    }

    #[test]
    fn a_long_wait_is_bounded_and_an_invalid_one_is_ignored() {
        assert_eq!(parse("86400"), Some(RETRY_AFTER_MAX.as_secs()));
        assert_eq!(parse("Tue, 06 Dec 1994 08:49:37 GMT"), Some(RETRY_AFTER_MAX.as_secs()));
        for invalid in ["", "-1", "1.5", "soon", "99999999999999999999"] {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }
}
