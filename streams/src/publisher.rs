//! Storing a message: sent until the broker says that it is stored, or the patience is over.

use std::time::Duration;

use async_nats::client::PublishErrorKind;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use crate::replies::Waiting;
use crate::{Connection, Outgoing};

/// Without an ack for this long the same bytes are sent again under the same id.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// Between tries that the broker answers at once, as while it elects a leader.
const PAUSE: Duration = Duration::from_millis(50);

/// API error codes of a state that passes: the same id is in process, too many requests, no leader
/// yet, not the leader any more, and a server that is about to stop.
const PASSING: [u32; 6] = [10158, 10167, 10008, 10009, 10039, 10076];

/// Publishes into streams over one connection.
#[derive(Clone)]
pub struct Publisher(Connection);

/// The broker's word that a message is stored, on a quorum and as durably as the profile says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
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
struct Answer {
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
    Stored(Stored),
    Refused(ApiError),
    Passing,
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
        message: &Outgoing,
        patience: Duration,
    ) -> Result<Stored, PublishError> {
        let deadline = Instant::now() + patience;
        let mut waiting = self.0.replies.wait();
        while Instant::now() < deadline {
            if !self.0.is_connected() {
                // Sent now, it would pile up and be stored several times on the way back.
                sleep(PAUSE).await;
                continue;
            }
            let repeat_at = deadline.min(Instant::now() + REPEAT_AFTER);
            match timeout_at(repeat_at, attempt(&mut waiting, message)).await {
                Ok(Reply::Stored(stored)) => return Ok(stored),
                Ok(Reply::Refused(ApiError { err_code, description })) => {
                    return Err(PublishError::Refused { code: err_code, description });
                }
                Ok(Reply::Passing) => sleep(PAUSE).await,
                Err(_) => tracing::debug!(subject = message.subject, "no ack, sending again"),
            }
        }
        Err(PublishError::Unacknowledged)
    }
}

async fn attempt(waiting: &mut Waiting, message: &Outgoing) -> Reply {
    let Outgoing { subject, headers, payload } = message.clone();
    match waiting.send(&subject, headers, payload).await {
        Ok(()) => {}
        Err(err) if err.kind() == PublishErrorKind::MaxPayloadExceeded => {
            return Reply::Refused(ApiError { err_code: 0, description: err.to_string() });
        }
        Err(_) => return Reply::Passing,
    }
    let reply = waiting.next().await;
    // A status without a body says that no stream listens right now.
    match serde_json::from_slice::<Answer>(&reply.payload) {
        Ok(Answer { error: Some(error), .. }) if PASSING.contains(&error.err_code) => {
            Reply::Passing
        }
        Ok(Answer { error: Some(error), .. }) => Reply::Refused(error),
        Ok(Answer { stream, seq: sequence, duplicate, error: None }) if sequence > 0 => {
            Reply::Stored(Stored { stream, sequence, duplicate })
        }
        Ok(_) | Err(_) => Reply::Passing,
    }
}
