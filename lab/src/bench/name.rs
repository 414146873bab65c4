//! The benches by name.

use thiserror::Error;

/// A bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchName {
    /// What HTTP, brokers and database can do, each by itself.
    Limits,
    /// Orders acknowledged.
    Admission,
    /// Orders carried to their end.
    Chain,
    /// The time to a 202, whatever is wrong behind the edge.
    Isolation,
    /// Four times the load for a while.
    Step,
    /// The architecture that Millrace replaces.
    Sync,
    /// One SKU on every order.
    Hot,
    /// More workers, more edges, and a long queue.
    Scale,
    /// Orders in a message.
    Batch,
}

/// A name that is no bench's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no bench; the benches are {all}", all = BenchName::ALL.map(BenchName::as_str).join(", "))]
pub struct UnknownBench(String);

impl BenchName {
    /// Every bench, in the order in which they are run.
    pub const ALL: [Self; 9] = [
        Self::Limits,
        Self::Admission,
        Self::Chain,
        Self::Isolation,
        Self::Step,
        Self::Sync,
        Self::Hot,
        Self::Scale,
        Self::Batch,
    ];

    /// The bench's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Admission => "intake",
            Self::Chain => "chain",
            Self::Isolation => "isolation",
            Self::Step => "step",
            Self::Sync => "sync",
            Self::Hot => "hot",
            Self::Scale => "scale",
            Self::Batch => "batch",
        }
    }
}

impl std::str::FromStr for BenchName {
    type Err = UnknownBench;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|bench| bench.as_str() == name);
        found.ok_or_else(|| UnknownBench(name.to_owned()))
    }
}

impl std::fmt::Display for BenchName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
