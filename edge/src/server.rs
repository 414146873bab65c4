//! Startup and shutdown: one thread for each shard, and a drain that cuts no request.

mod connection;
mod listener;

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::thread;

use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{TryFutureExt, future};
use streams::{BrokersConfig, Connection, Step};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::body::BodyMemoryBudget;
use crate::cache::Cache;
use crate::config::Config;
use crate::error::EdgeError;
use crate::gates::{AdmissionGate, DurabilityGate};
use crate::limits::{CONNECTIONS_MAX, PUBLISH_TIMEOUT};
use crate::lookup::{StatusLookup, StockLookup};
use crate::shard::{EdgeState, Shard};

/// Serves until `shutdown` completes, and then until every request in flight is answered, for
/// [`SHUTDOWN_MAX`](crate::SHUTDOWN_MAX) at most. `first_step` is the step that every order passes
/// first: new orders are refused while it is too far behind. Calls `on_bound` with the address once
/// all shards serve it.
pub async fn run(
    config: Config,
    first_step: Step,
    on_bound: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), EdgeError> {
    let (address, listeners) = listener::bind(config.listen, config.cores)
        .map_err(|source| EdgeError::Listen { address: config.listen, source })?;
    let mut shutdown = pin!(shutdown);
    // Brokers that are starting may take longer than an orchestrator waits for the end.
    let (broker, durability_gate) = tokio::select! {
        verified = verified_brokers(&config.brokers) => verified?,
        () = &mut shutdown => return Ok(()),
    };
    let watch = durability_gate.clone().watch(broker.clone(), config.brokers.profile);
    let _durability_watch = AbortOnDropHandle::new(tokio::spawn(watch));
    let admission_gate = AdmissionGate::default();
    let watch = admission_gate.clone().watch(broker.clone(), first_step, config.backlog_max_age);
    let _admission_watch = AbortOnDropHandle::new(tokio::spawn(watch));
    let state = EdgeState {
        admission_gate,
        durability_gate,
        body_budget: BodyMemoryBudget::new(),
        status_lookup: StatusLookup::start(broker.clone()),
        stock_lookup: StockLookup::start(broker, Cache::open(&config.redis_url)?),
        config,
    };
    let stop = CancellationToken::new();
    // The shards stop on every return from this function.
    let _stop_guard = stop.clone().drop_guard();
    let mut ready = Vec::new();
    let mut finished = FuturesUnordered::new();
    for listener in listeners {
        let shard = start(listener, state.clone(), stop.clone()).map_err(EdgeError::Thread)?;
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
        () = &mut shutdown => tracing::info!(%address, "edge draining"),
        Some(result) = finished.next() => return result,
    }
    stop.cancel();
    while let Some(result) = finished.next().await {
        result?;
    }
    Ok(())
}

/// A connection to the brokers, once they have shown that they are as durable as the profile claims.
async fn verified_brokers(
    config: &BrokersConfig,
) -> Result<(Connection, DurabilityGate), EdgeError> {
    let broker = Connection::open(&config.nats_url, "edge lookups").await?;
    let durability_gate = DurabilityGate::open(&broker, config.profile).await?;
    Ok((broker, durability_gate))
}

/// A running shard.
struct ShardHandle {
    /// Completes when the shard serves.
    ready: oneshot::Receiver<()>,
    /// Completes when its thread has finished; an error if the thread panicked.
    finished: oneshot::Receiver<Result<(), EdgeError>>,
}

fn start(
    listener: TcpListener,
    state: EdgeState,
    stop: CancellationToken,
) -> std::io::Result<ShardHandle> {
    let (ready_sender, ready) = oneshot::channel();
    let (result_sender, finished) = oneshot::channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("edge".to_owned()).spawn(move || {
        let result = runtime.block_on(serve(listener, state, ready_sender, stop));
        drop(runtime);
        // The receiver is gone if `run` has already returned.
        result_sender.send(result).ok();
    })?;
    Ok(ShardHandle { ready, finished })
}

async fn serve(
    listener: TcpListener,
    state: EdgeState,
    ready: oneshot::Sender<()>,
    stop: CancellationToken,
) -> Result<(), EdgeError> {
    let connections_max = CONNECTIONS_MAX.div_ceil(state.config.cores.get());
    let (shard, ingest_tasks) = Shard::open(state).await?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(EdgeError::Thread)?;
    ready.send(()).ok();
    listener::serve(listener, connections_max, shard, stop).await;
    // When the last connection closes, the last queue sender is dropped, which ends the ingest
    // tasks. Connections that the drain timeout cut may hold theirs for longer, but no client waits
    // for their orders, so this wait is bounded.
    timeout(PUBLISH_TIMEOUT, ingest_tasks.join_all()).await.ok();
    Ok(())
}
