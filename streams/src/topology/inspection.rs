//! Everything at the brokers that differs from the topology, whether it matters or not.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::{self, IntoConsumerConfig};
use async_nats::jetstream::stream::Config;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use time::format_description::well_known::Rfc3339;

use super::Topology;
use super::broker_limits::broker_differences;
use super::difference::{Difference, Impact, MESSAGES};
use super::lane_count::ClusterLanes;
use super::settings::{SUBJECTS, durable_differences, settings_differences, stream_differences};
use crate::inspect::{find_durable, find_stream};
use crate::inspect_error::{InspectError, inspect_error};
use crate::lanes::lanes;
use crate::subjects::{EDGES_STREAM, POOLS_STREAM};
use crate::{Connection, Durable, Lane, Step};

/// What differs at the brokers.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Streams and durables that are missing, settings, durables that are paused, and durables that
    /// are not ours.
    pub differences: Vec<Difference>,
    /// What could not be read. The rest was.
    pub errors: Vec<InspectError>,
}

/// A durable consumer that may exist.
struct Expected {
    durable: Durable,
    /// Whether it is missing if it does not exist. That of an observing step exists only once the
    /// step was started.
    is_required: bool,
}

/// Compares everything at the brokers with `topology`. `steps` are those that may have durables.
pub async fn inspect_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Inspection {
    let mut inspection = Inspection::default();
    // What is said of a lane whose leader does not reply follows below.
    let lanes = match ClusterLanes::read_what_replies(connection, topology).await {
        Ok((lanes, unread)) if lanes.infos.is_empty() && !unread.is_empty() => {
            inspection.errors.extend(unread);
            return inspection;
        }
        Ok((lanes, _)) => lanes,
        Err(err) => {
            inspection.errors.push(err);
            return inspection;
        }
    };
    inspection.differences.extend(broker_differences(connection));
    let all_lanes = lanes.all();
    let lane_streams = all_lanes.iter().map(|lane| topology.lane(*lane, lanes.count));
    for wanted in lane_streams.chain(topology.other_streams()).chain(topology.settings()) {
        let durables = steps.iter().flat_map(|step| {
            let is_required = !step.is_observer();
            let sources = [step.events(), step.retries()];
            let durables = sources.into_iter().flat_map(|source| source.durables(&all_lanes));
            durables.map(move |durable| Expected { durable, is_required })
        });
        let expected = durables.filter(|it| it.durable.stream == wanted.name).collect();
        let is_there = match stream_that_differs(connection, &wanted).await {
            Ok(None) if is_settings(&wanted.name) => {
                inspection.differences.push(Difference::missing_settings(&wanted.name));
                false
            }
            Ok(None) => {
                inspection.differences.push(Difference::missing_stream(&wanted.name));
                false
            }
            Ok(Some(differences)) => {
                inspection.differences.extend(differences);
                true
            }
            Err(err) => {
                inspection.errors.push(inspect_error(&wanted.name, err));
                true
            }
        };
        if is_there {
            inspection.compare_durables(connection, topology, &wanted.name, expected).await;
        }
    }
    inspection
}

/// The durable consumers of `steps` that are paused, each with the time until which. To a fetcher they
/// look like consumers without messages. One whose leader does not reply is left out.
pub async fn paused_consumers(
    connection: &Connection,
    steps: &[Step],
) -> Result<Vec<(Durable, String)>, InspectError> {
    let lanes = lanes(connection).await?;
    let sources = steps.iter().flat_map(|step| [step.events(), step.retries()]);
    let durables = sources.flat_map(|source| source.durables(&lanes));
    let paused = durables.map(|durable| async move {
        let info = find_durable(connection, &durable).await.ok().flatten();
        info.as_ref().and_then(paused_until).map(|until| (durable, until))
    });
    Ok(join_all(paused).await.into_iter().flatten().collect())
}

/// What differs in the stream itself; `None` if it is missing.
async fn stream_that_differs(
    connection: &Connection,
    wanted: &Config,
) -> Result<Option<Vec<Difference>>, async_nats::Error> {
    let Some(info) = find_stream(connection, &wanted.name).await? else { return Ok(None) };
    if is_settings(&wanted.name) {
        return Ok(Some(settings_differences(&info.config, wanted)));
    }
    let mut differences = stream_differences(&info.config, wanted);
    if let Some(lane) = Lane::of_stream(&wanted.name) {
        // It is being added or removed.
        let is_closed = info.config.subjects == [lane.closed_subject()];
        differences.retain(|difference| difference.setting != SUBJECTS || !is_closed);
        if info.state.messages == 0 && info.state.last_sequence > 0 {
            differences.push(emptied(lane, info.state.last_sequence, Impact::Allowed));
        }
        if let Some(removed) = info.state.deleted_count.filter(|removed| *removed > 0) {
            differences.push(messages_removed(lane, removed));
        }
    }
    Ok(Some(differences))
}

/// Whether a stream is that of a bucket of settings.
fn is_settings(stream: &str) -> bool {
    [POOLS_STREAM, EDGES_STREAM].contains(&stream)
}

/// All messages of a lane were removed by hand. The janitor keeps the last minutes.
pub(super) fn emptied(lane: Lane, last_sequence: u64, impact: Impact) -> Difference {
    let found = format!("purged by hand up to message {last_sequence}");
    Difference::new(lane.stream(), MESSAGES, (&found[..], "kept until they are processed"), impact)
}

/// Single messages of a lane were removed by hand: the janitor removes all up to one.
fn messages_removed(lane: Lane, messages: u64) -> Difference {
    let found = format!("{messages} of them removed by hand");
    let expected = "kept until they are processed";
    Difference::new(lane.stream(), MESSAGES, (&found[..], expected), Impact::Allowed)
}

impl Inspection {
    async fn compare_durables(
        &mut self,
        connection: &Connection,
        topology: &Topology,
        stream: &str,
        expected: Vec<Expected>,
    ) {
        let mut listed = match list_durables(connection, stream).await {
            Ok(listed) => listed,
            Err(err) => {
                self.errors.push(inspect_error(&format!("the consumers of {stream}"), err));
                return;
            }
        };
        for Expected { durable, is_required } in expected {
            let name = durable.to_string();
            // A list leaves out consumers that have no leader now.
            let found = match listed.remove(&durable.name) {
                Some(info) => Ok(Some(info)),
                None => find_durable(connection, &durable).await,
            };
            match found {
                Ok(Some(info)) => {
                    let wanted = topology.durable(&durable).into_consumer_config();
                    self.differences.extend(durable_differences(&name, &info.config, &wanted));
                    self.differences.extend(paused(&name, &info));
                }
                Ok(None) if is_required => {
                    self.differences.push(Difference::missing_durable(&name));
                }
                Ok(None) => {}
                Err(err) => self.errors.push(inspect_error(&name, err)),
            }
        }
        for foreign in listed.keys() {
            let name = format!("{stream}/{foreign}");
            let found_and_wanted = ("not one of ours", "none");
            let foreign = Difference::new(&name, "consumer", found_and_wanted, Impact::Allowed);
            self.differences.push(foreign);
        }
    }
}

/// The durable consumers of a stream. Those that are not durable belong to commands that read.
async fn list_durables(
    connection: &Connection,
    stream: &str,
) -> Result<BTreeMap<String, consumer::Info>, async_nats::Error> {
    let stream = connection.jetstream.get_stream_no_info(stream).await?;
    let consumers: Vec<consumer::Info> = stream.consumers().try_collect().await?;
    let durables = consumers.into_iter().filter(|info| info.config.durable_name.is_some());
    Ok(durables.map(|info| (info.name.clone(), info)).collect())
}

fn paused(name: &str, info: &consumer::Info) -> Option<Difference> {
    let found = format!("paused until {}", paused_until(info)?);
    Some(Difference::new(name, "delivery", (&found[..], "running"), Impact::Allowed))
}

fn paused_until(info: &consumer::Info) -> Option<String> {
    let until = info.config.pause_until.and_then(|until| until.format(&Rfc3339).ok());
    info.paused.then(|| until.unwrap_or_else(|| "resumed".to_owned()))
}
