//! The header `Prefer` (RFC 7240), of which one preference is known: `wait`, the seconds for which a response may wait
//! for a change. A preference that is unknown or malformed is ignored.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::limits::WAIT_MAX;
use crate::response::HttpResponse;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const WAIT: &str = "wait";

/// For how long a response may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    seconds: u64,
}

impl Wait {
    /// The wait that a client prefers, cut to what an edge grants; `None` if it prefers none.
    pub(super) fn preferred(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        // Of a preference that is sent twice, the first one counts.
        let preferences = values.flat_map(split_preferences).map(name_and_value);
        let mut waits = preferences.filter(|(name, _)| name.eq_ignore_ascii_case(WAIT));
        let (_, value) = waits.next()?;
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        // What does not fit is a larger number.
        let seconds = value.parse().unwrap_or(u64::MAX).min(WAIT_MAX.as_secs());
        is_number.then_some(Self { seconds })
    }

    /// When it is over, if it begins now.
    pub(super) fn deadline(self) -> Instant {
        Instant::now() + Duration::from_secs(self.seconds)
    }

    /// Says in a response that it was granted.
    pub(super) fn add_to(self, response: &mut HttpResponse) {
        let applied = HeaderValue::try_from(format!("{WAIT}={}", self.seconds))
            .expect("a number is visible ASCII");
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
}

/// The preferences of one header; a comma in quotes separates none.
fn split_preferences(header: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    header.split(move |symbol| {
        match symbol {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return symbol == ',' && !is_quoted,
        }
        false
    })
}

/// A preference without its parameters. A value may be quoted.
fn name_and_value(preference: &str) -> (&str, &str) {
    let preference = preference.split(';').next().unwrap_or_default();
    let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    (name.trim(), unquoted.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(sent: &[&'static str]) -> Option<u64> {
        let headers = sent.iter().map(|value| (PREFER, HeaderValue::from_static(value)));
        Wait::preferred(&headers.collect()).map(|wait| wait.seconds)
    }

    #[test]
    fn a_wait_is_found_among_other_preferences() {
        for sent in [
            &["wait=7"][..],
            &["respond-async, wait=7"],
            &["respond-async", "WAIT = \"7\"; whatever=1"],
            &["foo=\"a, wait=3\", wait=7, wait=9"],
            &["foo=\"\\\", wait=3\",wait=7"],
        ] {
            assert_eq!(preferred(sent), Some(7), "{sent:?}");
        }
    }

    #[test]
    fn a_wait_is_cut_to_what_is_granted() {
        let most = Some(WAIT_MAX.as_secs());
        assert_eq!(preferred(&["wait=26"]), most);
        assert_eq!(preferred(&["wait=99999999999999999999999999"]), most);
        assert_eq!(preferred(&["wait=0"]), Some(0));
    }

    #[test]
    fn what_is_no_wait_is_ignored() {
        for sent in [
            "",
            "wait",
            "wait=",
            "wait=-1",
            "wait=+1",
            "wait=1.5",
            "wait=1s",
            "wait 1",
            "waits=1",
            "wait=\"1",
            "return=minimal",
            ",,;=",
        ] {
            assert_eq!(preferred(&[sent]), None, "{sent:?}");
        }
        assert_eq!(preferred(&[]), None);
    }
}
