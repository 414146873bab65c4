//! Who places an order, and follows it.

use std::sync::Arc;

use thiserror::Error;

use crate::limits::CALLER_LENGTH_MAX;

/// The name of a caller: the subject of their token, or [`CallerName::PUBLIC`] where callers are not authenticated.
/// It may be an e-mail address, so its debug form hides it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CallerName(Option<Arc<str>>);

/// A string that is not the name of an authenticated caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a caller has 1 to {CALLER_LENGTH_MAX} visible ASCII characters, and is not `{PUBLIC}`")]
pub struct InvalidCallerName;

const PUBLIC: &str = "public";

impl CallerName {
    /// The caller of every request where callers are not authenticated.
    pub const PUBLIC: Self = Self(None);

    /// The name, as it is a part of order ids.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(PUBLIC)
    }

    /// Whether this is [`CallerName::PUBLIC`].
    pub const fn is_public(&self) -> bool {
        self.0.is_none()
    }
}

impl std::str::FromStr for CallerName {
    type Err = InvalidCallerName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=CALLER_LENGTH_MAX).contains(&text.len());
        if is_visible && fits && text != PUBLIC {
            Ok(Self(Some(text.into())))
        } else {
            Err(InvalidCallerName)
        }
    }
}

impl std::fmt::Debug for CallerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallerName(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_visible_name_that_is_not_the_public_one() {
        for good in ["a", "auth0|5f7c8ec7c33c6c004bbafe82", "ann@shop.example", &"c".repeat(255)] {
            assert_eq!(good.parse::<CallerName>().unwrap().as_str(), good);
        }
        for bad in ["", "public", "a b", "é", "a\n", &"c".repeat(256)] {
            assert_eq!(bad.parse::<CallerName>(), Err(InvalidCallerName), "{bad:?}");
        }
    }

    #[test]
    fn no_log_shows_the_name_of_a_caller() {
        let caller: CallerName = "ann@shop.example".parse().unwrap();
        assert!(!format!("{caller:?}").contains("ann"));
    }
}
