//! Publishes a message into a stream: repeats it until the broker acknowledges it or the timeout
//! expires.

use std::sync::Once;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use crate::limits::{PUBLISH_RESEND_AFTER, PUBLISH_RETRY_DELAY};
use crate::reply_router::PendingRequest;
use crate::{Connection, OutboundMessage};

/// JetStream API error codes of transient states: a message with the same id is being processed,
/// too many requests, no leader yet, no longer the leader, and a server that is shutting down.
/// Instead of an error code: the message is larger than the broker accepts, and was not sent.
const NOT_SENT: u32 = 0;
/// JetStream API error code: the message is larger than the stream's `max_msg_size`.
const MESSAGE_SIZE_EXCEEDS_MAXIMUM: u32 = 10054;
const TRANSIENT_ERROR_CODES: [u32; 6] = [10158, 10167, 10008, 10009, 10039, 10076];

impl PublishError {
    /// Whether the message is too large for the broker or the stream, so that it will never be
    /// stored.
    pub const fn is_too_large(&self) -> bool {
        matches!(self, Self::Refused { code: NOT_SENT | MESSAGE_SIZE_EXCEEDS_MAXIMUM, .. })
    }
}

/// Acks of other streams are logged once: they may come as fast as messages.
static FOREIGN_ACK_LOGGED: Once = Once::new();

/// Publishes into streams over one connection.
#[derive(Clone)]
pub struct Publisher(Connection);

/// The broker's acknowledgement that a message is stored on a quorum, as durably as the profile
/// claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubAck {
    /// The stream that holds it.
    pub stream: String,
    /// Its sequence number in the stream.
    pub sequence: u64,
    /// Whether a message with the same id was already stored.
    pub duplicate: bool,
}

/// A message is not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// No ack arrived before the timeout. The message may or may not be stored.
    #[error("no broker acknowledged the message in time")]
    Unacknowledged,
    /// The broker rejected the message, for example because the stream is full. It is not stored.
    #[error("the broker rejected the message: {description} ({code})")]
    Refused {
        /// The JetStream API error code; 0 if the message is too large to be sent at all.
        code: u32,
        /// The broker's description of the error.
        description: String,
    },
}

#[derive(Deserialize)]
struct PubAckReply {
    #[serde(default)]
    stream: String,
    /// The JetStream domain; ours has none.
    domain: Option<String>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    err_code: u32,
    #[serde(default)]
    description: String,
}

enum Reply {
    PubAck(PubAck),
    Rejected(ApiError),
    Transient,
}

impl Publisher {
    /// A publisher over `connection`.
    pub fn new(connection: Connection) -> Self {
        Self(connection)
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.0
    }

    /// Publishes `message`, sending it again every second until it is acknowledged or `timeout`
    /// expires. Sending it again never stores it twice, because its id is the same.
    pub async fn publish(
        &self,
        message: &OutboundMessage,
        timeout: Duration,
    ) -> Result<PubAck, PublishError> {
        let deadline = Instant::now() + timeout;
        let mut request = self.0.replies.register();
        while Instant::now() < deadline {
            if !self.0.is_connected() {
                // A message sent now would queue in the client and be sent several times on
                // reconnect.
                sleep(PUBLISH_RETRY_DELAY).await;
                continue;
            }
            let resend_at = deadline.min(Instant::now() + PUBLISH_RESEND_AFTER);
            match timeout_at(resend_at, attempt(&mut request, message)).await {
                Ok(Reply::PubAck(ack)) => return Ok(ack),
                Ok(Reply::Rejected(ApiError { err_code, description })) => {
                    return Err(PublishError::Refused { code: err_code, description });
                }
                Ok(Reply::Transient) => sleep(PUBLISH_RETRY_DELAY).await,
                Err(_) => tracing::debug!(
                    subject = message.subject,
                    "no ack from broker, sending message again"
                ),
            }
        }
        Err(PublishError::Unacknowledged)
    }
}

async fn attempt(request: &mut PendingRequest, message: &OutboundMessage) -> Reply {
    let OutboundMessage { stream, ref subject, .. } = *message;
    let (headers, payload) = (message.headers.clone(), message.payload.clone());
    match request.send(subject, headers, payload).await {
        Ok(()) => {}
        Err(err) if err.kind() == PublishErrorKind::MaxPayloadExceeded => {
            return Reply::Rejected(ApiError { err_code: NOT_SENT, description: err.to_string() });
        }
        Err(_) => return Reply::Transient,
    }
    loop {
        let reply = request.next_reply().await;
        if let Some(reply) = classify(&reply.payload, stream) {
            return reply;
        }
        // Anything that has the subject may reply, and our stream's reply may come later.
        FOREIGN_ACK_LOGGED
            .call_once(|| tracing::warn!(stream, subject, "acks of another stream are ignored"));
    }
}

/// What a reply says about a message for `stream`; `None` if it is about another stream.
fn classify(reply: &[u8], stream: &str) -> Option<Reply> {
    // A status without a body means that no stream has the subject right now.
    let Ok(reply) = serde_json::from_slice::<PubAckReply>(reply) else {
        return Some(Reply::Transient);
    };
    let is_ours = reply.stream == stream && reply.domain.is_none();
    match reply {
        PubAckReply { error: Some(error), .. }
            if TRANSIENT_ERROR_CODES.contains(&error.err_code) =>
        {
            Some(Reply::Transient)
        }
        PubAckReply { error: Some(error), .. } => Some(Reply::Rejected(error)),
        PubAckReply { seq: sequence, duplicate, .. } if is_ours && sequence > 0 => {
            Some(Reply::PubAck(PubAck { stream: reply.stream, sequence, duplicate }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ack(reply: &str) -> bool {
        matches!(classify(reply.as_bytes(), "ORDERS"), Some(Reply::PubAck(_)))
    }

    #[test]
    fn only_an_ack_of_the_stream_that_was_meant_counts() {
        assert!(is_ack(r#"{"stream":"ORDERS","seq":7}"#));
        assert!(is_ack(r#"{"stream":"ORDERS","seq":7,"duplicate":true}"#));
        for reply in [
            r#"{"stream":"AUDIT_TRAIL","seq":7}"#,
            r#"{"stream":"ORDERS","seq":7,"domain":"leaf"}"#,
            r#"{"stream":"orders","seq":7}"#,
            r#"{"stream":"ORDERS","seq":0}"#,
            r#"{"stream":"ORDERS"}"#,
            r#"{"seq":7}"#,
            r#"{"stream":"ORDERS","seq":7,"error":{"err_code":10077}}"#,
            "{}",
            "",
            "OK",
        ] {
            assert!(!is_ack(reply), "{reply}");
        }
    }
}
