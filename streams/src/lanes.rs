//! The lanes that exist: they are read from the brokers, not from each process' configuration.

use bytes::Bytes;
use serde::Deserialize;
use thiserror::Error;

use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{LANES_TIMEOUT, STREAM_NAMES_MAX};
use crate::{Connection, Lane, Requester};

#[derive(Debug, Deserialize)]
struct StreamNames {
    #[serde(default)]
    streams: Option<Vec<String>>,
    #[serde(default)]
    total: usize,
    /// Instead of names, as during an election.
    error: Option<ListError>,
}

#[derive(Debug, Deserialize, Error)]
#[error("{description}")]
struct ListError {
    #[serde(default)]
    description: String,
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
    let subject = "$JS.API.STREAM.NAMES";
    let reply = requester.request(subject, Bytes::new(), LANES_TIMEOUT).await;
    let lanes = reply.map_err(Into::into).and_then(|reply| parse(&reply));
    lanes.map_err(|err| inspect_error("the list of streams", err))
}

/// The lanes in a list of streams.
fn parse(reply: &[u8]) -> Result<Vec<Lane>, async_nats::Error> {
    let StreamNames { streams, total, error } = serde_json::from_slice(reply)?;
    if let Some(error) = error {
        return Err(error.into());
    }
    if total > STREAM_NAMES_MAX {
        return Err("the account has more streams than a broker lists at once".into());
    }
    let streams = streams.unwrap_or_default();
    let mut lanes: Vec<Lane> = streams.iter().filter_map(|name| Lane::of_stream(name)).collect();
    lanes.sort_unstable();
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lanes_are_those_of_the_listed_streams_and_an_error_is_no_list() {
        let reply =
            br#"{"total":3,"offset":0,"limit":1024,"streams":["RETRIES","ORDERS_2","ORDERS_1"]}"#;
        assert_eq!(parse(reply).unwrap(), Lane::numbered(2).collect::<Vec<_>>());
        assert_eq!(parse(br#"{"total":0,"streams":null}"#).unwrap(), []);
        let error = br#"{"error":{"code":503,"err_code":10008,"description":"not available"},"total":0,"streams":null}"#;
        assert_eq!(parse(error).unwrap_err().to_string(), "not available");
        assert!(parse(br#"{"total":2000,"streams":[]}"#).is_err());
    }
}
