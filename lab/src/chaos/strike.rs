//! One line of faults: each strikes at its time, and a probe order tells how long it takes to get
//! over it.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use orders::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Fault, Scene, Strike, recovery};
use crate::servers::ProgressFn;

/// What a line of faults happens to.
pub(super) trait Line {
    /// Lets one fault begin.
    async fn begin(&mut self, strike: &Strike) -> Result<()>;

    /// Lets the same fault be over.
    async fn heal(&mut self, strike: &Strike) -> Result<()>;

    /// Starts again what ends by itself, for as long as it is awaited.
    async fn keep_up(&mut self) -> Result<Infallible>;
}

/// A fault that has happened.
pub(super) struct Struck {
    pub(super) fault: Fault,
    pub(super) at: Timestamp,
    pub(super) lasted: Duration,
    /// Gives how long after the fault's begin an order was final that was placed then.
    pub(super) probe: JoinHandle<Option<Duration>>,
}

/// Lets all `strikes` happen, one after the other.
pub(super) async fn all(
    line: &mut impl Line,
    strikes: &[Strike],
    scene: &Scene,
    tell: &ProgressFn,
) -> Result<Vec<Struck>> {
    let mut struck = Vec::with_capacity(strikes.len());
    for strike in strikes {
        tokio::select! {
            () = sleep_until(scene.begun + strike.at) => {}
            never = line.keep_up() => match never? {},
        }
        let Strike { fault, lasts, .. } = *strike;
        line.begin(strike).await.with_context(|| format!("letting {fault} begin"))?;
        let (began, at) = (Instant::now(), SystemTime::now().into());
        let since_begun = began.duration_since(scene.begun).as_secs_f64();
        tell(&format!("{since_begun:6.1} s  {fault:<17} for {:.1} s", lasts.as_secs_f64()));
        let probe = tokio::spawn(recovery::probe(scene.clone(), fault, began));
        sleep(lasts).await;
        line.heal(strike).await.with_context(|| format!("getting over {fault}"))?;
        struck.push(Struck { fault, at, lasted: began.elapsed(), probe });
    }
    Ok(struck)
}
