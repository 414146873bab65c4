//! A payment provider for tests, demonstrations and benchmarks, with the API of Stripe's
//! `PaymentIntents`: form-encoded requests, JSON responses, `Authorization: Bearer sk_test_…`.
//!
//! | request | effect |
//! |---|---|
//! | `POST /v1/payment_intents` | creates an intent: `amount` (minor units), `currency`, `payment_method`, `metadata[order_id]`, `confirm` |
//! | `POST /v1/payment_intents/{id}/confirm`, `…/cancel` | captures the amount, or cancels the intent; an intent succeeds once |
//! | `POST /v1/refunds` | refunds money: `payment_intent`, `amount` (the whole remainder, if absent) |
//! | `GET /v1/payment_intents/{id}`, `GET /v1/payment_intents`, `GET /v1/refunds` | one intent; lists, newest first, by `limit` and `starting_after`, refunds also by `payment_intent` |
//! | `POST /control`, `GET /control` | not in Stripe: sets and shows faults and latency, see [`FaultConfig`] |
//!
//! A `POST` with an `Idempotency-Key` is executed once; a repeat gets the saved response, errors
//! and 500s included, with `Idempotent-Replayed: true`.
//!
//! | `payment_method` | result of a confirm |
//! |---|---|
//! | none, `tok_visa`, `pm_card_visa` | succeeds |
//! | `tok_chargeDeclined`, `pm_card_chargeDeclined` | declined: `generic_decline` |
//! | `tok_insufficientFunds`, `pm_card_insufficientFunds` | declined: `insufficient_funds` |
//! | `tok_chargeDeclinedWithoutIntent` | declined: `generic_decline`, and the error does not hold the intent |
//! | `tok_flaky_N`, N from 1 to 99 | the first N executions return 500 and have no effect, the next succeeds |
//! | `tok_hang` | captures, but never responds to the call that did; all later calls see it succeeded |
//! | `tok_once_NAME` | succeeds; as the token of a real card, it can be used for one intent only |
//! | `tok_once_lost_NAME` | the same, and the first response to the create is lost: the connection is closed |
//!
//! The currency `xts` is refused as unsupported.
//!
//! Beyond Stripe: an intent without a `payment_method` gets the card that succeeds, lists accept a
//! `limit` of up to 10,000, and amounts may have twelve digits.
//!
//! All state is in memory and lost when the process exits. Every intent and refund (some 300 bytes
//! each) is kept until then, since an audit lists them all, and so are the latest 2^20 keys.

mod api;
mod command;
mod control;
mod engine;
mod error;
mod fault_config;
mod http;
mod idempotency_keys;
mod limits;
mod model;
mod object_ids;
mod operation;
mod rate_limit;
mod refunds;
mod response;
mod test_cards;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use api::Api;
pub use command::SimulatorArgs;
pub use control::set_faults;
pub use fault_config::{FaultConfig, SimulatedFault};
use limits::{ACCEPT_RETRY_DELAY, CONNECTIONS_MAX, DRAIN_TIMEOUT};
pub use model::RefundStatus;

/// Serves until `shutdown` completes, then finishes the requests in flight and drops hanging ones.
///
/// # Errors
/// The address cannot be bound again after an outage (`away_ms`).
pub async fn run(
    listener: TcpListener,
    fault_config: FaultConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (outage_sender, mut outages) = mpsc::channel(1);
    let api = Arc::new(Api::new(fault_config, outage_sender));
    let mut shutdown = pin!(shutdown);
    let mut listener = listener;
    loop {
        let mut connections = Connections::default();
        let outage = tokio::select! {
            never = connections.accept(&listener, &api) => match never {},
            outage = outages.recv() => outage,
            () = &mut shutdown => None,
        };
        drop(listener);
        connections.close().await;
        let Some(outage) = outage else { return Ok(()) };
        tokio::select! {
            () = sleep(outage) => {}
            () = &mut shutdown => return Ok(()),
        }
        listener = TcpListener::bind(address).await?;
    }
}

/// The open connections. Dropping this closes them.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    async fn accept(&mut self, listener: &TcpListener, api: &Arc<Api>) -> Infallible {
        loop {
            while self.tasks.try_join_next().is_some() {}
            if self.tasks.len() >= CONNECTIONS_MAX {
                self.tasks.join_next().await;
            }
            let Ok((stream, _)) = listener.accept().await else {
                sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            };
            // Without it a small response may wait for the peer's delayed acknowledgement.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            let api = Arc::clone(api);
            let service = service_fn(move |request| http::handle(Arc::clone(&api), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let connection = self.graceful.watch(connection);
            self.tasks.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection failed");
                }
            });
        }
    }

    async fn close(self) {
        if timeout(DRAIN_TIMEOUT, self.graceful.shutdown()).await.is_err() {
            tracing::debug!("drain timeout, closing hanging connections");
        }
    }
}
