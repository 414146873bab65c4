//! A message to be published into a stream.

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use bytes::Bytes;
use orders::{EventKind, to_hex};
use sha2::{Digest, Sha256};

use crate::failpoint;
use crate::subjects::{ANSWER_ALWAYS, ANSWER_HEADER};

/// A message for a stream. It keeps the same bytes and the same id on every attempt.
#[derive(Debug, Clone)]
pub struct OutboundMessage {
    pub(crate) destination: Destination,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// Where a message is stored.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// In any one lane, as events of this kind.
    Lanes(EventKind),
    /// In this stream, under this subject.
    Stream(&'static str, String),
}

impl OutboundMessage {
    /// A message whose `Nats-Msg-Id` is a hash of its bytes, so a different grouping of records has
    /// a different id.
    pub(crate) fn with_dedup_id(destination: Destination, payload: Bytes) -> Self {
        failpoint!("id_by_counter" => return Self::with_id(destination, payload, &counter()));
        let id = content_id(&payload);
        Self::with_id(destination, payload, &id)
    }

    /// A message with the `Nats-Msg-Id` `id`.
    pub(crate) fn with_id(destination: Destination, payload: Bytes, id: &str) -> Self {
        let mut message = Self::without_dedup_id(destination, payload);
        message.headers.insert(NATS_MESSAGE_ID, id);
        message
    }

    /// A message without `Nats-Msg-Id`: the broker stores it each time it is published.
    pub(crate) fn without_dedup_id(destination: Destination, payload: Bytes) -> Self {
        Self { destination, headers: HeaderMap::new(), payload }
    }

    /// The headers for `stream`. The broker refuses the message for any other stream that has the
    /// subject.
    pub(crate) fn headers_for(&self, stream: &str) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(NATS_EXPECTED_STREAM, stream);
        headers
    }

    /// The same message, to which steps publish their outcomes even if they have answered another one of
    /// the order a moment ago.
    #[must_use]
    pub fn asking_for_answer(mut self) -> Self {
        self.headers.insert(ANSWER_HEADER, ANSWER_ALWAYS);
        self
    }

    /// The message body.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}

/// An id that the broker cannot de-duplicate by, for the failpoint `id_by_counter`.
#[cfg(feature = "failpoints")]
fn counter() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    COUNTER.fetch_add(1, Ordering::Relaxed).to_string()
}

/// 128 bits of SHA-256 over `bytes`, as 32 hexadecimal digits.
pub(crate) fn content_id(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes)[..16])
}
