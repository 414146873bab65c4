//! How many workers a pool needs: pure. Like a horizontal pod autoscaler, it multiplies the number of workers by how
//! much longer orders wait than they may; unlike one, it takes back workers that have not made the pool faster.

mod progress;
mod sample;
#[cfg(test)]
mod simulation;

use std::time::Duration;

use streams::Autoscale;

use crate::limits::{
    SCALE_CALM, SCALE_DOWN_LOAD, SCALE_GAIN_MIN, SCALE_HOLD_MAX, SCALE_HOLD_MIN, SCALE_TRIAL,
    SCALE_TRIAL_TIMEOUT,
};
use progress::Progress;
pub(crate) use sample::Sample;

/// Computes the number of workers of one pool from one sample after the other.
#[derive(Debug)]
pub(crate) struct Autoscaler {
    wanted: u32,
    progress: Progress,
    /// How much longer orders waited at the last sample than they may.
    last_pressure: f64,
    /// Since when orders wait for less than half of what they may.
    calm_since: Option<Duration>,
    trial: Option<Trial>,
    ceiling: Option<Ceiling>,
}

/// More workers were asked for, and it is not known yet whether they help.
#[derive(Debug, Clone, Copy)]
struct Trial {
    began_at: Duration,
    /// Since when all of them pull; `None` while they do not.
    pulling_since: Option<Duration>,
    /// Workers before, and orders a second.
    from: u32,
    rate: f64,
}

/// More workers than these did not help.
#[derive(Debug, Clone, Copy)]
struct Ceiling {
    workers: u32,
    until: Duration,
    /// How long it holds; longer each time.
    holds: Duration,
}

impl Autoscaler {
    /// For a pool of which `pulling` workers pull.
    pub(crate) fn new(pulling: u32) -> Self {
        Self {
            wanted: pulling,
            progress: Progress::default(),
            last_pressure: 0.0,
            calm_since: None,
            trial: None,
            ceiling: None,
        }
    }

    /// The number of workers that the pool needs, by all samples so far.
    pub(crate) fn next(&mut self, sample: Sample, policy: &Autoscale) -> u32 {
        self.progress.add(&sample);
        let pressure = self.pressure(&sample, policy);
        // A backlog is what two samples in a row have seen: one may have caught orders on their way.
        let lasting = pressure.min(self.last_pressure);
        self.last_pressure = pressure;
        if lasting > 1.0 {
            self.progress.measure_capacity(&sample);
        }
        if sample.is_held {
            // What is seen from now on says nothing of before.
            (self.trial, self.calm_since) = (None, None);
        } else {
            if sample.is_asleep && sample.orders > 0 {
                self.wanted = self.wanted.max(1);
            }
            self.judge_trial(&sample, lasting);
            if lasting > 1.0 {
                self.scale_up(&sample, lasting, policy);
            }
            self.scale_down(&sample, pressure, policy);
        }
        let min = policy.min.max(u32::from(sample.undo > 0));
        self.wanted = self.wanted.clamp(min, policy.max);
        self.wanted
    }

    /// How much longer orders wait, or the last of them will, than they may.
    fn pressure(&self, sample: &Sample, policy: &Autoscale) -> f64 {
        let rate = self.progress.rate().max(self.progress.capacity() * f64::from(sample.pulling));
        // While nothing is processed, the age of the oldest order says how long.
        let until_clear = if rate > 0.0 { sample.orders as f64 / rate } else { 0.0 };
        sample.seconds.max(until_clear) / f64::from(policy.target_seconds)
    }

    fn scale_up(&mut self, sample: &Sample, pressure: f64, policy: &Autoscale) {
        self.calm_since = None;
        if self.trial.is_some() {
            return;
        }
        let from = sample.pulling;
        let needed = (f64::from(from.max(1)) * pressure).ceil().min(f64::from(policy.max)) as u32;
        let ceiling = self.ceiling.filter(|ceiling| sample.at < ceiling.until);
        let allowed = ceiling.map_or(policy.max, |ceiling| ceiling.workers.min(policy.max));
        let wanted = needed.min(allowed);
        if wanted <= self.wanted {
            return;
        }
        self.wanted = wanted;
        let rate = self.progress.rate();
        self.trial = Some(Trial { began_at: sample.at, pulling_since: None, from, rate });
    }

    /// Once the additional workers have worked for a while: whether they have made the pool faster.
    fn judge_trial(&mut self, sample: &Sample, pressure: f64) {
        let Some(mut trial) = self.trial else { return };
        if sample.pulling >= self.wanted {
            trial.pulling_since.get_or_insert(sample.at);
        } else {
            trial.pulling_since = None;
        }
        self.trial = Some(trial);
        if pressure <= 1.0 {
            self.trial = None;
            return;
        }
        let Some(since) = trial.pulling_since else {
            // Nothing starts them: what one of them would do is not known.
            self.trial.take_if(|_| sample.at.saturating_sub(trial.began_at) > SCALE_TRIAL_TIMEOUT);
            return;
        };
        if sample.at.saturating_sub(since) < SCALE_TRIAL {
            return;
        }
        self.trial = None;
        // Without a worker before, any are better.
        let Some(growth) = growth(trial.from, self.wanted) else { return };
        let rate = self.progress.rate();
        let gain = if rate > 0.0 { rate / trial.rate - 1.0 } else { 0.0 };
        if gain >= SCALE_GAIN_MIN * growth {
            self.ceiling = None;
            return;
        }
        let enough = (f64::from(trial.from) * (1.0 + gain.max(0.0))).ceil() as u32;
        let before = self.ceiling.map_or(Duration::ZERO, |ceiling| ceiling.holds);
        let holds = (2 * before).clamp(SCALE_HOLD_MIN, SCALE_HOLD_MAX);
        self.wanted = enough.min(self.wanted);
        self.ceiling = Some(Ceiling { workers: self.wanted, until: sample.at + holds, holds });
    }

    fn scale_down(&mut self, sample: &Sample, pressure: f64, policy: &Autoscale) {
        if pressure > 0.5 {
            self.calm_since = None;
            return;
        }
        let calm_since = *self.calm_since.get_or_insert(sample.at);
        if sample.at.saturating_sub(calm_since) < SCALE_CALM {
            return;
        }
        (self.calm_since, self.ceiling) = (Some(sample.at), None);
        let fewer = self.wanted.saturating_sub((self.wanted / 4).max(1));
        let load = self.progress.busiest_rate() / SCALE_DOWN_LOAD;
        let needed = if load == 0.0 {
            0
        } else if self.progress.capacity() > 0.0 {
            (load / self.progress.capacity()).ceil() as u32
        } else {
            1
        };
        self.wanted = self.wanted.min(fewer.max(needed).max(policy.min));
    }
}

/// By how much of itself `from` has grown; `None` if there was none.
fn growth(from: u32, to: u32) -> Option<f64> {
    (from > 0).then(|| f64::from(to) / f64::from(from) - 1.0)
}
