//! Creates the stream of records of repairs. Only `millrace admin` needs it and writes into it. No other process may
//! change it: who could shorten its age or its size could remove what is recorded.

use async_nats::jetstream::stream::Config;

use super::Topology;
use super::attempts::with_retries;
use super::difference::Difference;
use super::error::TopologyError;
use super::settings::settings_differences;
use crate::Connection;
use crate::inspect::find_stream;

/// What was found of the stream.
#[derive(Debug)]
pub enum AdminRecords {
    /// It was missing and is created: either no process ever needed it, or its records are lost.
    Created,
    /// It exists; these settings differ from those that a new one has. They are left as they are.
    Found(Vec<Difference>),
}

/// Creates the stream of records of repairs if it is missing.
///
/// # Errors
/// The brokers refuse it or do not reply.
pub async fn ensure_admin_records(
    connection: &Connection,
    topology: &Topology,
) -> Result<AdminRecords, TopologyError> {
    let wanted = topology.admin_records();
    with_retries(&wanted.name, async || create_or_compare(connection, &wanted).await).await
}

async fn create_or_compare(
    connection: &Connection,
    wanted: &Config,
) -> Result<Option<AdminRecords>, async_nats::Error> {
    if let Some(info) = find_stream(connection, &wanted.name).await? {
        return Ok(Some(AdminRecords::Found(settings_differences(&info.config, wanted))));
    }
    connection.jetstream.create_stream(wanted.clone()).await?;
    Ok(Some(AdminRecords::Created))
}
