//! Creates the streams and durable consumers, and corrects their settings.

use async_nats::jetstream::consumer::{IntoConsumerConfig, pull};
use async_nats::jetstream::stream::Config;
use futures_util::future::join_all;

use super::Topology;
use super::attempts::with_retries;
use super::difference::{Difference, Impact};
use super::error::TopologyError;
use super::labels::{LANES_KEY, Labels, unless_labels_alone, with_labels_over};
use super::lane_count::{ClusterLanes, lane_count};
use super::mode::Mode;
use super::settings::{MAX_BYTES, durable_differences, is_fixed, stream_differences};
use super::settings_bucket::ensure_settings;
use crate::inspect::{find_durable, find_stream};
use crate::{Connection, Durable, Lane, Step};

/// What was done about the streams and durable consumers.
#[derive(Debug)]
pub struct Ensured {
    /// What differed, and was corrected.
    pub corrected: Vec<Difference>,
    /// What is lost, or could not be corrected. Everything else is as it must be.
    pub failed: Vec<TopologyError>,
}

/// Creates missing streams and the consumers of `steps`, and corrects settings that differ. Returns
/// what it has corrected. Idempotent, and safe to run in several processes concurrently.
///
/// # Errors
/// The first thing that is not as it must be; everything else is.
pub async fn ensure_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Vec<Difference>, TopologyError> {
    let Ensured { corrected, failed } = ensure(connection, topology, steps, Mode::New).await?.all();
    failed.into_iter().next().map_or(Ok(corrected), Err)
}

/// Like [`ensure_topology`], for a cluster that already holds orders: a stream that is missing is not
/// created. It was lost, and an empty one in its place would hide that. Orders go on in the other lanes.
///
/// # Errors
/// No lane is left, or a stream that is not a lane is not as it must be.
pub async fn resume_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Ensured, TopologyError> {
    ensure(connection, topology, steps, Mode::Resumed).await?.unless_orders_stop()
}

/// Like [`resume_topology`], for a cluster that is running: a size limit that was set by hand stays.
///
/// # Errors
/// The brokers do not reply, or there is no lane.
pub async fn keep_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Ensured, TopologyError> {
    Ok(ensure(connection, topology, steps, Mode::Running).await?.all())
}

async fn ensure(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
    mode: Mode,
) -> Result<Outcome, TopologyError> {
    let lanes = read_lanes(connection, topology, mode).await?;
    let mut outcome = Outcome::new(lanes.wanted().collect());
    if mode != Mode::New {
        // Each request would wait for them again.
        outcome
            .failures
            .extend(lanes.unread().map(|lane| (Some(lane), TopologyError::Silent { lane })));
    }
    let replying: Vec<Lane> = lanes.wanted().filter(|lane| !outcome.has_failed(*lane)).collect();
    let wanted_lanes = replying.into_iter().map(|lane| {
        let mode = if lanes.is_upgrade() { Mode::New } else { mode };
        (topology.lane(lane, lanes.count), Some(lane), mode)
    });
    let others = topology.other_streams().map(|wanted| (wanted, None, mode));
    let streams = wanted_lanes.chain(others).map(|(wanted, lane, mode)| async move {
        let ensure = async || ensure_stream(connection, &wanted, lane, mode).await;
        (lane, with_retries(&wanted.name, ensure).await)
    });
    let settings = topology.settings();
    let settings = settings.each_ref().map(|wanted| ensure_settings(connection, wanted, mode));
    let (streams, settings) = tokio::join!(join_all(streams), join_all(settings));
    outcome.add(streams);
    for ensured in settings {
        match ensured {
            Ok(corrected) => outcome.corrected.extend(corrected),
            Err(err) => outcome.settings_failures.push(err),
        }
    }

    let sources =
        steps.iter().flat_map(|step| [step.events(), step.retries()].map(|source| (step, source)));
    let all_lanes: Vec<Lane> =
        lanes.all().into_iter().filter(|lane| !outcome.has_failed(*lane)).collect();
    let durables = sources.flat_map(|(step, source)| {
        source.durables(&all_lanes).into_iter().map(move |durable| (step, durable))
    });
    let durables = durables.map(|(step, durable)| async move {
        let wanted = labelled(topology, step, &durable);
        let ensure = async || ensure_durable(connection, &wanted, &durable, mode).await;
        (Lane::of_stream(durable.stream), with_retries(&durable.to_string(), ensure).await)
    });
    outcome.add(join_all(durables).await);

    // An event in a lane must find the durables of all steps there.
    let complete = lanes.wanted().filter(|lane| !outcome.has_failed(*lane));
    let opened = complete.map(|lane| async move {
        let wanted = topology.lane(lane, lanes.count);
        let open = async || open_lane(connection, &wanted, lane).await;
        (Some(lane), with_retries(&wanted.name, open).await)
    });
    outcome.add(join_all(opened).await);
    if lanes.is_upgrade() && outcome.failures.is_empty() {
        let counted = async || count_lanes_in_legacy(connection, lanes.count).await;
        with_retries(Lane::LEGACY.stream(), counted).await?;
    }
    Ok(outcome)
}

/// The lanes that there should be. One whose leader does not reply is left to the caller's next steps.
async fn read_lanes(
    connection: &Connection,
    topology: &Topology,
    mode: Mode,
) -> Result<ClusterLanes, TopologyError> {
    let read = async || {
        let (lanes, unread) = ClusterLanes::read_what_replies(connection, topology).await?;
        match unread.into_iter().next() {
            // How many there are is not known.
            Some(err) if lanes.infos.is_empty() => Err(err.into()),
            _ => Ok((mode == Mode::New || !lanes.are_lost()).then_some(lanes)),
        }
    };
    with_retries(Lane::FIRST.stream(), read).await
}

/// What was corrected in something, with the lane that it concerns.
type Corrected = (Option<Lane>, Result<Vec<Difference>, TopologyError>);

/// What was corrected and what failed.
struct Outcome {
    lanes: Vec<Lane>,
    corrected: Vec<Difference>,
    failures: Vec<(Option<Lane>, TopologyError)>,
    /// They concern no order.
    settings_failures: Vec<TopologyError>,
}

impl Outcome {
    const fn new(lanes: Vec<Lane>) -> Self {
        Self { lanes, corrected: Vec::new(), failures: Vec::new(), settings_failures: Vec::new() }
    }

    fn add(&mut self, results: Vec<Corrected>) {
        for (lane, result) in results {
            match result {
                Ok(corrected) => self.corrected.extend(corrected),
                Err(err) => self.failures.push((lane, err)),
            }
        }
    }

    fn has_failed(&self, lane: Lane) -> bool {
        self.failures.iter().any(|(failed, _)| *failed == Some(lane))
    }

    fn all(self) -> Ensured {
        let failed = self.failures.into_iter().map(|(_, err)| err);
        let failed = failed.chain(self.settings_failures).collect();
        Ensured { corrected: self.corrected, failed }
    }

    /// The same, unless no lane is left, or what failed concerns all orders.
    fn unless_orders_stop(mut self) -> Result<Ensured, TopologyError> {
        let is_any_left = self.lanes.iter().any(|lane| !self.has_failed(*lane));
        let mut failures = self.failures.iter();
        match failures.position(|(lane, _)| lane.is_none() || !is_any_left) {
            Some(stops) => Err(self.failures.swap_remove(stops).1),
            None => Ok(self.all()),
        }
    }
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
    if !corrected.is_empty() || Labels::of_config(&found).are_due() {
        let max_bytes = if is_limit_kept { found.max_bytes } else { wanted.max_bytes };
        let updated = Config {
            max_bytes,
            // They cannot be undone: with them, the broker would refuse the whole correction.
            deny_purge: found.deny_purge,
            deny_delete: found.deny_delete,
            ..with_labels_over(&found, wanted)
        };
        let updated = connection.jetstream.update_stream(&updated).await;
        unless_labels_alone(&found.name, &corrected, updated)?;
    }
    Ok(Some(corrected))
}

/// Has a lane take messages, if it does not yet.
async fn open_lane(
    connection: &Connection,
    wanted: &Config,
    lane: Lane,
) -> Result<Option<Vec<Difference>>, async_nats::Error> {
    let Some(info) = find_stream(connection, &wanted.name).await? else { return Ok(None) };
    // It may have been removed since the number of lanes was read.
    let is_wanted = lane_count(&info.config).is_none_or(|count| lane.number() <= count);
    if is_wanted && info.config.subjects == [lane.closed_subject()] {
        let max_bytes = info.config.max_bytes;
        let open = Config { max_bytes, ..with_labels_over(&info.config, wanted.clone()) };
        connection.jetstream.update_stream(&open).await?;
    }
    Ok(Some(Vec::new()))
}

/// Has the stream of a version without lanes say how many lanes there are, so that they are missed if all
/// are lost.
async fn count_lanes_in_legacy(
    connection: &Connection,
    count: usize,
) -> Result<Option<()>, async_nats::Error> {
    if let Some(info) = find_stream(connection, Lane::LEGACY.stream()).await? {
        let mut config = info.config;
        config.metadata.insert(LANES_KEY.to_owned(), count.to_string());
        connection.jetstream.update_stream(&config).await?;
    }
    Ok(Some(()))
}

/// The durable consumer with what a person reads of it.
fn labelled(topology: &Topology, step: &Step, durable: &Durable) -> pull::Config {
    let Labels { description, metadata } = Labels::of_durable(step, durable);
    pull::Config { description, metadata, ..topology.durable(durable) }
}

async fn ensure_durable(
    connection: &Connection,
    wanted: &pull::Config,
    durable: &Durable,
    mode: Mode,
) -> Result<Option<Vec<Difference>>, async_nats::Error> {
    let name = durable.to_string();
    let stream = connection.jetstream.get_stream_no_info(durable.stream).await?;
    // A cluster that starts for the first time, or after an upgrade, has no durables yet.
    let was_deleted = mode == Mode::Running && find_durable(connection, durable).await?.is_none();
    let consumer = stream.get_or_create_consumer(&durable.name, wanted.clone()).await?;
    if was_deleted {
        return Ok(Some(vec![Difference::missing_durable(&name)]));
    }
    let expected = wanted.clone().into_consumer_config();
    let found = &consumer.cached_info().config;
    let corrected = durable_differences(&name, found, &expected);
    let found = Labels { description: found.description.clone(), metadata: found.metadata.clone() };
    let Labels { description, metadata } =
        Labels { description: expected.description, metadata: expected.metadata }.over(&found);
    let updated = pull::Config { description, metadata, ..wanted.clone() };
    if corrected.iter().any(|difference| is_fixed(difference.setting)) {
        stream.delete_consumer(&durable.name).await?;
        stream.create_consumer(updated).await?;
    } else if !corrected.is_empty() || found.are_due() {
        let updated = stream.update_consumer(updated).await;
        unless_labels_alone(&name, &corrected, updated)?;
    }
    Ok(Some(corrected))
}
