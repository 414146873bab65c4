//! Storing a message: sent until the broker says that it is stored, or the patience is over.

use std::time::Duration;

use async_nats::client::PublishErrorKind;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use crate::replies::PendingRequest;
use crate::{Connection, OutboundMessage};

/// Without an ack for this long the same bytes are sent again under the same id.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// Between tries that the broker answers at once, as while it elects a leader.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// API error codes of a state that passes: the same id is in process, too many requests, no leader
/// yet, not the leader any more, and a server that is about to stop.
const TRANSIENT_ERROR_CODES: [u32; 6] = [10158, 10167, 10008, 10009, 10039, 10076];

/// Publishes into streams over one connection.
#[derive(Clone)]
pub struct Publisher(Connection);

/// The broker's word that a message is stored, on a quorum and as durably as the profile says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubAck {
    /// The stream that holds it.
    pub stream: String,
    /// Its sequence number in the stream.
    pub sequence: u64,
    /// Whether it had been stored before under the same id.
    pub duplicate: bool,
}

/// Why a message is not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// No ack came in time: it may be stored or not.
    #[error("no broker acknowledged the message in time")]
    Unacknowledged,
    /// The broker refused it; it is not stored. A full stream is such a case.
    #[error("the broker refused the message: {description} ({code})")]
    Refused {
        /// The JetStream API error code; 0 where it is too large to be sent at all.
        code: u32,
        /// The broker's words.
        description: String,
    },
}

#[derive(Deserialize)]
struct PubAckReply {
    #[serde(default)]
    stream: String,
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
    Refused(ApiError),
    Transient,
}

impl Publisher {
    /// A publisher over `connection`.
    pub fn new(connection: Connection) -> Self {
        Self(connection)
    }

    /// Stores `message`, sending it again every second until it is acknowledged or `patience` is
    /// over. Sending again never stores it twice: its id is the same.
    pub async fn publish(
        &self,
        message: &OutboundMessage,
        patience: Duration,
    ) -> Result<PubAck, PublishError> {
        let deadline = Instant::now() + patience;
        let mut waiting = self.0.replies.wait();
        while Instant::now() < deadline {
            if !self.0.is_connected() {
                // Sent now, it would pile up and be stored several times on the way back.
                sleep(RETRY_DELAY).await;
                continue;
            }
            let repeat_at = deadline.min(Instant::now() + REPEAT_AFTER);
            match timeout_at(repeat_at, attempt(&mut waiting, message)).await {
                Ok(Reply::PubAck(stored)) => return Ok(stored),
                Ok(Reply::Refused(ApiError { err_code, description })) => {
                    return Err(PublishError::Refused { code: err_code, description });
                }
                Ok(Reply::Transient) => sleep(RETRY_DELAY).await,
                Err(_) => tracing::debug!(subject = message.subject, "no ack, sending again"),
            }
        }
        Err(PublishError::Unacknowledged)
    }
}

async fn attempt(waiting: &mut PendingRequest, message: &OutboundMessage) -> Reply {
    let OutboundMessage { subject, headers, payload } = message.clone();
    match waiting.send(&subject, headers, payload).await {
        Ok(()) => {}
        Err(err) if err.kind() == PublishErrorKind::MaxPayloadExceeded => {
            return Reply::Refused(ApiError { err_code: 0, description: err.to_string() });
        }
        Err(_) => return Reply::Transient,
    }
    let reply = waiting.next().await;
    // A status without a body says that no stream listens right now.
    match serde_json::from_slice::<PubAckReply>(&reply.payload) {
        Ok(PubAckReply { error: Some(error), .. })
            if TRANSIENT_ERROR_CODES.contains(&error.err_code) =>
        {
            Reply::Transient
        }
        Ok(PubAckReply { error: Some(error), .. }) => Reply::Refused(error),
        Ok(PubAckReply { stream, seq: sequence, duplicate, error: None }) if sequence > 0 => {
            Reply::PubAck(PubAck { stream, sequence, duplicate })
        }
        Ok(_) | Err(_) => Reply::Transient,
    }
}
