//! Publishes a message into a stream: repeats it until the broker acknowledges it or the timeout
//! expires. A broker that hangs or is lost is passed over: an event goes to another lane, anything else
//! over another connection.

mod lanes;
mod reply;

use std::sync::Once;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use crate::limits::{PUBLISH_RESEND_AFTER, PUBLISH_RETRY_DELAY};
use crate::outbound::Destination;
use crate::reply_router::PendingRequest;
use crate::routes::Routes;
use crate::silence::InFlight;
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

    /// Publishes `message`, sending it again until it is acknowledged or `timeout` expires. Within a
    /// stream sending it again never stores it twice, because its id is the same.
    ///
    /// An event is stored in any one lane. If nothing at all comes back from a lane for 250 ms or
    /// longer, or its leader is lost, the same bytes go to the next one.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish(
        &self,
        message: &OutboundMessage,
        timeout: Duration,
    ) -> Result<PubAck, PublishError> {
        let deadline = Instant::now() + timeout;
        match &message.destination {
            Destination::Lanes(kind) => self.publish_in_lanes(*kind, message, deadline).await,
            Destination::Stream(stream, subject) => {
                let to = Place { stream, subject: subject.clone() };
                let publish = |index| self.publish_over(index, &to, message, deadline);
                self.0.first_result(publish).await
            }
        }
    }

    /// Publishes over the route with this index until the message is acknowledged or refused.
    async fn publish_over(
        &self,
        index: usize,
        to: &Place,
        message: &OutboundMessage,
        deadline: Instant,
    ) -> Result<PubAck, PublishError> {
        let route = self.0.get(index);
        let mut request = route.connection.replies.register();
        while Instant::now() < deadline {
            if !route.connection.is_connected() {
                // A message sent now would queue in the client and be sent several times on
                // reconnect.
                sleep(PUBLISH_RETRY_DELAY).await;
                continue;
            }
            let resend_at = deadline.min(Instant::now() + PUBLISH_RESEND_AFTER);
            let attempt = attempt(None, &mut request, to, message);
            match timeout_at(resend_at, attempt).await {
                Ok(Reply::PubAck(ack)) => {
                    self.0.prefer(index);
                    return Ok(ack);
                }
                Ok(Reply::Rejected(ApiError { code, description })) => {
                    return Err(PublishError::Refused { code, description });
                }
                Ok(Reply::Busy | Reply::NotServed) => sleep(PUBLISH_RETRY_DELAY).await,
                Err(_) => {
                    tracing::debug!(to.subject, "no ack from broker, sending message again");
                }
            }
        }
        Err(PublishError::Unacknowledged)
    }
}

/// Where a message is to be stored.
struct Place {
    stream: &'static str,
    subject: String,
}

/// Sends a message once, and waits for its reply. `in_flight` says whether its lane is silent.
async fn attempt(
    in_flight: Option<&InFlight>,
    request: &mut PendingRequest,
    to: &Place,
    message: &OutboundMessage,
) -> Reply {
    let Place { stream, subject } = to;
    let (headers, payload) = (message.headers_for(stream), message.payload.clone());
    let sent_at = in_flight.map(InFlight::sent);
    match request.send(subject, headers, payload).await {
        Ok(()) => {}
        Err(err) if err.kind() == PublishErrorKind::MaxPayloadExceeded => {
            return Reply::Rejected(ApiError { code: NOT_SENT, description: err.to_string() });
        }
        Err(_) => return Reply::NotServed,
    }
    loop {
        let reply = request.next_reply().await;
        if let Some(reply) = classify(&reply.payload, stream) {
            if let Some((in_flight, sent_at)) = in_flight.zip(sent_at) {
                in_flight.answered(sent_at);
            }
            return reply;
        }
        // Anything that has the subject may reply, and our stream's reply may come later.
        FOREIGN_ACK_LOGGED
            .call_once(|| tracing::warn!(stream, subject, "acks of another stream are ignored"));
    }
}
