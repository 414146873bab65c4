//! Questions over core NATS: the edge asks, whichever worker is free answers. Who answers is a NATS
//! micro service (ADR-32), so that `nats service ls` shows every worker.

use std::sync::Arc;
use std::time::Duration;

use async_nats::service::{self, ServiceExt};
use async_nats::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;
use tokio::time::timeout;

use crate::{Connection, Pool};

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Nobody is there to answer.
    #[error("nobody is there to answer")]
    Nobody,
    /// The answer did not come in time.
    #[error("the answer did not come in time")]
    TooLate,
}

/// One worker, as the brokers and their tools see it. It is seen until this and all of its
/// questions are dropped.
pub struct Service(Arc<service::Service>);

/// The questions on one subject that reach this process.
pub struct RequestStream {
    arriving: service::endpoint::Endpoint,
    /// Dropping it would end what arrives.
    _service: Arc<service::Service>,
}

/// One question.
pub struct Request {
    /// What is asked.
    pub payload: Bytes,
    request: service::Request,
}

/// What a worker says about itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WorkerState {
    /// The circuit breaker before what it calls: `closed`, `open` or `half_open`. `None` where it
    /// calls nothing.
    pub breaker: Option<String>,
}

/// The service could not be announced.
#[derive(Debug, Error)]
#[error("cannot be announced as a service")]
pub struct ServiceError(#[source] async_nats::Error);

/// What the workers of a pool are called as a service.
pub(crate) fn service_name(pool: Pool) -> String {
    format!("millrace-{pool}")
}

impl Connection {
    /// Asks whoever answers on `subject`, once, and waits up to `patience`.
    pub async fn ask(
        &self,
        subject: &str,
        payload: Bytes,
        patience: Duration,
    ) -> Result<Bytes, RequestError> {
        let mut waiting = self.replies.wait();
        let reply = timeout(patience, async {
            waiting
                .send(subject, HeaderMap::new(), payload)
                .await
                .map_err(|_| RequestError::Nobody)?;
            Ok(waiting.next().await)
        });
        match reply.await {
            Ok(Ok(reply)) if reply.status == Some(StatusCode::NO_RESPONDERS) => {
                Err(RequestError::Nobody)
            }
            Ok(Ok(reply)) => Ok(reply.payload),
            Ok(Err(err)) => Err(err),
            Err(_) => Err(RequestError::TooLate),
        }
    }

    /// Announces a worker of `pool`. `state` is what it says about itself beyond being there.
    pub async fn serve(
        &self,
        pool: Pool,
        state: impl Fn() -> WorkerState + Send + Sync + 'static,
    ) -> Result<Service, ServiceError> {
        let service = self.client.service_builder().description("A worker of Millrace");
        let service = service.stats_handler(move |_, _| json!(state()));
        let started = service.start(service_name(pool), env!("CARGO_PKG_VERSION")).await;
        started.map(Arc::new).map(Service).map_err(ServiceError)
    }
}

impl Service {
    /// The questions on `subject`, shared with everybody else who answers them.
    pub async fn questions(&self, subject: &'static str) -> Result<RequestStream, ServiceError> {
        let endpoint = self.0.endpoint_builder().name(subject.replace('.', "-"));
        // Whichever pool it belongs to, one worker answers.
        let added = endpoint.queue_group("answerers").add(subject).await;
        let arriving = added.map_err(ServiceError)?;
        Ok(RequestStream { arriving, _service: self.0.clone() })
    }
}

impl RequestStream {
    /// The next question; `None` when the connection is closed.
    pub async fn next(&mut self) -> Option<Request> {
        let request = self.arriving.next().await?;
        Some(Request { payload: request.message.payload.clone(), request })
    }
}

impl Request {
    /// Answers. Whoever asked may have gone; that is no error.
    pub async fn answer(self, payload: Vec<u8>) {
        if let Err(err) = self.request.respond(Ok(payload.into())).await {
            tracing::debug!(%err, "a question was not answered");
        }
    }
}
