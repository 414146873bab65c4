//! Executes one schedule of faults: injects and heals each at its time, and measures with a probe
//! order how long recovery takes.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use orders::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::context::ChaosContext;
use super::probe::probe;
use super::{Fault, ScheduledFault};
use crate::servers::ProgressFn;

/// The part of a cluster that a schedule of faults is injected into.
pub(super) trait FaultTarget {
    /// Injects a fault.
    async fn inject(&mut self, fault: &ScheduledFault) -> Result<()>;

    /// Ends the same fault.
    async fn heal(&mut self, fault: &ScheduledFault) -> Result<()>;

    /// Restarts processes that exit by themselves, until the future is dropped.
    async fn supervise(&mut self) -> Result<Infallible>;
}

/// A fault that was injected and healed.
pub(super) struct InjectedFault {
    pub(super) fault: Fault,
    pub(super) at: Timestamp,
    pub(super) duration: Duration,
    /// Resolves to the time from the injection until an order placed then was final.
    pub(super) probe: JoinHandle<Option<Duration>>,
}

/// Injects all faults of `schedule`, one after the other.
pub(super) async fn execute(
    target: &mut impl FaultTarget,
    schedule: &[ScheduledFault],
    context: &ChaosContext,
    progress: &ProgressFn,
) -> Result<Vec<InjectedFault>> {
    let mut injected = Vec::with_capacity(schedule.len());
    for scheduled in schedule {
        tokio::select! {
            () = sleep_until(context.started + scheduled.at) => {}
            never = target.supervise() => match never? {},
        }
        let ScheduledFault { fault, duration, .. } = *scheduled;
        target.inject(scheduled).await.with_context(|| format!("injecting {fault}"))?;
        let injected_at = Instant::now();
        let at = SystemTime::now().into();
        let offset = injected_at.duration_since(context.started).as_secs_f64();
        progress(&format!("{offset:6.1} s  {fault:<17} for {:.1} s", duration.as_secs_f64()));
        let probe = tokio::spawn(probe(context.clone(), fault, injected_at));
        sleep(duration).await;
        target.heal(scheduled).await.with_context(|| format!("healing {fault}"))?;
        injected.push(InjectedFault { fault, at, duration: injected_at.elapsed(), probe });
    }
    Ok(injected)
}
