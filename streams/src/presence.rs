//! Which processes are running, and what each says about itself.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::WORKER_PRESENCE_TIMEOUT;
use crate::rpc::{EDGE_SERVICE, service_name};
use crate::{Connection, EdgeReport, Pool, WorkerState};

/// The workers and the edges that are running.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerPresence {
    /// The number of workers of each pool.
    pub workers: BTreeMap<&'static str, u64>,
    /// The number of circuit breakers in each state. Each payment worker has one, in front of the
    /// payment provider.
    pub breakers: BTreeMap<String, u64>,
    /// What each worker reports about itself.
    #[serde(skip)]
    pub reports: Vec<(Pool, WorkerState)>,
    /// What each edge reports about itself.
    pub edges: Vec<EdgeReport>,
}

/// The workers of `pools` and the edges that reply within 300 ms.
pub async fn worker_presence(
    connection: &Connection,
    pools: &[Pool],
) -> Result<WorkerPresence, InspectError> {
    let workers = pools.iter().map(|pool| (pool.as_str(), 0)).collect();
    let mut presence = WorkerPresence {
        workers,
        breakers: BTreeMap::new(),
        reports: Vec::new(),
        edges: Vec::new(),
    };
    for ServiceReport { name, data, .. } in service_reports(connection, "$SRV.STATS").await? {
        if name == EDGE_SERVICE {
            presence.edges.push(serde_json::from_value(data).unwrap_or_default());
            continue;
        }
        let Some(state) = worker_state(data) else { continue };
        if let Some(breaker) = &state.breaker {
            *presence.breakers.entry(breaker.clone()).or_default() += 1;
        }
        if let Some(pool) = pools.iter().find(|pool| service_name(**pool) == name) {
            *presence.workers.entry(pool.as_str()).or_default() += 1;
            presence.reports.push((*pool, state));
        }
    }
    Ok(presence)
}

/// What each worker of `pool` that replies within 300 ms reports, by the id of its service.
pub(crate) async fn worker_states(
    connection: &Connection,
    pool: Pool,
) -> Result<BTreeMap<String, WorkerState>, InspectError> {
    let subject = format!("$SRV.STATS.{}", service_name(pool));
    let reports = service_reports(connection, &subject).await?;
    let states =
        reports.into_iter().filter_map(|report| Some((report.id, worker_state(report.data)?)));
    Ok(states.collect())
}

/// The state that a worker reports; `None` if it is not one. A worker without endpoints says nothing.
fn worker_state(data: Value) -> Option<WorkerState> {
    if data.is_null() { Some(WorkerState::default()) } else { serde_json::from_value(data).ok() }
}

/// What a service replies to a statistics request.
struct ServiceReport {
    name: String,
    id: String,
    /// What it says about itself.
    data: Value,
}

/// The replies to a statistics request on `subject`. How many there will be is not known, so they are collected until
/// the timeout.
async fn service_reports(
    connection: &Connection,
    subject: &str,
) -> Result<Vec<ServiceReport>, InspectError> {
    #[derive(Deserialize)]
    struct Stats {
        name: String,
        id: String,
        #[serde(default)]
        endpoints: Vec<Endpoint>,
    }
    #[derive(Deserialize)]
    struct Endpoint {
        data: Option<Value>,
    }
    let client = &connection.client;
    let subscribed = async {
        let inbox = client.new_inbox();
        let replies = client.subscribe(inbox.clone()).await?;
        client.publish_with_reply(subject.to_owned(), inbox, "".into()).await?;
        Ok::<_, async_nats::Error>(replies)
    };
    let mut replies = subscribed.await.map_err(|err| inspect_error("the workers", err))?;
    let mut reports = Vec::new();
    let collect = async {
        while let Some(reply) = replies.next().await {
            // A reply without a body says that no service is there.
            let Ok(Stats { name, id, endpoints }) = serde_json::from_slice(&reply.payload) else {
                continue;
            };
            let data = endpoints.into_iter().find_map(|endpoint| endpoint.data).unwrap_or_default();
            reports.push(ServiceReport { name, id, data });
        }
    };
    timeout(WORKER_PRESENCE_TIMEOUT, collect).await.ok();
    Ok(reports)
}
