//! Starting and stopping: one thread for each core, and a drain in which no request is cut.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{TryFutureExt, future};
use streams::Connection;
use thiserror::Error;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::accept::{accept, bind};
use crate::admission::AdmissionGate;
use crate::body::Bodies;
use crate::cache::Cache;
use crate::config::Config;
use crate::core::{Core, Shared};
use crate::durability::DurabilityGate;
use crate::limits::{CONNECTIONS_MAX, PUBLISH_PATIENCE};
use crate::status::StatusDesk;
use crate::stock::StockDesk;

/// Why an edge does not run.
#[derive(Debug, Error)]
pub enum EdgeError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A thread or its runtime did not start.
    #[error("cannot start a thread for a core")]
    Thread(#[source] std::io::Error),
    /// No broker answers.
    #[error("the brokers cannot be reached")]
    Broker(#[from] streams::ConnectError),
    /// The brokers do not do what the profile claims.
    #[error(transparent)]
    DurabilityUnverified(#[from] streams::DurabilityUnverified),
    /// Redis's URL is none.
    #[error("the URL of Redis cannot be used")]
    Redis(#[from] redis::RedisError),
    /// A thread broke down.
    #[error("a thread of the edge broke down")]
    Broken,
}

/// Serves until `shutdown` is there, and then until every request in hand is answered, for
/// [`END_MAX`](crate::END_MAX) at most. `bound` is told the address as soon as all cores serve there.
pub async fn run(
    config: Config,
    bound: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), EdgeError> {
    let (address, listeners) = bind(config.listen, config.cores)
        .map_err(|source| EdgeError::Listen { address: config.listen, source })?;
    let broker = Connection::open(&config.brokers.nats_url, "edge questions").await?;
    let durability = DurabilityGate::proven(&broker, config.brokers.profile).await?;
    let proving = durability.clone().watch(broker.clone(), config.brokers.profile);
    let _prove_to_the_end = AbortOnDropHandle::new(tokio::spawn(proving));
    let admission = AdmissionGate::default();
    let watching = admission.clone().watch(broker.clone(), config.backlog_max_age);
    let _watch_to_the_end = AbortOnDropHandle::new(tokio::spawn(watching));
    let shared = Shared {
        admission,
        durability,
        bodies: Bodies::new(),
        statuses: StatusDesk::open(broker.clone()),
        stock: StockDesk::open(broker, Cache::open(&config.redis_url)?),
        config,
    };
    let stop = CancellationToken::new();
    // Whichever way this function ends, the cores end too.
    let _stop_at_end = stop.clone().drop_guard();
    let (mut ready, mut ended) = (Vec::new(), FuturesUnordered::new());
    for listener in listeners {
        let core = start(listener, shared.clone(), stop.clone()).map_err(EdgeError::Thread)?;
        ready.push(core.ready);
        ended.push(core.ended.unwrap_or_else(|_| Err(EdgeError::Broken)));
    }
    drop(shared);

    let all_ready = future::join_all(ready);
    tokio::select! {
        _ = all_ready => {}
        Some(failed) = ended.next() => return failed,
    }
    bound(address);
    tracing::info!(%address, "the edge is open");
    tokio::select! {
        () = shutdown => tracing::info!(%address, "the edge drains"),
        Some(failed) = ended.next() => return failed,
    }
    stop.cancel();
    while let Some(core) = ended.next().await {
        core?;
    }
    Ok(())
}

/// A thread that serves.
struct Running {
    /// Fires when it serves.
    ready: oneshot::Receiver<()>,
    /// Fires when it has ended.
    ended: oneshot::Receiver<Result<(), EdgeError>>,
}

fn start(
    listener: TcpListener,
    shared: Shared,
    stop: CancellationToken,
) -> std::io::Result<Running> {
    let (ready, is_ready) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("edge".to_owned()).spawn(move || {
        let outcome = runtime.block_on(serve(listener, shared, ready, stop));
        drop(runtime);
        // Nobody waits where `run` has ended already.
        end.send(outcome).ok();
    })?;
    Ok(Running { ready: is_ready, ended })
}

async fn serve(
    listener: TcpListener,
    shared: Shared,
    ready: oneshot::Sender<()>,
    stop: CancellationToken,
) -> Result<(), EdgeError> {
    let connections_max = CONNECTIONS_MAX.div_ceil(shared.config.cores.get());
    let (core, taking_in) = Core::open(shared).await?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(EdgeError::Thread)?;
    ready.send(()).ok();
    accept(listener, connections_max, core, stop).await;
    // With the last connection the last sender is gone, so the intake is at its end as well; cut
    // connections are gone by the deadline, and nobody waits for their orders.
    timeout(PUBLISH_PATIENCE, taking_in.join_all()).await.ok();
    Ok(())
}
