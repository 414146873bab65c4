//! Replies to requests over core NATS: an edge sends a request, and any one free worker replies. Workers
//! register as a NATS micro service (ADR-32), so that `nats service ls` shows each of them, and so does the
//! process that serves repairs.

use std::collections::HashMap;
use std::sync::Arc;
use std::{env, fs, process};

use async_nats::service::{self, NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, ServiceExt};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use crate::subjects::{EDGE_STATE, INBOX};
use crate::{Connection, EdgeReport, Pool, Profile, PullReport, WorkReport};

/// The service name of the processes that serve repairs.
pub(crate) const ADMIN_SERVICE: &str = "millrace-admin";

/// The registration of one process as a NATS service. It lasts until this value and all of its
/// [`RequestStream`]s are dropped.
#[derive(Clone)]
pub struct Service {
    registered: Arc<service::Service>,
    client: Client,
}

/// The requests on one subject that the broker routes to this process.
pub struct RequestStream {
    subject: String,
    endpoint: service::endpoint::Endpoint,
    /// Keeps the service registered: dropping it would end the stream.
    service: Service,
}

/// A service that is stopped when this is dropped.
struct StopOnDrop(Option<service::Service>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        // It waits for nothing.
        self.0.take().and_then(|service| service.stop().now_or_never());
    }
}

/// One request, to be answered once.
pub struct Request {
    /// The request body.
    pub payload: Bytes,
    received: service::Request,
    client: Client,
}

/// What a worker reports about itself in its service statistics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WorkerState {
    /// The state of the circuit breaker in front of the external service that the worker calls:
    /// `closed`, `open` or `half_open`. `None` if it calls none.
    pub breaker: Option<String>,
    /// What it does of the setting of its pool.
    #[serde(flatten)]
    pub pull: PullReport,
    /// What it has processed.
    #[serde(flatten)]
    pub work: WorkReport,
}

/// Registering the service or one of its endpoints failed.
#[derive(Debug, Error)]
#[error("cannot register NATS service")]
pub struct ServiceError(#[source] async_nats::Error);

/// The service name of the edges.
pub(crate) const EDGE_SERVICE: &str = "millrace-edge";

/// The service name of the workers of a pool.
pub(crate) fn service_name(pool: Pool) -> String {
    format!("millrace-{pool}")
}

/// The host on which this process runs.
pub fn own_host() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    host.or_else(|| env::var("HOSTNAME").ok()).unwrap_or_default().trim().to_owned()
}

/// Where a process runs, and as what.
fn metadata(role: (&str, &str), profile: Profile) -> HashMap<String, String> {
    let role_entry = (role.0, role.1.to_owned());
    let entries = [
        ("host", own_host()),
        ("pid", process::id().to_string()),
        role_entry,
        ("profile", profile.to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    entries.map(|(name, value)| (name.to_owned(), value)).into()
}

impl Connection {
    /// Registers a worker of `pool` as a NATS service, whose metadata say where it runs. `state` is called for
    /// each statistics request.
    pub async fn register_worker(
        &self,
        pool: Pool,
        profile: Profile,
        state: impl Fn() -> WorkerState + Send + Sync + 'static,
    ) -> Result<Service, ServiceError> {
        let metadata = metadata(("pool", pool.as_str()), profile);
        let state = move || json!(state());
        self.register(service_name(pool), "A worker of Millrace", metadata, state).await
    }

    /// Registers a process that serves repairs, in the same way.
    pub async fn register_admin(
        &self,
        profile: Profile,
        state: impl Fn() -> Value + Send + Sync + 'static,
    ) -> Result<Service, ServiceError> {
        let metadata = metadata(("role", "admin"), profile);
        self.register(ADMIN_SERVICE.to_owned(), "Repairs of Millrace", metadata, state).await
    }

    async fn register(
        &self,
        name: String,
        description: &str,
        metadata: HashMap<String, String>,
        state: impl Fn() -> Value + Send + Sync + 'static,
    ) -> Result<Service, ServiceError> {
        let service = self.client.service_builder().description(description);
        let service = service.metadata(metadata).stats_handler(move |_, _| state());
        let started = service.start(name, env!("CARGO_PKG_VERSION")).await;
        let registered = Arc::new(started.map_err(ServiceError)?);
        Ok(Service { registered, client: self.client.clone() })
    }

    /// Registers an edge as a NATS service, whose metadata say where it runs. `report` is called for each request on
    /// [`EDGE_STATE`], which every edge answers, and for each statistics request. Serves them until it is dropped.
    ///
    /// # Errors
    /// It is not connected.
    pub async fn serve_edge_reports(
        &self,
        profile: Profile,
        report: impl Fn() -> EdgeReport + Clone + Send + Sync + 'static,
    ) -> Result<(), ServiceError> {
        let service = self.client.service_builder().description("An edge of Millrace");
        let service = service.metadata(metadata(("role", "edge"), profile));
        let stats = report.clone();
        let service = service.stats_handler(move |_, _| json!(stats()));
        let started = service.start(EDGE_SERVICE, env!("CARGO_PKG_VERSION")).await;
        let service = started.map_err(ServiceError)?;
        let endpoint = service.endpoint_builder();
        let group = service.info().await.id;
        // It answers until it is stopped, also if it is dropped.
        let _stop = StopOnDrop(Some(service));
        // A group of its own, so that each edge replies.
        let endpoint = endpoint.name("state").queue_group(group);
        let mut requests = endpoint.add(EDGE_STATE).await.map_err(ServiceError)?;
        while let Some(request) = requests.next().await {
            if !is_of_client(&request) {
                continue;
            }
            let reply = json!(report()).to_string();
            if let Err(err) = request.respond(Ok(reply.into())).await {
                tracing::debug!(%err, "report not sent");
            }
        }
        Ok(())
    }
}

/// Whether a client waits for the reply, in its inbox.
///
/// The brokers permit a reply wherever the sender wants it, which may be a subject that it may not publish to: one that
/// a stream stores, or an API. And a consumer may have messages of a stream delivered to the subject of requests.
fn is_of_client(request: &service::Request) -> bool {
    let reply = request.message.reply.as_deref();
    let is_inbox = reply.is_some_and(|reply| reply.starts_with(INBOX));
    if !is_inbox {
        tracing::debug!(reply, subject = &*request.message.subject, "not a request of a client");
    }
    is_inbox
}

impl Service {
    /// The id of this registration, which no other process has.
    pub async fn id(&self) -> String {
        self.registered.info().await.id
    }

    /// Subscribes to the requests on `subject`, load-balanced over all processes that serve it.
    pub async fn requests(&self, subject: &str) -> Result<RequestStream, ServiceError> {
        let endpoint = self.endpoint(subject).await?;
        Ok(RequestStream { subject: subject.to_owned(), endpoint, service: self.clone() })
    }

    async fn endpoint(&self, subject: &str) -> Result<service::endpoint::Endpoint, ServiceError> {
        let endpoint = self.registered.endpoint_builder().name(subject.replace('.', "-"));
        // One queue group for all pools, so that exactly one worker replies to each request.
        endpoint.queue_group("answerers").add(subject).await.map_err(ServiceError)
    }
}

impl RequestStream {
    /// The next request; `None` when the connection is closed.
    pub async fn next(&mut self) -> Option<Request> {
        loop {
            let received = self.endpoint.next().await?;
            if is_of_client(&received) {
                let client = self.service.client.clone();
                return Some(Request {
                    payload: received.message.payload.clone(),
                    received,
                    client,
                });
            }
        }
    }

    /// Leaves the group of those that reply: the next requests are those that have come already, and then none.
    pub async fn end(&mut self) -> Result<(), ServiceError> {
        self.endpoint.stop().await.map_err(|err| ServiceError(err.into()))
    }

    /// Leaves the group of those that reply, and returns to it when `is_able` ends. Requests go to other
    /// processes in the meantime; those that have come already get an empty reply.
    pub async fn leave_until(
        &mut self,
        is_able: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        self.stop().await?;
        is_able.await;
        self.endpoint = self.service.endpoint(&self.subject).await?;
        Ok(())
    }

    /// Leaves the group of those that reply for good. Requests that have come already get an empty reply.
    pub async fn leave(mut self) -> Result<(), ServiceError> {
        self.stop().await
    }

    async fn stop(&mut self) -> Result<(), ServiceError> {
        self.end().await?;
        while let Some(request) = self.next().await {
            request.reply(Vec::new()).await;
        }
        Ok(())
    }
}

impl Request {
    /// Sends the reply, or an empty one if that is too large for a message, so that the caller does not
    /// wait for it. The caller may no longer be waiting, which is not an error.
    pub async fn reply(self, payload: Vec<u8>) {
        let bytes = payload.len();
        let Err(err) = self.received.respond(Ok(payload.into())).await else { return };
        let subject = &*self.received.message.subject;
        tracing::warn!(%err, subject, bytes, "reply not sent");
        if let Err(err) = self.received.respond(Ok(Bytes::new())).await {
            tracing::warn!(%err, subject, "empty reply not sent");
        }
    }

    /// Sends the reply of a service that refuses a request (ADR-32): the error in headers, and `payload`.
    pub async fn refuse(self, code: u16, error: &str, payload: Vec<u8>) {
        let mut headers = HeaderMap::new();
        // A header is one line.
        headers.insert(NATS_SERVICE_ERROR, error.replace(['\r', '\n'], " ").as_str());
        headers.insert(NATS_SERVICE_ERROR_CODE, code.to_string().as_str());
        let sent = self.received.respond_with_headers(Ok(payload.into()), headers).await;
        if let Err(err) = sent {
            tracing::warn!(%err, subject = &*self.received.message.subject, "refusal not sent");
        }
    }

    /// Sends one of several replies; [`reply`](Self::reply) sends the last one.
    pub async fn reply_part(&self, payload: Vec<u8>) {
        let Some(inbox) = self.received.message.reply.clone() else { return };
        if let Err(err) = self.client.publish(inbox, payload.into()).await {
            tracing::warn!(%err, "part of a reply not sent");
        }
    }
}
