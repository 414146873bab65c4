//! Requests over core NATS, each of which any one free worker answers.

use std::time::Duration;

use async_nats::{HeaderMap, StatusCode};
use bytes::Bytes;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

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

    /// Sends one request to `subject` and waits up to `timeout` for the reply. If nothing at all comes
    /// back over a connection, the request is sent over others as well: two workers may answer it.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        let deadline = Instant::now() + timeout;
        let send = |index| self.request_over(index, subject, payload.clone(), deadline);
        self.0.first_result(send).await
    }

    /// Sends the request over the route with this index.
    async fn request_over(
        &self,
        index: usize,
        subject: &str,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, RequestError> {
        let route = self.0.get(index);
        let mut request = route.connection.replies.register();
        let in_flight = route.wait_for_answer();
        let sent_at = in_flight.sent();
        let reply = timeout_at(deadline, async {
            let sent = request.send(subject, HeaderMap::new(), payload).await;
            sent.map_err(|_| RequestError::NoResponders)?;
            Ok(request.next_reply().await)
        });
        let reply = reply.await.map_err(|_| RequestError::Timeout)??;
        in_flight.answered(sent_at);
        if reply.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(RequestError::NoResponders);
        }
        self.0.prefer(index);
        Ok(reply.payload)
    }
}
