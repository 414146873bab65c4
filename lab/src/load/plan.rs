//! The generator's input and output.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The generator's input: what to request, of which servers, at which rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The servers, as `HOST:PORT`; connections are distributed over all of them.
    pub targets: Vec<String>,
    /// What is requested of them.
    pub requests: Requests,
    /// The file for the records of acknowledged orders, written after the last phase.
    pub ack_file: Option<PathBuf>,
    /// The phases, in order.
    pub phases: Vec<Phase>,
}

/// The requests of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Requests {
    /// Orders that are posted.
    Orders {
        /// A file of request bodies, one per line, posted in a cycle.
        bodies: PathBuf,
        /// The prefix of every idempotency key of this run; no two runs have the same.
        run: String,
        /// A file of tokens, one per line, used in a cycle of its own; `None` if edges know no callers.
        tokens: Option<PathBuf>,
    },
    /// Resources that are read.
    Reads {
        /// A file of paths with their query, one per line, read in a cycle.
        paths: PathBuf,
    },
}

/// A period of constant load.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Phase {
    /// The number of connections, each with at most one request in flight.
    pub connections: usize,
    /// Orders that become due per second; `None` for a closed loop.
    pub rate: Option<f64>,
    /// How long orders are posted, in milliseconds.
    pub duration_ms: u64,
    /// The number of orders after which the phase ends early.
    pub orders_max: Option<u64>,
}

/// The generator's output for one phase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PhaseResult {
    /// The start of posting, in milliseconds since 1970.
    pub begun_at_ms: i64,
    /// The end of posting, in milliseconds since 1970; responses may have arrived a little later.
    pub ended_at_ms: i64,
    /// From the start until the last 2xx or the end of posting, whichever was later, in seconds.
    pub answered_within: f64,
    /// The number of 2xx responses.
    pub acknowledged: u64,
    /// The number of responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests whose connection broke, or that had no response in time.
    pub broken: u64,
    /// Orders that were due and found no free connection. They count in the times with the delay
    /// that they had at the end of the phase.
    pub unsent: u64,
    /// CPU time of the generator itself, in seconds.
    pub cpu_seconds: f64,
    /// Times until a 2xx.
    pub times: Times,
    /// The same, second by second.
    pub seconds: Vec<Second>,
}

/// Percentiles of the times of many requests, in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Times {
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
    /// The longest time.
    pub max: f64,
    /// Points of the cumulative distribution: a quantile, 0 to 1, and the time at it.
    pub curve: Vec<(f64, f64)>,
}

/// One second of a phase.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Second {
    /// The number of 2xx responses received in this second.
    pub acknowledged: u64,
    /// The median of their times, in milliseconds.
    pub p50: f64,
    /// The 99th percentile of their times, in milliseconds.
    pub p99: f64,
}

impl PhaseResult {
    /// How long orders were posted, in seconds.
    pub fn lasted(&self) -> f64 {
        (self.ended_at_ms - self.begun_at_ms).max(1) as f64 / 1_000.0
    }

    /// Acknowledged orders per second. The time until the last response to a request in flight at
    /// the end is included: otherwise many connections would make a slow server look fast.
    pub fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.answered_within.max(0.001)
    }

    /// Responses that are neither 2xx nor 429, and requests without a response.
    pub fn failures(&self) -> u64 {
        let is_failure = |status: &u16| !(200..300).contains(status) && *status != 429;
        let failures = self.statuses.iter().filter(|(status, _)| is_failure(status));
        failures.map(|(_, count)| count).sum::<u64>() + self.broken
    }
}
