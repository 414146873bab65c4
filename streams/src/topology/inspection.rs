//! Everything at the brokers that differs from the topology, whether it matters or not.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::{self, IntoConsumerConfig};
use futures_util::TryStreamExt;
use time::format_description::well_known::Rfc3339;

use super::Topology;
use super::difference::{Difference, Impact, MESSAGES};
use super::settings::{durable_differences, stream_differences};
use crate::inspect::{InspectError, find_stream, inspect_error};
use crate::subjects::ORDERS;
use crate::{Connection, Source, Step};

/// Lists what differs at the brokers: streams and durables that are missing, settings, durables that
/// are paused, and durables that are not ours. `steps` are those that may have durables; those of
/// an observing step are only missing once it was started.
pub async fn inspect_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Vec<Difference>, InspectError> {
    let sources: Vec<(Source, bool)> = steps
        .iter()
        .flat_map(|step| [step.events(), step.retries()].map(|it| (it, !step.is_observer())))
        .collect();
    let mut differences = Vec::new();
    for wanted in topology.streams() {
        let name = &wanted.name;
        let info = find_stream(connection, name).await.map_err(|err| inspect_error(name, err))?;
        let Some(info) = info else {
            differences.push(Difference::missing_stream(name));
            continue;
        };
        differences.extend(stream_differences(&info.config, &wanted));
        if name == ORDERS && info.state.messages == 0 && info.state.last_sequence > 0 {
            differences.push(emptied(info.state.last_sequence, Impact::Allowed));
        }
        let durables =
            durables_of(connection, name).await.map_err(|err| inspect_error(name, err))?;
        let sources = sources.iter().filter(|(source, _)| source.stream == name);
        differences.extend(durables_that_differ(topology, durables, name, sources));
    }
    Ok(differences)
}

/// All messages of the stream of orders were removed by hand. The janitor keeps the last minutes.
pub(super) fn emptied(last_sequence: u64, impact: Impact) -> Difference {
    let found = format!("purged by hand up to message {last_sequence}");
    Difference::new(ORDERS, MESSAGES, (&found[..], "kept until they are processed"), impact)
}

/// The durable consumers of a stream. Those that are not durable belong to commands that read.
async fn durables_of(
    connection: &Connection,
    stream: &str,
) -> Result<BTreeMap<String, consumer::Info>, async_nats::Error> {
    let stream = connection.jetstream.get_stream_no_info(stream).await?;
    let consumers: Vec<consumer::Info> = stream.consumers().try_collect().await?;
    let durables = consumers.into_iter().filter(|info| info.config.durable_name.is_some());
    Ok(durables.map(|info| (info.name.clone(), info)).collect())
}

fn durables_that_differ<'a>(
    topology: &Topology,
    mut durables: BTreeMap<String, consumer::Info>,
    stream: &str,
    sources: impl Iterator<Item = &'a (Source, bool)>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (source, is_required) in sources {
        let name = source.full_name();
        let Some(info) = durables.remove(&source.durable) else {
            differences.extend(is_required.then(|| Difference::missing_durable(&name)));
            continue;
        };
        let wanted = topology.durable(source).into_consumer_config();
        differences.extend(durable_differences(&name, &info.config, &wanted));
        differences.extend(paused(&name, &info));
    }
    for foreign in durables.keys() {
        let name = format!("{stream}/{foreign}");
        let found_and_wanted = ("not one of ours", "none");
        differences.push(Difference::new(&name, "consumer", found_and_wanted, Impact::Allowed));
    }
    differences
}

fn paused(name: &str, info: &consumer::Info) -> Option<Difference> {
    if !info.paused {
        return None;
    }
    let until = info.config.pause_until;
    let until = until.and_then(|until| until.format(&Rfc3339).ok());
    let found = format!("paused until {}", until.unwrap_or_else(|| "resumed".to_owned()));
    Some(Difference::new(name, "delivery", (&found[..], "running"), Impact::Allowed))
}
