//! A digest of an order's content, which distinguishes a repeat from a different order under the
//! same key.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::PlaceOrder;
use crate::hex::{digits, fmt_hex, from_hex, to_hex};

/// 128 bits of SHA-256 over the order's canonical JSON, so that white space, the sequence of
/// members and explicit nulls make no difference. Written as 32 lower-case hexadecimal
/// digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BodyDigest([u8; 16]);

impl BodyDigest {
    /// The digest of `order`.
    pub fn of<T: AsRef<str> + Serialize>(order: &PlaceOrder<T>) -> Self {
        let mut json = Vec::with_capacity(order.canonical_json_bytes());
        order.write_canonical_json(&mut json);
        Self::of_canonical(&json)
    }

    /// The digest of an order that is already serialised as canonical JSON.
    pub(crate) fn of_canonical(json: &[u8]) -> Self {
        let hash = Sha256::digest(json);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash[..16]);
        Self(digest)
    }

    /// The digest as it is written, two digits a byte.
    pub(crate) fn digits(&self) -> [[u8; 2]; 16] {
        self.0.map(digits)
    }

    /// The digest from its 16 bytes, as stored in a database.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        fmt_hex(&self.0, f)
    }
}

impl From<BodyDigest> for String {
    fn from(digest: BodyDigest) -> Self {
        to_hex(&digest.0)
    }
}

impl TryFrom<String> for BodyDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        from_hex(&text).map(Self).ok_or("a digest must be 32 hexadecimal digits")
    }
}
