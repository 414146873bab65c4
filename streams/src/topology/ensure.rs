//! Creates the streams and durable consumers, and corrects their settings.

use async_nats::jetstream::consumer::{IntoConsumerConfig, pull};
use async_nats::jetstream::stream::Config;
use futures_util::future::try_join_all;
use thiserror::Error;
use tokio::time::sleep;

use super::Topology;
use super::difference::{Difference, Impact};
use super::settings::{MAX_BYTES, durable_differences, stream_differences};
use crate::inspect::{find_progress, find_stream};
use crate::limits::{TOPOLOGY_ATTEMPTS_MAX, TOPOLOGY_RETRY_DELAY};
use crate::subjects::ORDERS;
use crate::{Connection, Source, Step};

/// A stream or a durable consumer is not as it must be, and could not be corrected.
#[derive(Debug, Error)]
pub enum TopologyError {
    /// The broker rejected it, or did not reply.
    #[error("the broker rejected {name}")]
    Rejected {
        /// The stream or the durable consumer.
        name: String,
        /// The broker's answer.
        source: async_nats::Error,
    },
    /// A stream that held orders is gone. An empty one in its place would hide that.
    #[error(
        "the stream {name} is missing, and the cluster holds orders: it was lost; find the brokers' \
         stores, or restore a backup (`nats stream restore`); to give up the orders that were in \
         it: `millrace migrate --begin-anew`"
    )]
    Lost {
        /// The stream.
        name: String,
    },
}

/// What happens to a stream that is missing, and to a size limit that is lower than ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The cluster holds no orders yet: streams are created.
    New,
    /// A role starts. The cluster holds orders: a stream that is missing was lost.
    Resumed,
    /// The same, and the cluster is running: a size limit that was set by hand stays, and a durable
    /// that is missing was deleted.
    Running,
}

/// Creates missing streams and the consumers of `steps`, and corrects settings that differ. Returns
/// what it has corrected. Idempotent, and safe to run in several processes concurrently.
pub async fn ensure_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Vec<Difference>, TopologyError> {
    ensure(connection, topology, steps, Mode::New).await
}

/// Like [`ensure_topology`], for a cluster that already holds orders: a stream that is missing is an
/// error. It was lost, and an empty one in its place would hide that.
pub async fn resume_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Vec<Difference>, TopologyError> {
    ensure(connection, topology, steps, Mode::Resumed).await
}

/// Like [`resume_topology`], for a cluster that is running: a size limit that was set by hand stays.
pub async fn keep_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Vec<Difference>, TopologyError> {
    ensure(connection, topology, steps, Mode::Running).await
}

async fn ensure(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
    mode: Mode,
) -> Result<Vec<Difference>, TopologyError> {
    let streams = topology.streams().map(|wanted| async move {
        let name = wanted.name.clone();
        with_retries(&name, async || ensure_stream(connection, &wanted, mode).await).await
    });
    let mut corrected = try_join_all(streams).await?;
    let sources = steps.iter().flat_map(|step| [step.events(), step.retries()]);
    let durables = sources.map(|source| async move {
        let wanted = topology.durable(&source);
        let ensure = async || ensure_durable(connection, &wanted, &source, mode).await;
        with_retries(&source.durable, ensure).await
    });
    corrected.extend(try_join_all(durables).await?);
    Ok(corrected.into_iter().flatten().collect())
}

/// Sets the size limit of the stream of orders, which may be lower than the current one.
pub async fn set_orders_limit(
    connection: &Connection,
    bytes_max: i64,
) -> Result<(), TopologyError> {
    let updated = async {
        let stream = connection.jetstream.get_stream(ORDERS).await?;
        let config = Config { max_bytes: bytes_max, ..stream.cached_info().config.clone() };
        connection.jetstream.update_stream(&config).await?;
        Ok::<_, async_nats::Error>(())
    };
    updated.await.map_err(|source| TopologyError::Rejected { name: ORDERS.to_owned(), source })
}

/// Retries a few times: brokers that have just started may still be electing a leader. The result is
/// `None` if the stream is missing and may not be created.
async fn with_retries(
    name: &str,
    ensure: impl AsyncFn() -> Result<Option<Vec<Difference>>, async_nats::Error>,
) -> Result<Vec<Difference>, TopologyError> {
    let mut attempts = 1;
    loop {
        let error = match ensure().await {
            Ok(Some(corrected)) => return Ok(corrected),
            Ok(None) => TopologyError::Lost { name: name.to_owned() },
            Err(source) => TopologyError::Rejected { name: name.to_owned(), source },
        };
        if attempts == TOPOLOGY_ATTEMPTS_MAX {
            return Err(error);
        }
        attempts += 1;
        sleep(TOPOLOGY_RETRY_DELAY).await;
    }
}

async fn ensure_stream(
    connection: &Connection,
    wanted: &Config,
    mode: Mode,
) -> Result<Option<Vec<Difference>>, async_nats::Error> {
    let found = if mode == Mode::New {
        let stream = connection.jetstream.get_or_create_stream(wanted.clone()).await?;
        stream.cached_info().config.clone()
    } else {
        let Some(info) = find_stream(connection, &wanted.name).await? else { return Ok(None) };
        info.config
    };
    // Keep a larger limit that an operator set by hand; while the cluster runs, any.
    let is_limit_kept = mode == Mode::Running || found.max_bytes >= wanted.max_bytes;
    let mut corrected = stream_differences(&found, wanted);
    corrected.retain(|difference| {
        difference.impact != Impact::Allowed || (difference.setting == MAX_BYTES && !is_limit_kept)
    });
    if !corrected.is_empty() {
        let max_bytes = if is_limit_kept { found.max_bytes } else { wanted.max_bytes };
        connection.jetstream.update_stream(&Config { max_bytes, ..wanted.clone() }).await?;
    }
    Ok(Some(corrected))
}

async fn ensure_durable(
    connection: &Connection,
    wanted: &pull::Config,
    source: &Source,
    mode: Mode,
) -> Result<Option<Vec<Difference>>, async_nats::Error> {
    let name = source.full_name();
    let stream = connection.jetstream.get_stream_no_info(source.stream).await?;
    // A cluster that starts for the first time, or after an upgrade, has no durables yet.
    let was_deleted = mode == Mode::Running && find_progress(connection, source).await?.is_none();
    let consumer = stream.get_or_create_consumer(&source.durable, wanted.clone()).await?;
    if was_deleted {
        return Ok(Some(vec![Difference::missing_durable(&name)]));
    }
    let expected = wanted.clone().into_consumer_config();
    let corrected = durable_differences(&name, &consumer.cached_info().config, &expected);
    if !corrected.is_empty() {
        stream.update_consumer(wanted.clone()).await?;
    }
    Ok(Some(corrected))
}
