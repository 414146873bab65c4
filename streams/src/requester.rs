//! Requests over core NATS, each of which any one free worker answers.

use std::time::Duration;

use async_nats::{HeaderMap, Message, StatusCode};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::limits::LANES_TIMEOUT;
use crate::routes::Routes;

/// Sends requests. A broker that is silent or lost is passed over, if there is a connection to another
/// one. Cheap to clone.
#[derive(Clone)]
pub struct Requester(Routes);

/// A request got no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No process serves the subject, or the connection is closed.
    #[error("no responders")]
    NoResponders,
    /// No reply arrived before the timeout.
    #[error("request timed out")]
    Timeout,
}

impl Requester {
    /// Requests over a connection, or over [`Routes`].
    pub fn new(routes: impl Into<Routes>) -> Self {
        Self(routes.into())
    }

    /// One that sends over another connection alone, each time over the next one that is good; `None` if there is no
    /// other.
    pub(crate) fn over_another_route(&self) -> Option<Self> {
        let index = self.0.good_in_turn()?;
        Some(Self::new(self.0.get(index).connection.clone()))
    }

    /// Sends one request to `subject` and waits up to `timeout` for the reply. If a broker hangs, the
    /// request is sent over the connection to another one as well: two workers may answer it.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        let message = self.request_message(subject, payload, (timeout, timeout)).await?;
        Ok(message.payload)
    }

    /// The same with the headers of the reply. Without a reply the request is sent again each time after
    /// `resend_after`: any of several processes may get it, and one of them may hang.
    pub(crate) async fn request_message(
        &self,
        subject: &str,
        payload: Bytes,
        (timeout, resend_after): (Duration, Duration),
    ) -> Result<Message, RequestError> {
        let deadline = Instant::now() + timeout;
        let send =
            |index| self.request_over(index, subject, payload.clone(), (deadline, resend_after));
        self.0.first_result(send).await
    }

    /// What the brokers reply to a request to the JetStream API, such as `STREAM.INFO.ORDERS_1`; `None`
    /// without a reply, or if it is an error.
    pub(crate) async fn api<T: DeserializeOwned>(&self, request: &str, body: &str) -> Option<T> {
        let (subject, body) =
            (format!("$JS.API.{request}"), Bytes::copy_from_slice(body.as_bytes()));
        let reply = self.request(&subject, body, LANES_TIMEOUT).await.ok()?;
        serde_json::from_slice(&reply).ok()
    }

    /// Sends the request over the route with this index.
    async fn request_over(
        &self,
        index: usize,
        subject: &str,
        payload: Bytes,
        (deadline, resend_after): (Instant, Duration),
    ) -> Result<Message, RequestError> {
        let mut request = self.0.get(index).connection.replies.register();
        while Instant::now() < deadline {
            let resend_at = deadline.min(Instant::now() + resend_after);
            let reply = timeout_at(resend_at, async {
                let sent = request.send(subject, HeaderMap::new(), payload.clone()).await;
                sent.map_err(|_| RequestError::NoResponders)?;
                Ok(request.next_reply().await)
            });
            let Ok(reply) = reply.await else { continue };
            let reply = reply?;
            if reply.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(RequestError::NoResponders);
            }
            self.0.prefer(index);
            return Ok(reply);
        }
        Err(RequestError::Timeout)
    }
}
