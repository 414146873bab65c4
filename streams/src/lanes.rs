//! The lanes that exist: they are read from the brokers, not from each process' configuration.

use bytes::Bytes;
use serde::Deserialize;

use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{LANES_TIMEOUT, STREAM_NAMES_MAX};
use crate::{Connection, Lane, Requester};

#[derive(Deserialize)]
struct StreamNames {
    #[serde(default)]
    streams: Option<Vec<String>>,
    total: usize,
}

/// All lanes that exist, by number; those that take no messages, too.
pub async fn lanes(connection: &Connection) -> Result<Vec<Lane>, InspectError> {
    let known = &connection.known_lanes;
    match list(&Requester::new(connection.clone())).await {
        Ok(lanes) => Ok(known.keep(lanes)),
        Err(err) => known.get().ok_or(err),
    }
}

/// The lanes that exist, as the brokers list them now.
pub(crate) async fn list(requester: &Requester) -> Result<Vec<Lane>, InspectError> {
    let error = |source: async_nats::Error| inspect_error("the list of streams", source);
    let subject = "$JS.API.STREAM.NAMES";
    let reply = requester.request(subject, Bytes::new(), LANES_TIMEOUT).await;
    let reply = reply.map_err(|err| error(err.into()))?;
    let names: StreamNames = serde_json::from_slice(&reply).map_err(|err| error(err.into()))?;
    if names.total > STREAM_NAMES_MAX {
        return Err(error("the account has more streams than a broker lists at once".into()));
    }
    let streams = names.streams.unwrap_or_default();
    let mut lanes: Vec<Lane> = streams.iter().filter_map(|name| Lane::of_stream(name)).collect();
    lanes.sort_unstable();
    Ok(lanes)
}
