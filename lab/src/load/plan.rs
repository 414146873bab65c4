//! What the generator is asked for, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is to be posted, where, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Where, as `HOST:PORT`; connections are spread over all of them.
    pub targets: Vec<String>,
    /// The path that is posted to.
    pub path: String,
    /// What all keys of this run begin with; no two runs have the same.
    pub run: String,
    /// A file of bodies, one a line, posted in a cycle.
    pub bodies: PathBuf,
    /// Where to write the ids that were acknowledged, after the last phase.
    pub promises: Option<PathBuf>,
    /// One after the other.
    pub phases: Vec<Phase>,
}

/// A while of one kind of load.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Phase {
    /// Connections, each with one request in the air at most.
    pub connections: usize,
    /// Orders a second that are due; `None` is the closed loop.
    pub rate: Option<f64>,
    /// How long orders are posted.
    pub lasts_ms: u64,
    /// Orders after which the phase ends sooner.
    pub orders_max: Option<u64>,
}

/// What a phase came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PhaseResult {
    /// When it began and when it ended, in milliseconds since 1970.
    pub begun_at_ms: i64,
    /// The end of posting; answers may have come a little later.
    pub ended_at_ms: i64,
    /// From its begin until the last answer, or until its end where that was later, in seconds.
    pub answered_within: f64,
    /// Answers of class 2xx.
    pub acknowledged: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests whose connection broke, or that had no answer in time.
    pub broken: u64,
    /// Orders that were due and found no free connection. They count in the times as late by what
    /// they had waited when the phase ended.
    pub unsent: u64,
    /// CPU that the generator itself used, in seconds.
    pub cpu_seconds: f64,
    /// Times to a 2xx.
    pub times: Times,
    /// The same, second by second.
    pub seconds: Vec<Second>,
}

/// Times of many requests, in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Times {
    /// Half of them took no longer.
    pub p50: f64,
    /// Nine of ten took no longer.
    pub p90: f64,
    /// 99 of a hundred took no longer.
    pub p99: f64,
    /// 999 of a thousand took no longer.
    pub p999: f64,
    /// None took longer.
    pub max: f64,
    /// Points of the whole distribution: the share that took no longer, and how long.
    pub curve: Vec<(f64, f64)>,
}

/// One second of a phase.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Second {
    /// Answers of class 2xx that came in it.
    pub acknowledged: u64,
    /// Half of them took no longer, in milliseconds.
    pub p50: f64,
    /// 99 of a hundred took no longer, in milliseconds.
    pub p99: f64,
}

impl PhaseResult {
    /// How long orders were posted, in seconds.
    pub fn lasted(&self) -> f64 {
        (self.ended_at_ms - self.begun_at_ms).max(1) as f64 / 1_000.0
    }

    /// Acknowledged a second. What was on its way at the end counts with the time that it took:
    /// otherwise many connections would make a slow server look fast.
    pub fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.answered_within.max(0.001)
    }

    /// Answers that are neither 2xx nor 429, and requests without an answer.
    pub fn failures(&self) -> u64 {
        let is_failure = |status: &u16| !(200..300).contains(status) && *status != 429;
        let answers = self.statuses.iter().filter(|(status, _)| is_failure(status));
        answers.map(|(_, count)| count).sum::<u64>() + self.broken
    }
}
