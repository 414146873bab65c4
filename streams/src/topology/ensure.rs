//! Creates the streams and durable consumers, and corrects their settings.

use async_nats::jetstream::consumer::IntoConsumerConfig;
use async_nats::jetstream::stream::Config;
use futures_util::future::try_join_all;
use tokio::time::sleep;

use super::Topology;
use super::difference::{Difference, Impact};
use super::error::TopologyError;
use super::lane_count::{ClusterLanes, lane_count};
use super::settings::{MAX_BYTES, durable_differences, stream_differences};
use crate::inspect::{find_durable, find_stream};
use crate::limits::{TOPOLOGY_ATTEMPTS_MAX, TOPOLOGY_RETRY_DELAY};
use crate::{Connection, Durable, Lane, Step};

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
    let lanes = with_retries(Lane::FIRST.stream(), async || {
        let lanes = ClusterLanes::read(connection, topology).await?;
        Ok((mode == Mode::New || !lanes.are_lost()).then_some(lanes))
    });
    let lanes = lanes.await?;
    let wanted_lanes = lanes.wanted().map(|lane| {
        let mode = if lanes.is_upgrade() { Mode::New } else { mode };
        (topology.lane(lane, lanes.count), Some(lane), mode)
    });
    let others = topology.other_streams().map(|wanted| (wanted, None, mode));
    let streams = wanted_lanes.chain(others).map(|(wanted, lane, mode)| async move {
        let ensure = async || ensure_stream(connection, &wanted, lane, mode).await;
        with_retries(&wanted.name, ensure).await
    });
    let mut corrected = try_join_all(streams).await?;
    let sources = steps.iter().flat_map(|step| [step.events(), step.retries()]);
    let all_lanes = lanes.all();
    let durables =
        sources.flat_map(|source| source.durables(&all_lanes)).map(|durable| async move {
            let ensure = async || ensure_durable(connection, topology, &durable, mode).await;
            with_retries(&durable.to_string(), ensure).await
        });
    corrected.extend(try_join_all(durables).await?);
    // An event in a lane must find the durables of all steps there.
    let opened = lanes.wanted().map(|lane| async move {
        let wanted = topology.lane(lane, lanes.count);
        with_retries(&wanted.name, async || open_lane(connection, &wanted, lane).await).await
    });
    try_join_all(opened).await?;
    Ok(corrected.into_iter().flatten().collect())
}

/// Sets the size limit of a lane, which may be lower than the current one.
pub async fn set_lane_limit(
    connection: &Connection,
    lane: Lane,
    bytes_max: i64,
) -> Result<(), TopologyError> {
    let updated = async {
        let stream = connection.jetstream.get_stream(lane.stream()).await?;
        let config = Config { max_bytes: bytes_max, ..stream.cached_info().config.clone() };
        connection.jetstream.update_stream(&config).await?;
        Ok::<_, async_nats::Error>(())
    };
    updated.await.map_err(|source| TopologyError::Rejected { name: lane.to_string(), source })
}

/// Retries a few times: brokers that have just started may still be electing a leader. The result is
/// `None` if the stream is missing and may not be created.
async fn with_retries<T>(
    name: &str,
    ensure: impl AsyncFn() -> Result<Option<T>, async_nats::Error>,
) -> Result<T, TopologyError> {
    let mut attempts = 1;
    loop {
        let error = match ensure().await {
            Ok(Some(ensured)) => return Ok(ensured),
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

/// Creates or corrects a stream. A lane that is created, or was created and not opened yet, takes no
/// messages.
async fn ensure_stream(
    connection: &Connection,
    wanted: &Config,
    lane: Option<Lane>,
    mode: Mode,
) -> Result<Option<Vec<Difference>>, async_nats::Error> {
    let mut wanted = wanted.clone();
    let closed = lane.map(|lane| vec![lane.closed_subject()]);
    let found = if mode == Mode::New {
        let subjects = closed.clone().unwrap_or_else(|| wanted.subjects.clone());
        let created = Config { subjects, ..wanted.clone() };
        let stream = connection.jetstream.get_or_create_stream(created).await?;
        stream.cached_info().config.clone()
    } else {
        let Some(info) = find_stream(connection, &wanted.name).await? else { return Ok(None) };
        info.config
    };
    if Some(&found.subjects) == closed.as_ref() {
        wanted.subjects.clone_from(&found.subjects);
    }
    // Keep a larger limit that an operator set by hand; while the cluster runs, any.
    let is_limit_kept = mode == Mode::Running || found.max_bytes >= wanted.max_bytes;
    let mut corrected = stream_differences(&found, &wanted);
    corrected.retain(|difference| {
        difference.impact != Impact::Allowed || (difference.setting == MAX_BYTES && !is_limit_kept)
    });
    if !corrected.is_empty() {
        let max_bytes = if is_limit_kept { found.max_bytes } else { wanted.max_bytes };
        connection.jetstream.update_stream(&Config { max_bytes, ..wanted }).await?;
    }
    Ok(Some(corrected))
}

/// Has a lane take messages, if it does not yet.
async fn open_lane(
    connection: &Connection,
    wanted: &Config,
    lane: Lane,
) -> Result<Option<()>, async_nats::Error> {
    let Some(info) = find_stream(connection, &wanted.name).await? else { return Ok(None) };
    // It may have been removed since the number of lanes was read.
    let is_wanted = lane_count(&info.config).is_none_or(|count| lane.number() <= count);
    if is_wanted && info.config.subjects == [lane.closed_subject()] {
        let open = Config { max_bytes: info.config.max_bytes, ..wanted.clone() };
        connection.jetstream.update_stream(&open).await?;
    }
    Ok(Some(()))
}

async fn ensure_durable(
    connection: &Connection,
    topology: &Topology,
    durable: &Durable,
    mode: Mode,
) -> Result<Option<Vec<Difference>>, async_nats::Error> {
    let (name, wanted) = (durable.to_string(), topology.durable(durable));
    let stream = connection.jetstream.get_stream_no_info(durable.stream).await?;
    // A cluster that starts for the first time, or after an upgrade, has no durables yet.
    let was_deleted = mode == Mode::Running && find_durable(connection, durable).await?.is_none();
    let consumer = stream.get_or_create_consumer(&durable.name, wanted.clone()).await?;
    if was_deleted {
        return Ok(Some(vec![Difference::missing_durable(&name)]));
    }
    let expected = wanted.clone().into_consumer_config();
    let corrected = durable_differences(&name, &consumer.cached_info().config, &expected);
    if !corrected.is_empty() {
        stream.update_consumer(wanted).await?;
    }
    Ok(Some(corrected))
}
