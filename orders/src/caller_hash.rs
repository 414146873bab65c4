//! Who placed an order, where the name of its caller must not be read.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::CallerName;
use crate::hex::{digits, from_hex, to_hex};

const HASH_BYTES: usize = 16;

/// 128 bits of an HMAC over the name of an authenticated caller, in events and rows: they show which orders are of one
/// caller, and without the secret no name can be compared with them. Written as 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallerHash([u8; HASH_BYTES]);

impl CallerHash {
    /// That of `caller`; `None` for the public, to which no order is said to belong.
    pub(crate) fn of(caller: &CallerName, key: &Hmac<Sha256>) -> Option<Self> {
        if caller.is_public() {
            return None;
        }
        let full = key.clone().chain_update(caller.as_str()).finalize().into_bytes();
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&full[..HASH_BYTES]);
        Some(Self(hash))
    }

    /// The 16 bytes of the hash, as a row has them.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// The hash as it is written, two digits a byte.
    pub(crate) fn digits(&self) -> [[u8; 2]; HASH_BYTES] {
        self.0.map(digits)
    }
}

impl From<CallerHash> for String {
    fn from(hash: CallerHash) -> Self {
        to_hex(&hash.0)
    }
}

impl TryFrom<String> for CallerHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        from_hex(&text).map(Self).ok_or("the hash of a caller must be 32 hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKeys;

    fn caller(name: &str) -> CallerName {
        name.parse().unwrap()
    }

    #[test]
    fn a_hash_is_that_of_a_caller_and_of_the_first_secret() {
        let keys = SigningKeys::new("secret", ["other"]);
        let ann = keys.caller_hash(&caller("ann")).unwrap();
        assert_eq!(SigningKeys::new("secret", []).caller_hash(&caller("ann")), Some(ann));
        assert_ne!(keys.caller_hash(&caller("bob")), Some(ann));
        assert_ne!(SigningKeys::new("other", []).caller_hash(&caller("ann")), Some(ann));
        assert_eq!(String::from(ann), "4a8c3777005261a9cfcfdb3c0dd25fb2");
    }

    #[test]
    fn a_caller_is_found_by_the_hashes_of_all_secrets_that_are_configured() {
        let (old, rotated) = (SigningKeys::new("old", []), SigningKeys::new("new", ["old"]));
        let ann = caller("ann");
        let hashes = rotated.caller_hashes(&ann);
        assert_eq!(hashes, [rotated.caller_hash(&ann), old.caller_hash(&ann)].map(Option::unwrap));
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn the_public_has_no_hash() {
        let keys = SigningKeys::new("secret", ["other"]);
        assert_eq!(keys.caller_hash(&CallerName::PUBLIC), None);
        assert_eq!(keys.caller_hashes(&CallerName::PUBLIC), []);
    }

    #[test]
    fn a_hash_is_no_other_value_that_is_made_with_the_secret() {
        let (keys, ann) = (SigningKeys::new("secret", []), caller("ann"));
        assert_ne!(*keys.caller_hash(&ann).unwrap().as_bytes(), keys.pseudonym(&ann));
    }
}
