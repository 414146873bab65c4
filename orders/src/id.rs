//! Order ids: derived identically by every edge, and signed by the edge that issues them.

mod events_token;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::hex::{fmt_hex, from_hex, to_hex};
use crate::limits::SIGNING_KEY_LENGTH_MIN;
use crate::{CallerHash, CallerName, IdempotencyKey};

const ID_BYTES: usize = 16;
/// 64 bits: guessing one over HTTP at 100,000 tries a second takes millions of years.
const MAC_BYTES: usize = 8;

/// An order's id: 128 bits of SHA-256 over caller and `Idempotency-Key`, so that a repeat has the
/// same id on every edge without shared state. It identifies the order in databases, events and
/// logs. Written as 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId([u8; ID_BYTES]);

/// An [`OrderId`] with a truncated HMAC-SHA-256 (MAC), which shows that an edge issued it, and to whom. Only a
/// 202 response contains one, so a client that presents it has received that response. It does not
/// prove that the order is stored. Written as the id's 32 digits and 16 more for the MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedOrderId {
    id: OrderId,
    mac: [u8; MAC_BYTES],
    is_of_public: bool,
}

/// The secret keys for MACs. The first one signs; all of them verify, so that a key can be rotated:
/// append the new key, move it to the front, remove the old key.
#[derive(Clone)]
pub struct SigningKeys {
    first: SigningKey,
    rest: Vec<SigningKey>,
}

/// What is made with one secret, each with a key of its own.
#[derive(Clone)]
struct SigningKey {
    ids: Hmac<Sha256>,
    callers: Hmac<Sha256>,
    events_tokens: Hmac<Sha256>,
}

/// A signing key is too short: a MAC is worthless if its key can be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("each secret must have at least {SIGNING_KEY_LENGTH_MIN} characters")]
pub struct SigningKeyTooShort;

/// A string that is not a valid order id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an order id must be 32 lower-case hexadecimal digits")]
pub struct InvalidOrderId;

/// A string that is an order id neither without nor with its MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an order id has 32 hexadecimal digits, or 48 as edges answer it")]
pub struct InvalidCopiedId;

impl OrderId {
    /// The id of the order that `caller` places under `key`.
    pub fn derive(caller: &CallerName, key: &IdempotencyKey) -> Self {
        let caller = caller.as_str();
        let mut hash = Sha256::new();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((caller.len() as u64).to_be_bytes());
        hash.update(caller);
        hash.update(key.as_str());
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&hash.finalize()[..ID_BYTES]);
        Self(id)
    }

    /// The id from its 16 bytes, as stored in a database.
    pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// The id that a person has copied: from an event or a log, with 32 digits, or from an answer of an edge, with the
    /// 16 of its MAC behind them, which is not verified. The digits are in either case.
    pub fn parse_copied(text: &str) -> Result<Self, InvalidCopiedId> {
        let digits = text.to_ascii_lowercase();
        let (id, mac) = digits.split_at_checked(2 * ID_BYTES).ok_or(InvalidCopiedId)?;
        if !mac.is_empty() && from_hex::<MAC_BYTES>(mac).is_none() {
            return Err(InvalidCopiedId);
        }
        from_hex(id).map(Self).ok_or(InvalidCopiedId)
    }

    /// The 16 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

impl SignedOrderId {
    /// The id without its MAC.
    pub const fn id(&self) -> OrderId {
        self.id
    }

    /// Whether it was issued to a caller who was not authenticated, and so is that of everyone who has it.
    pub const fn is_of_public(&self) -> bool {
        self.is_of_public
    }
}

impl SigningKeys {
    /// `first` signs and verifies; `rest` only verify.
    pub fn new<'a>(first: &str, rest: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            first: SigningKey::new(first),
            rest: rest.into_iter().map(SigningKey::new).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Who places an order, as its events and rows have it; `None` for the public.
    pub fn caller_hash(&self, caller: &CallerName) -> Option<CallerHash> {
        CallerHash::of(caller, &self.first.callers)
    }

    /// What events and rows of all orders of `caller` have, also of those that were placed with an earlier key: none
    /// for the public.
    pub fn caller_hashes(&self, caller: &CallerName) -> Vec<CallerHash> {
        let mut hashes = Vec::new();
        for hash in self.all().filter_map(|key| CallerHash::of(caller, &key.callers)) {
            // A secret may be configured twice.
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
        hashes
    }

    /// What is in place of the name of `caller` where it must not be read: without the first key, no name can be
    /// compared with it.
    pub fn pseudonym(&self, caller: &CallerName) -> [u8; 16] {
        let full = self.first.ids.clone().chain_update("caller:").chain_update(caller.as_str());
        let mut pseudonym = [0; 16];
        pseudonym.copy_from_slice(&full.finalize().into_bytes()[..16]);
        pseudonym
    }

    /// Signs `id`, which is issued to `caller`.
    pub fn sign(&self, id: OrderId, caller: &CallerName) -> SignedOrderId {
        let full = signed(&self.first.ids, id, caller).finalize().into_bytes();
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&full[..MAC_BYTES]);
        SignedOrderId { id, mac, is_of_public: caller.is_public() }
    }

    /// Parses `text` and verifies its MAC. `None` if no edge with one of these keys issued it to `caller`. An id that
    /// was issued before callers were authenticated is that of everyone who has it.
    pub fn verify(&self, text: &str, caller: &CallerName) -> Option<SignedOrderId> {
        let (id, mac) = text.split_at_checked(2 * ID_BYTES)?;
        let (id, mac) = (OrderId(from_hex(id)?), from_hex::<MAC_BYTES>(mac)?);
        let is_issued_to = |caller: &CallerName| {
            self.all().any(|key| signed(&key.ids, id, caller).verify_truncated_left(&mac).is_ok())
        };
        let is_of_public = is_issued_to(&CallerName::PUBLIC);
        let is_issued = is_of_public || is_issued_to(caller);
        is_issued.then_some(SignedOrderId { id, mac, is_of_public })
    }
}

impl std::str::FromStr for SigningKeys {
    type Err = SigningKeyTooShort;

    /// Parses a comma-separated list of keys; the first one signs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut keys = text.split(',');
        if keys.clone().any(|key| key.chars().count() < SIGNING_KEY_LENGTH_MIN) {
            return Err(SigningKeyTooShort);
        }
        let first = keys.next().ok_or(SigningKeyTooShort)?;
        Ok(Self::new(first, keys))
    }
}

/// What the MAC covers: the id, whose length is fixed, and behind it the name of an authenticated caller.
fn signed(key: &Hmac<Sha256>, id: OrderId, caller: &CallerName) -> Hmac<Sha256> {
    let mac = key.clone().chain_update(id.0);
    if caller.is_public() { mac } else { mac.chain_update(caller.as_str()) }
}

impl SigningKey {
    fn new(secret: &str) -> Self {
        let ids = hmac(secret.as_bytes());
        let derived = |label: &str| hmac(&ids.clone().chain_update(label).finalize().into_bytes());
        let (callers, events_tokens) =
            (derived("millrace caller hash"), derived("millrace events token"));
        Self { ids, callers, events_tokens }
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC accepts a key of any length")
}

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        fmt_hex(&self.0, f)
    }
}

impl std::fmt::Display for SignedOrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        fmt_hex(&self.id.0, f)?;
        fmt_hex(&self.mac, f)
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKeys({})", 1 + self.rest.len())
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
