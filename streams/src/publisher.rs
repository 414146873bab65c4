//! Publishes a message into a stream: repeats it until the broker acknowledges it or the timeout
//! expires. A broker that hangs or is lost is passed over, if there is a connection to another one.

mod reply;

use std::sync::Once;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use crate::limits::{PUBLISH_RESEND_AFTER, PUBLISH_RETRY_DELAY};
use crate::reply_router::PendingRequest;
use crate::routes::{InFlight, Routes};
use crate::{Connection, OutboundMessage};
pub use reply::PubAck;
use reply::{ApiError, MESSAGE_SIZE_EXCEEDS_MAXIMUM, NOT_SENT, Reply, classify};

/// Acks of other streams are logged once: they may come as fast as messages.
static FOREIGN_ACK_LOGGED: Once = Once::new();

/// Publishes into streams. Cheap to clone.
#[derive(Clone)]
pub struct Publisher(Routes);

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

impl PublishError {
    /// Whether the message is too large for the broker or the stream, so that it will never be
    /// stored.
    pub const fn is_too_large(&self) -> bool {
        matches!(self, Self::Refused { code: NOT_SENT | MESSAGE_SIZE_EXCEEDS_MAXIMUM, .. })
    }
}

impl Publisher {
    /// A publisher over a connection, or over [`Routes`].
    pub fn new(routes: impl Into<Routes>) -> Self {
        Self(routes.into())
    }

    /// Whether any broker answers messages, as far as is known.
    pub fn is_answered(&self) -> bool {
        self.0.are_answered()
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.0.connection()
    }

    /// Publishes `message`, sending it again every second until it is acknowledged or `timeout`
    /// expires. Sending it again never stores it twice, because its id is the same.
    ///
    /// If nothing at all comes back over a connection for 250 ms or longer, or it is lost, the same
    /// bytes go to another broker.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish(
        &self,
        message: &OutboundMessage,
        timeout: Duration,
    ) -> Result<PubAck, PublishError> {
        let deadline = Instant::now() + timeout;
        self.0.first_result(|index| self.publish_over(index, message, deadline)).await
    }

    /// Publishes over the route with this index until the message is acknowledged or refused.
    async fn publish_over(
        &self,
        index: usize,
        message: &OutboundMessage,
        deadline: Instant,
    ) -> Result<PubAck, PublishError> {
        let route = self.0.get(index);
        let mut request = route.connection.replies.register();
        let in_flight = route.wait_for_answer();
        while Instant::now() < deadline {
            if !route.connection.is_connected() {
                // A message sent now would queue in the client and be sent several times on
                // reconnect.
                sleep(PUBLISH_RETRY_DELAY).await;
                continue;
            }
            let resend_at = deadline.min(Instant::now() + PUBLISH_RESEND_AFTER);
            match timeout_at(resend_at, attempt(&in_flight, &mut request, message)).await {
                Ok(Reply::PubAck(ack)) => {
                    self.0.prefer(index);
                    return Ok(ack);
                }
                Ok(Reply::Rejected(ApiError { code, description })) => {
                    return Err(PublishError::Refused { code, description });
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

async fn attempt(
    in_flight: &InFlight<'_>,
    request: &mut PendingRequest,
    message: &OutboundMessage,
) -> Reply {
    let OutboundMessage { stream, ref subject, .. } = *message;
    let (headers, payload) = (message.headers.clone(), message.payload.clone());
    let sent_at = in_flight.sent();
    match request.send(subject, headers, payload).await {
        Ok(()) => {}
        Err(err) if err.kind() == PublishErrorKind::MaxPayloadExceeded => {
            return Reply::Rejected(ApiError { code: NOT_SENT, description: err.to_string() });
        }
        Err(_) => return Reply::Transient,
    }
    loop {
        let reply = request.next_reply().await;
        in_flight.answered(sent_at);
        if let Some(reply) = classify(&reply.payload, stream) {
            return reply;
        }
        // Anything that has the subject may reply, and our stream's reply may come later.
        FOREIGN_ACK_LOGGED
            .call_once(|| tracing::warn!(stream, subject, "acks of another stream are ignored"));
    }
}
