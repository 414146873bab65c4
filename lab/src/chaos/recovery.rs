//! Recovery times of a fault: until the next 202, and until an order that was placed at the
//! injection is final.

use std::time::Duration;

use anyhow::{Context, Result};
use millrace::ledger::Acknowledged;
use orders::Timestamp;

use super::schedule::InjectedFault;
use super::{Fault, FaultReport};

/// A healed fault, and the result of its probe.
pub(super) struct Recovered {
    fault: Fault,
    at: Timestamp,
    duration: Duration,
    probe: Option<Duration>,
}

/// Waits for the probes of all faults, and sorts the faults by time.
pub(super) async fn await_probes(
    injected: impl Iterator<Item = InjectedFault>,
) -> Result<Vec<Recovered>> {
    let mut recovered = Vec::new();
    for InjectedFault { fault, at, duration, probe } in injected {
        let probe = probe.await.context("a probe panicked")?;
        recovered.push(Recovered { fault, at, duration, probe });
    }
    recovered.sort_by_key(|recovered| recovered.at);
    Ok(recovered)
}

impl Recovered {
    /// The report on the fault, for a run that started at `started` and received the 202s in
    /// `ledger`.
    pub(super) fn report(&self, started: Timestamp, ledger: &[Acknowledged]) -> FaultReport {
        FaultReport {
            fault: self.fault.to_string(),
            at_ms: (self.at.as_millis() - started.as_millis()).max(0) as u64,
            duration_ms: self.duration.as_millis() as u64,
            next_202_ms: millis_to_next_202(self.at, ledger),
            probe_final_ms: self.probe.map(|elapsed| elapsed.as_millis() as u64),
        }
    }
}

/// Milliseconds from `at` to the first 202 for an order that was placed after it.
fn millis_to_next_202(at: Timestamp, ledger: &[Acknowledged]) -> Option<u64> {
    let placed_after = ledger.iter().filter(|entry| entry.posted_at_ms >= at);
    let next = placed_after.map(|entry| entry.acknowledged_at_ms).min()?;
    Some((next.as_millis() - at.as_millis()) as u64)
}

/// The number of whole seconds of the run without any 202.
pub(super) fn seconds_without_intake(
    ledger: &[Acknowledged],
    started: Timestamp,
    duration: Duration,
) -> u64 {
    let mut has_202 = vec![false; duration.as_secs() as usize];
    for entry in ledger {
        let second = (entry.acknowledged_at_ms.as_millis() - started.as_millis()) / 1_000;
        if let Some(second) = usize::try_from(second).ok().and_then(|index| has_202.get_mut(index))
        {
            *second = true;
        }
    }
    has_202.iter().filter(|has_202| !**has_202).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(posted: i64, acknowledged: i64) -> Acknowledged {
        Acknowledged {
            key: String::new(),
            order_id: String::new(),
            posted_at_ms: Timestamp::from_millis(posted),
            acknowledged_at_ms: Timestamp::from_millis(acknowledged),
            body_digest: None,
        }
    }

    #[test]
    fn the_next_202_counts_only_for_orders_posted_after_the_fault() {
        let ledger = [entry(900, 1_100), entry(1_000, 1_900), entry(1_200, 1_600)];
        assert_eq!(millis_to_next_202(Timestamp::from_millis(1_000), &ledger), Some(600));
        assert_eq!(millis_to_next_202(Timestamp::from_millis(2_000), &ledger), None);
    }

    #[test]
    fn seconds_without_a_202_are_counted() {
        let ledger = [entry(0, 5_100), entry(0, 5_900), entry(0, 7_000), entry(0, 9_999)];
        let started = Timestamp::from_millis(5_000);
        assert_eq!(seconds_without_intake(&ledger, started, Duration::from_secs(4)), 2);
    }
}
