//! The id of a request, by which a client and an operator find the same one in the response, in a problem
//! document and in the log.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::limits::REQUEST_ID_LENGTH_MAX;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The client's id, or a random one if it sends none that is valid. It has no character with a meaning in
/// a log, in JSON or in HTML.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id of the request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::sent(headers).unwrap_or_else(Self::random)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().expect("an id has visible ASCII characters")
    }

    pub(crate) fn into_header(self) -> HeaderValue {
        self.0
    }

    /// The client's id. Of several, none is the id.
    fn sent(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(REQUEST_ID).iter();
        let id = values.next()?;
        let is_valid = (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
            && id.as_bytes().iter().all(|byte| is_allowed(*byte))
            && values.next().is_none();
        is_valid.then(|| Self(id.clone()))
    }

    fn random() -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        // As unlikely to be made twice as a trace id, and written like one.
        let bytes = rand::random::<u128>().to_be_bytes();
        let id = bytes.map(|byte| [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
        let id = HeaderValue::from_bytes(id.as_flattened());
        Self(id.expect("hexadecimal digits are visible ASCII"))
    }
}

/// What UUIDs, base64 and the ids of balancers consist of.
const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'/' | b'+' | b'=')
}

#[cfg(test)]
mod tests {
    use allocation_counter::measure;

    use super::*;

    fn id_of(sent: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for id in sent {
            headers.append(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        }
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn an_id_that_is_made_costs_one_allocation_and_one_that_is_sent_none() {
        // The generator of this thread is made once.
        drop(RequestId::random());
        let mut headers = HeaderMap::new();
        let made = measure(|| drop(RequestId::of(&headers)));
        // As in a head that was received, the bytes are shared already.
        headers.insert(REQUEST_ID, HeaderValue::from_static("sent"));
        let sent = measure(|| drop(RequestId::of(&headers)));
        assert_eq!((made.count_total, sent.count_total), (1, 0));
    }

    #[test]
    fn the_id_of_a_client_is_kept() {
        let longest = "x".repeat(REQUEST_ID_LENGTH_MAX);
        for id in ["1", "6fa459ea-ee8a-3ca4-894e-db77e160355e", "Root=1-a:b/c+d_e.f", &longest] {
            assert_eq!(id_of(&[id]), id);
        }
    }

    #[test]
    fn an_id_that_is_missing_ambiguous_or_unsafe_is_replaced_by_a_random_one() {
        let too_long = "x".repeat(REQUEST_ID_LENGTH_MAX + 1);
        let unsafe_ids = ["", "a b", "a,b", "a\"b", "a\\b", "<b>", "a;b", "a%0Ab", "é", &too_long];
        let sent = unsafe_ids.iter().map(std::slice::from_ref);
        for sent in sent.chain([&[][..], &["a", "b"], &["a", "a"]]) {
            let id = id_of(sent);
            assert!(!sent.contains(&&*id), "{sent:?}");
            assert_eq!(id.len(), 32);
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            assert_ne!(id, id_of(sent));
        }
    }
}
