//! After the load: every probe is final, the backlog drains, and dead letters are resolved as an
//! operator would do.

use std::time::Duration;

use anyhow::Result;
use millrace::audit::{AuditSources, Problem, wait_quiescent};
use payment_simulator::finish_late_confirms;

use super::processes::ProcessFaults;
use super::recovery::{Recovered, await_probes};
use super::schedule::{FaultTarget, InjectedFault};
use super::{bad_records, failed_refunds};

/// How long the backlog may take to drain. Waiting orders take seconds, but messages of a killed
/// worker are redelivered after 30 s, and records that have failed often are delayed for up to 60
/// s.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_mins(4);

/// The result of waiting for the backlog.
#[derive(Default)]
pub(super) struct Drained {
    /// Whether it drained in time.
    pub(super) in_time: bool,
    /// Records that were published as a fault.
    pub(super) bad_records: u64,
    /// Dead letters of refunds that failed, which were replayed.
    pub(super) failed_refunds: u64,
    /// What is wrong with the dead letters of the bad records.
    pub(super) problems: Vec<Problem>,
}

/// Waits until the probes of all faults and the backlog are through, while processes that exit are
/// restarted.
pub(super) async fn drain(
    sources: &AuditSources,
    injected: impl Iterator<Item = InjectedFault>,
    processes: &mut ProcessFaults<'_>,
) -> Result<(Vec<Recovered>, Drained)> {
    let bad_records = processes.bad_records.take();
    let refunds_failed = processes.refunds_failed;
    let provider_url = processes.provider_url;
    let settled = async {
        let recovered = await_probes(injected).await?;
        let connection = &sources.connection;
        let bad_count = bad_records.len() as u64;
        let mut drained = Drained { bad_records: bad_count, ..Drained::default() };
        drained.in_time = wait_quiescent(connection, DRAIN_TIMEOUT).await;
        if drained.in_time && (bad_count > 0 || refunds_failed) {
            drained.problems = bad_records::discard(connection, &bad_records).await?;
            if refunds_failed {
                drained.failed_refunds = failed_refunds::replay(connection).await?;
            }
            drained.in_time = wait_quiescent(connection, DRAIN_TIMEOUT).await;
        }
        // What they capture for an order that is final is for the audit to find.
        finish_late_confirms(provider_url).await?;
        Ok::<_, anyhow::Error>((recovered, drained))
    };
    tokio::select! {
        result = settled => result,
        never = processes.supervise() => match never? {},
    }
}
