//! A payment provider for tests, demonstrations and benchmarks, in the shape of Stripe's
//! `PaymentIntents` API: form-encoded requests, JSON answers, `Authorization: Bearer sk_test_…`.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /v1/payment_intents` | creates an intent: `amount` (minor units), `currency`, `payment_method`, `metadata[order_id]`, `confirm` |
//! | `POST /v1/payment_intents/{id}/confirm`, `…/cancel` | captures the amount, or gives the intent up; an intent succeeds once |
//! | `POST /v1/refunds` | gives money back: `payment_intent`, `amount` (all that is left, if absent) |
//! | `GET /v1/payment_intents/{id}`, `GET /v1/payment_intents`, `GET /v1/refunds` | one intent; lists, newest first, by `limit` and `starting_after` |
//! | `POST /control` | our own: sets how the provider behaves, see [`FaultConfig`] |
//!
//! A `POST` with an `Idempotency-Key` is executed once; a repeat gets the saved answer, errors and
//! 500s included, with `Idempotent-Replayed: true`.
//!
//! | `payment_method` | what a confirm does |
//! |---|---|
//! | none, `tok_visa`, `pm_card_visa` | succeeds |
//! | `tok_chargeDeclined`, `pm_card_chargeDeclined` | declined: `generic_decline` |
//! | `tok_insufficientFunds`, `pm_card_insufficientFunds` | declined: `insufficient_funds` |
//! | `tok_flaky_N`, N from 1 to 99 | the first N executions answer 500 and do nothing, the next succeeds |
//! | `tok_hang` | captures, but never answers the call that did; all later calls see it succeeded |
//!
//! Beyond Stripe: an intent without a `payment_method` gets the card that succeeds, lists accept a
//! `limit` of up to 10,000, and amounts may have twelve digits.
//!
//! Everything is in memory and gone when the provider ends. It keeps every intent and refund (some
//! 300 bytes each) for as long as it runs, since an audit lists them all, and the latest 2^20 keys.

mod answer;
mod api;
mod behaviour;
mod card;
mod command;
mod control;
mod engine;
mod failure;
mod http;
mod keys;
mod operation;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use api::Api;
pub use behaviour::{FaultConfig, SimulatedFault};
pub use command::SimulatorArgs;
pub use control::control;

/// Far above what all payment workers of one machine open, far below the limit on open files.
const MAX_CONNECTIONS: usize = 4096;

/// Enough for every request that will be answered at all; those that hang are cut.
const DRAIN: Duration = Duration::from_millis(500);

/// Out of file descriptors: wait for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then answers what it has and drops calls that hang.
///
/// # Errors
/// The address cannot be bound again after the provider was told to be away.
pub async fn run(
    listener: TcpListener,
    behaviour: FaultConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (away, mut absences) = mpsc::channel(1);
    let api = Arc::new(Api::new(behaviour, away));
    let mut shutdown = pin!(shutdown);
    let mut listener = listener;
    loop {
        let mut connections = Connections::default();
        let absence = tokio::select! {
            never = connections.accept(&listener, &api) => match never {},
            absence = absences.recv() => absence,
            () = &mut shutdown => None,
        };
        drop(listener);
        connections.close().await;
        let Some(absence) = absence else { return Ok(()) };
        tokio::select! {
            () = sleep(absence) => {}
            () = &mut shutdown => return Ok(()),
        }
        listener = TcpListener::bind(address).await?;
    }
}

/// The open connections; dropping them cuts them.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    async fn accept(&mut self, listener: &TcpListener, api: &Arc<Api>) -> Infallible {
        loop {
            while self.tasks.try_join_next().is_some() {}
            if self.tasks.len() >= MAX_CONNECTIONS {
                self.tasks.join_next().await;
            }
            let Ok((stream, _)) = listener.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Without it a small answer may wait for the peer's delayed acknowledgement.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            let api = Arc::clone(api);
            let service = service_fn(move |request| http::answer(Arc::clone(&api), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let connection = self.graceful.watch(connection);
            self.tasks.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the payment provider broke");
                }
            });
        }
    }

    async fn close(self) {
        if timeout(DRAIN, self.graceful.shutdown()).await.is_err() {
            tracing::debug!("calls that hang are cut");
        }
    }
}
