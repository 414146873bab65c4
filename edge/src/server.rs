//! Startup and shutdown of all shards, and what they share.

mod activity;
mod connection;
mod drain;
mod handshake;
mod listener;
mod places;
mod shard;

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{TryFutureExt, future};
use streams::{BrokersConfig, Connection, EventFeed, Profile, Requester, Routes, Step};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::body::BodyMemoryBudget;
use crate::cache::Cache;
use crate::config::Config;
use crate::error::EdgeError;
use crate::follow::{FOLLOWED_EVENTS, Follows};
use crate::gates::Gates;
use crate::identity::Issuer;
use crate::lookup::Lookups;
use crate::quota::EdgeCount;
use crate::state::EdgeState;
use crate::tls;

/// Serves until `shutdown` completes and the drain delay has passed, and then until every request in
/// flight is answered, for [`SHUTDOWN_MAX`](crate::SHUTDOWN_MAX) at most. `first_step` is the step that
/// every order passes first: new orders are refused while it is too far behind. Calls `on_bound` with
/// the address once all shards serve it.
pub async fn run(
    config: Config,
    first_step: Step,
    on_bound: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), EdgeError> {
    let (address, listeners) = listener::bind(config.listen, config.cores)
        .map_err(|source| EdgeError::Listen { address: config.listen, source })?;
    let mut shutdown = pin!(shutdown);
    let (issuer, keep_keys) = Issuer::open(&config.identity).await?;
    let (tls, keep_certificate) = tls::open(&config.tls).await?.unzip();
    let _keep_certificate =
        keep_certificate.map(|reader| AbortOnDropHandle::new(tokio::spawn(reader.run())));
    // Brokers that are starting may take longer than an orchestrator waits for the end.
    let (broker, routes, gates, feed) = tokio::select! {
        verified = verified_brokers(&config.brokers) => verified?,
        () = &mut shutdown => return Ok(()),
    };
    let _routes_watch = routes.watch(Vec::new());
    let leaving = CancellationToken::new();
    let reports =
        serve_reports(broker.clone(), config.brokers.profile, gates.clone(), leaving.clone());
    let watch = gates.clone().watch(broker, routes.clone(), &config, first_step);
    let edges = EdgeCount::new(config.cores.get());
    let _edge_count = count_edges(&issuer, &edges, &config)?;
    let _background = [
        AbortOnDropHandle::new(tokio::spawn(watch)),
        AbortOnDropHandle::new(tokio::spawn(reports)),
        AbortOnDropHandle::new(tokio::spawn(keep_keys)),
    ];
    let lookups = Lookups::start(Requester::new(routes.clone()), Cache::open(&config.redis)?);
    let stop = CancellationToken::new();
    let (follows, _following) = Follows::start(feed, lookups.status.clone(), stop.clone());
    let drain_delay = config.drain_delay;
    let state = EdgeState {
        gates,
        body_budget: BodyMemoryBudget::new(),
        lookups,
        issuer,
        edges,
        follows,
        leaving: leaving.clone(),
        routes,
        config,
    };
    // The shards stop on every return from this function.
    let _stop_guard = stop.clone().drop_guard();
    let mut ready = Vec::new();
    let mut finished = FuturesUnordered::new();
    for listener in listeners {
        let shard = shard::start(listener, state.clone(), tls.clone(), stop.clone())
            .map_err(EdgeError::Thread)?;
        ready.push(shard.ready);
        finished.push(shard.finished.unwrap_or_else(|_| Err(EdgeError::ThreadPanicked)));
    }
    drop(state);

    let all_ready = future::join_all(ready);
    tokio::select! {
        _ = all_ready => {}
        Some(result) = finished.next() => return result,
    }
    on_bound(address);
    tracing::info!(%address, "edge listening");
    tokio::select! {
        () = leave(shutdown, address, &leaving, drain_delay) => {}
        Some(result) = finished.next() => return result,
    }
    stop.cancel();
    while let Some(result) = finished.next().await {
        result?;
    }
    Ok(())
}

/// Completes once the drain delay has passed after `shutdown`.
async fn leave(
    shutdown: impl Future<Output = ()>,
    address: SocketAddr,
    leaving: &CancellationToken,
    drain_delay: Option<Duration>,
) {
    shutdown.await;
    tracing::info!(%address, "edge draining");
    // A balancer sends requests until it has seen that the edge is not ready.
    leaving.cancel();
    sleep(drain_delay.unwrap_or_default()).await;
}

/// Counts the edges, if callers have quotas.
fn count_edges(
    issuer: &Issuer,
    edges: &EdgeCount,
    config: &Config,
) -> Result<Option<AbortOnDropHandle<()>>, EdgeError> {
    if !issuer.knows_callers() {
        return Ok(None);
    }
    let watch = edges.clone().watch(Cache::open(&config.redis)?);
    Ok(Some(AbortOnDropHandle::new(tokio::spawn(watch))))
}

/// Lets an operator find the edge, and see its state.
async fn serve_reports(
    broker: Connection,
    profile: Profile,
    gates: Gates,
    leaving: CancellationToken,
) {
    let report = move || gates.report(leaving.is_cancelled());
    if let Err(err) = broker.serve_edge_reports(profile, report).await {
        tracing::warn!(%err, "edge is not found by `nats service`");
    }
}

/// Connections to the brokers, once they have shown that they are as durable as the profile claims. The one for events
/// has much to read at times.
async fn verified_brokers(
    config: &BrokersConfig,
) -> Result<(Connection, Routes, Gates, EventFeed), EdgeError> {
    let access = config.access();
    let broker = Connection::open(&access, "edge gates").await?;
    let routes = Routes::to_each_broker(broker.clone(), &access, "edge lookups").await?;
    let gates = Gates::open(&broker, &routes, config.profile).await?;
    let feed = EventFeed::open(&access, "edge events", FOLLOWED_EVENTS).await?;
    Ok((broker, routes, gates, feed))
}
