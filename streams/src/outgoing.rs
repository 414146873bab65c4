//! A message on its way to a stream.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Mutant;

/// A message for a stream: the same bytes under the same id however often it is sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Outgoing {
    /// A message whose id is a hash of its bytes: another grouping of records is another id.
    pub(crate) fn identified(subject: String, payload: Bytes) -> Self {
        let id = if Mutant::IdByCounter.is_on() { counted() } else { content_id(&payload) };
        let mut message = Self::unidentified(subject, payload);
        message.headers.insert(NATS_MESSAGE_ID, id.as_str());
        message
    }

    /// A message that the broker stores however often it comes.
    pub(crate) fn unidentified(subject: String, payload: Bytes) -> Self {
        Self { subject, headers: HeaderMap::new(), payload }
    }

    /// The bytes that travel.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}

/// What no message may be known by: see [`Mutant::IdByCounter`].
fn counted() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    COUNTER.fetch_add(1, Ordering::Relaxed).to_string()
}

/// 128 bits of SHA-256 over `bytes`, as 32 hexadecimal digits.
pub(crate) fn content_id(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut id = String::with_capacity(32);
    for byte in &Sha256::digest(bytes)[..16] {
        write!(id, "{byte:02x}").expect("a String takes every text");
    }
    id
}
