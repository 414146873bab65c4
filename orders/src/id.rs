//! Who an order is: an id that every edge derives alike, and the proof that an edge made it.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::IdempotencyKey;

const ID_BYTES: usize = 16;
/// 64 bits: guessing one over HTTP at 100,000 tries a second takes millions of years.
const MAC_BYTES: usize = 8;
/// 16 random letters and digits hold 95 bits.
const SIGNING_KEY_LENGTH_MIN: usize = 16;

/// An order's id: 128 bits of SHA-256 over caller and `Idempotency-Key`, so that a repeat has the
/// same id on every edge, with nothing shared. Databases, events and logs know an order by it.
/// Written as 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId([u8; ID_BYTES]);

/// An [`OrderId`] with the tag that proves an edge made it. It is shown only in a 202, so whoever
/// has one was answered. It does not prove that the order was stored.
/// Written as the id's 32 digits and 16 more for the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedOrderId {
    id: OrderId,
    mac: [u8; MAC_BYTES],
}

/// The secrets that tags are made with. The first makes new tags; all of them verify, so that a
/// secret can be rotated: add the new one behind, move it to the front, drop the old one.
#[derive(Clone)]
pub struct SigningKeys {
    first: Hmac<Sha256>,
    rest: Vec<Hmac<Sha256>>,
}

/// A secret that is too short: one that can be guessed proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("each secret has at least {SIGNING_KEY_LENGTH_MIN} characters")]
pub struct SigningKeyTooShort;

/// A text that is no order id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an order id is 32 hexadecimal digits")]
pub struct InvalidOrderId;

impl OrderId {
    /// The id of the order that `caller` places under `key`.
    pub fn derive(caller: &str, key: &IdempotencyKey) -> Self {
        let mut hash = Sha256::new();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((caller.len() as u64).to_be_bytes());
        hash.update(caller);
        hash.update(key.as_str());
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&hash.finalize()[..ID_BYTES]);
        Self(id)
    }

    /// The id that these bytes are, as a database keeps them.
    pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

impl SignedOrderId {
    /// The id without its proof.
    pub const fn id(&self) -> OrderId {
        self.id
    }
}

impl SigningKeys {
    /// `first` makes and verifies tags, `rest` only verifies.
    pub fn new<'a>(first: &str, rest: impl IntoIterator<Item = &'a str>) -> Self {
        Self { first: keyed(first), rest: rest.into_iter().map(keyed).collect() }
    }

    /// `id` with the tag that proves it.
    pub fn sign(&self, id: OrderId) -> SignedOrderId {
        let full = self.first.clone().chain_update(id.0).finalize().into_bytes();
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&full[..MAC_BYTES]);
        SignedOrderId { id, mac }
    }

    /// The proven id that `text` is, or `None` where no edge with one of these secrets made it.
    pub fn verify(&self, text: &str) -> Option<SignedOrderId> {
        let (id, mac) = text.split_at_checked(2 * ID_BYTES)?;
        let (id, mac) = (OrderId(from_hex(id)?), from_hex::<MAC_BYTES>(mac)?);
        let matches = |secret: &Hmac<Sha256>| {
            secret.clone().chain_update(id.0).verify_truncated_left(&mac).is_ok()
        };
        std::iter::once(&self.first)
            .chain(&self.rest)
            .any(matches)
            .then_some(SignedOrderId { id, mac })
    }
}

impl std::str::FromStr for SigningKeys {
    type Err = SigningKeyTooShort;

    /// Reads secrets that are separated by commas; the first makes new tags.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut secrets = text.split(',');
        if secrets.clone().any(|secret| secret.chars().count() < SIGNING_KEY_LENGTH_MIN) {
            return Err(SigningKeyTooShort);
        }
        let first = secrets.next().ok_or(SigningKeyTooShort)?;
        Ok(Self::new(first, secrets))
    }
}

fn keyed(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length")
}

/// Lower-case hexadecimal digits, two for each byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Exactly `N` bytes written as lower-case hexadecimal digits.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl std::fmt::Display for SignedOrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.id, to_hex(&self.mac))
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", 1 + self.rest.len())
    }
}

impl std::str::FromStr for OrderId {
    type Err = InvalidOrderId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text).map(Self).ok_or(InvalidOrderId)
    }
}

impl TryFrom<String> for OrderId {
    type Error = InvalidOrderId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        to_hex(&id.0)
    }
}

#[cfg(test)]
#[path = "id/tests.rs"]
mod tests;
