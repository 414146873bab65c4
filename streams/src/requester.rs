//! Requests over core NATS, each of which any one free worker answers.

use std::time::Duration;

use async_nats::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::routes::Routes;
use crate::{ConnectError, Connection};

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
    /// Requests over `connection`.
    pub fn new(connection: Connection) -> Self {
        Self(Routes::single(connection))
    }

    /// Requests over `connection`, which pass over a broker that is silent or lost if `urls` (separated
    /// by commas) name several. `name` is what operators see in the brokers' list of connections.
    ///
    /// # Errors
    /// A connection is closed while it is opened.
    pub async fn over_each_broker(
        connection: Connection,
        urls: &str,
        name: &str,
    ) -> Result<Self, ConnectError> {
        Ok(Self(Routes::to_each_broker(connection, urls, name).await?))
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
        let mut used = vec![self.0.preferred()];
        let mut sent = FuturesUnordered::new();
        sent.push(self.request_over(used[0], subject, payload.clone(), deadline));
        loop {
            tokio::select! {
                biased;
                Some(result) = sent.next() => return result,
                next = self.0.another(&used) => {
                    used.push(next);
                    sent.push(self.request_over(next, subject, payload.clone(), deadline));
                }
            }
        }
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
