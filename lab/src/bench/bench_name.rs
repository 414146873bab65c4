//! The benchmarks and their names on the command line.

use thiserror::Error;

/// A benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchName {
    /// `limits`: what HTTP, brokers and database can do, each by itself.
    Baselines,
    /// `intake`: orders acknowledged by an edge.
    Intake,
    /// `chain`: orders completed, from post to final state.
    EndToEnd,
    /// `isolation`: the time to a 202 while a component behind the edge is slow or down.
    Isolation,
    /// `step`: four times the load for a limited time.
    Burst,
    /// `sync`: the synchronous architecture that Millrace replaces.
    Synchronous,
    /// `hot`: one SKU on every order.
    HotSku,
    /// `scale`: more workers, more edges, and a long queue.
    Scale,
    /// `batch`: the number of orders in a message.
    Batch,
}

/// A name that is not a benchmark's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown benchmark `{0}`; expected one of {all}", all = BenchName::ALL.map(BenchName::as_str).join(", "))]
pub struct UnknownBench(String);

impl BenchName {
    /// Every benchmark, in the order in which they are run.
    pub const ALL: [Self; 9] = [
        Self::Baselines,
        Self::Intake,
        Self::EndToEnd,
        Self::Isolation,
        Self::Burst,
        Self::Synchronous,
        Self::HotSku,
        Self::Scale,
        Self::Batch,
    ];

    /// The name on the command line and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Baselines => "limits",
            Self::Intake => "intake",
            Self::EndToEnd => "chain",
            Self::Isolation => "isolation",
            Self::Burst => "step",
            Self::Synchronous => "sync",
            Self::HotSku => "hot",
            Self::Scale => "scale",
            Self::Batch => "batch",
        }
    }
}

impl std::str::FromStr for BenchName {
    type Err = UnknownBench;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|bench| bench.as_str() == text);
        known.ok_or_else(|| UnknownBench(text.to_owned()))
    }
}

impl std::fmt::Display for BenchName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
