//! How long it takes to get over a fault: until the next 202, and until an order is final that was
//! placed as the fault began.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use millrace::ledger::Acknowledged;
use orders::{OrderId, OrderView, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep, timeout};
use workers::view;

use super::strike::Struck;
use super::{Fault, FaultReport, Scene, wishes};
use crate::order_client::PlacementResult;

/// Twice what the longest wait takes: a message of a killed worker comes again after 30 s.
const FINAL_WITHIN: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A database that hangs is asked again.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

/// A fault that has happened, and the fate of its probe.
pub(super) struct Recovered {
    fault: Fault,
    at: Timestamp,
    lasted: Duration,
    probe: Option<Duration>,
}

/// Waits for all probes.
pub(super) async fn all(struck: impl Iterator<Item = Struck>) -> Result<Vec<Recovered>> {
    let mut recovered = Vec::new();
    for Struck { fault, at, lasted, probe } in struck {
        let probe = probe.await.context("a probe panicked")?;
        recovered.push(Recovered { fault, at, lasted, probe });
    }
    recovered.sort_by_key(|it| it.at);
    Ok(recovered)
}

impl Recovered {
    /// What is told about the fault, of a run that began at `begun` and gave the 202s in `ledger`.
    pub(super) fn report(&self, begun: Timestamp, ledger: &[Acknowledged]) -> FaultReport {
        FaultReport {
            fault: self.fault.to_string(),
            at_ms: (self.at.as_millis() - begun.as_millis()).max(0) as u64,
            lasted_ms: self.lasted.as_millis() as u64,
            next_202_ms: until_next_202(self.at, ledger),
            probe_final_ms: self.probe.map(|took| took.as_millis() as u64),
        }
    }
}

/// Until the first 202 for an order that was placed after `at`.
fn until_next_202(at: Timestamp, ledger: &[Acknowledged]) -> Option<u64> {
    let placed_after = ledger.iter().filter(|entry| entry.posted_at_ms >= at);
    let next = placed_after.map(|entry| entry.acknowledged_at_ms).min()?;
    Some((next.as_millis() - at.as_millis()) as u64)
}

/// The whole seconds of the run in which nobody got a 202.
pub(super) fn seconds_without_intake(
    ledger: &[Acknowledged],
    begun: Timestamp,
    lasted: Duration,
) -> u64 {
    let mut served = vec![false; lasted.as_secs() as usize];
    for entry in ledger {
        let second = (entry.acknowledged_at_ms.as_millis() - begun.as_millis()) / 1_000;
        if let Some(second) = usize::try_from(second).ok().and_then(|at| served.get_mut(at)) {
            *second = true;
        }
    }
    served.iter().filter(|served| !**served).count() as u64
}

/// Places an order as `fault` begins, and follows it. `None` when it was not final in time.
pub(super) async fn probe(scene: Scene, fault: Fault, began: Instant) -> Option<Duration> {
    let key =
        format!("{}-probe-{fault}-{}", scene.run, Timestamp::from(SystemTime::now()).as_millis());
    let body = wishes::plain(&mut StdRng::seed_from_u64(scene.seed));
    let Ok(PlacementResult::Accepted(entry, _)) = scene.checkout.place(0, key, body).await else {
        return None;
    };
    let id = entry.id().ok()?;
    scene.promises.keep(entry).await.ok()?;
    while began.elapsed() < FINAL_WITHIN {
        if is_final(&scene, id).await {
            return Some(began.elapsed());
        }
        sleep(LOOK_EVERY).await;
    }
    None
}

async fn is_final(scene: &Scene, id: OrderId) -> bool {
    let views = timeout(LOOK_PATIENCE, view::orders(&scene.database, &[id])).await;
    let is_final = |view: &Option<OrderView>| view.as_ref().is_some_and(|it| it.status.is_final());
    matches!(views, Ok(Ok(views)) if views.first().is_some_and(is_final))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(posted: i64, acknowledged: i64) -> Acknowledged {
        Acknowledged {
            key: String::new(),
            order_id: String::new(),
            posted_at_ms: Timestamp::from_millis(posted),
            acknowledged_at_ms: Timestamp::from_millis(acknowledged),
        }
    }

    #[test]
    fn intake_is_back_when_an_order_is_served_that_came_after_the_fault() {
        let ledger = [served(900, 1_100), served(1_000, 1_900), served(1_200, 1_600)];
        assert_eq!(until_next_202(Timestamp::from_millis(1_000), &ledger), Some(600));
        assert_eq!(until_next_202(Timestamp::from_millis(2_000), &ledger), None);
    }

    #[test]
    fn a_second_without_a_202_counts() {
        let ledger = [served(0, 5_100), served(0, 5_900), served(0, 7_000), served(0, 9_999)];
        let begun = Timestamp::from_millis(5_000);
        assert_eq!(seconds_without_intake(&ledger, begun, Duration::from_secs(4)), 2);
    }
}
