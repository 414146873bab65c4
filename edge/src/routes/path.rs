//! Percent-encoding in the path of a request (RFC 3986, section 2). A path is compared and decoded segment
//! by segment, so that an encoded slash separates nothing, and once, so that `%2525` is `%25`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// Checks that each `%` begins an encoded byte.
pub(super) fn check_encoding(path: &str) -> Result<(), Problem> {
    let mut encoded = path.split('%').skip(1);
    let is_byte = |rest: &str| {
        rest.as_bytes()
            .first_chunk::<2>()
            .is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    if encoded.all(is_byte) { Ok(()) } else { Err(Problem::MalformedPath) }
}

/// Whether a segment is this text, encoded or not.
pub(super) fn is_encoding_of(segment: &str, text: &str) -> bool {
    segment == text || segment.contains('%') && percent_decode_str(segment).eq(text.bytes())
}

/// The text of a segment.
pub(super) fn decode(segment: &str) -> Result<Cow<'_, str>, Problem> {
    percent_decode_str(segment).decode_utf8().map_err(|_| Problem::MalformedPath)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_without_two_digits_is_malformed() {
        for path in ["", "/v1/orders", "/%41", "/%aF/%00", "/%25zz"] {
            assert!(check_encoding(path).is_ok(), "{path}");
        }
        for path in ["/%", "/%4", "/%zz", "/%4g", "/%%41", "/%4/1", "/%41%", "/%é1"] {
            assert!(matches!(check_encoding(path), Err(Problem::MalformedPath)), "{path}");
        }
    }

    #[test]
    fn a_segment_is_decoded_once_and_is_utf_8() {
        assert_eq!(decode("a%20b").unwrap(), "a b");
        assert_eq!(decode("%2525").unwrap(), "%25");
        assert_eq!(decode("%C3%A9").unwrap(), "é");
        assert!(matches!(decode("x"), Ok(Cow::Borrowed("x"))));
        assert!(matches!(decode("%FF"), Err(Problem::MalformedPath)));
    }

    #[test]
    fn a_segment_may_be_encoded_in_part_or_as_a_whole() {
        for segment in ["orders:batch", "orders%3Abatch", "orders%3abatch", "%6Frders:batch"] {
            assert!(is_encoding_of(segment, "orders:batch"), "{segment}");
        }
        for segment in ["", "orders", "orders%253Abatch", "ORDERS:batch", "orders%3Abatch%20"] {
            assert!(!is_encoding_of(segment, "orders:batch"), "{segment}");
        }
    }
}
