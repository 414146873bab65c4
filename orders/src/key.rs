//! The `Idempotency-Key` with which a client places an order, and can safely repeat the request.

use thiserror::Error;

use crate::limits::KEY_LENGTH_MAX;

/// 1 to 255 visible ASCII characters, chosen by the client; one key per order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// A string that is not a valid [`IdempotencyKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an idempotency key must have 1 to {KEY_LENGTH_MAX} visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Parses the value of an `Idempotency-Key` header: the bare key, or the key as a string of
    /// Structured Fields (RFC 9651, section 3.3.3), as the IETF draft has it. `"k"` and `k` are the
    /// same key.
    pub fn from_header(value: &str) -> Result<Self, InvalidIdempotencyKey> {
        unquoted(value).as_deref().unwrap_or(value).parse()
    }

    /// The key as the client sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The content of a quoted string; `None` if `value` is not wholly one.
fn unquoted(value: &str) -> Option<String> {
    let quoted = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut content = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        content.push(match character {
            '"' => return None,
            '\\' => characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
            other => other,
        });
    }
    Some(content)
}

impl std::str::FromStr for IdempotencyKey {
    type Err = InvalidIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=KEY_LENGTH_MAX).contains(&text.len());
        if visible && fits { Ok(Self(text.to_owned())) } else { Err(InvalidIdempotencyKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_key_and_the_bare_one_are_the_same() {
        let key = |value: &str| IdempotencyKey::from_header(value).map(|key| key.0);
        for (value, expected) in [
            ("k", "k"),
            (r#""k""#, "k"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            // Not wholly a string, so the bare key.
            (r#""k"#, r#""k"#),
            (r#"k""#, r#"k""#),
            (r#""k";p=1"#, r#""k";p=1"#),
            (r#""a"b""#, r#""a"b""#),
            (r#""a\b""#, r#""a\b""#),
            (r#""k\""#, r#""k\""#),
        ] {
            assert_eq!(key(value), Ok(expected.to_owned()), "{value}");
        }
        for bad in [r#""""#, r#""a b""#, ""] {
            assert_eq!(key(bad), Err(InvalidIdempotencyKey), "{bad}");
        }
        assert_eq!(key("\""), Ok("\"".to_owned()));
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters() {
        for good in ["a", "!~", &"k".repeat(255)] {
            assert_eq!(good.parse::<IdempotencyKey>().unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "é", "a\n", &"k".repeat(256)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(InvalidIdempotencyKey), "{bad:?}");
        }
    }
}
