//! The benchmarks and their names on the command line.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

/// A benchmark. The variants are in the order in which they are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[strum(parse_err_ty = UnknownBench, parse_err_fn = UnknownBench::new)]
pub enum BenchName {
    /// What HTTP, brokers and database can do, each by itself.
    #[strum(serialize = "limits")]
    Baselines,
    /// Orders acknowledged by an edge.
    Intake,
    /// The CPU time that an order costs, by part.
    Cost,
    /// Several lanes compared with one.
    Lanes,
    /// Orders completed, from post to final state.
    #[strum(serialize = "chain")]
    EndToEnd,
    /// The time to a 202 while a component behind the edge is slow or down.
    Isolation,
    /// Four times the load for a limited time.
    #[strum(serialize = "step")]
    Burst,
    /// The synchronous architecture that Millrace replaces.
    #[strum(serialize = "sync")]
    Synchronous,
    /// One SKU on every order.
    #[strum(serialize = "hot")]
    HotSku,
    /// More workers, more edges, and a long queue.
    Scale,
    /// The number of orders in a message.
    Batch,
    /// Reads of stock.
    Stock,
    /// Encryption and permissions compared with neither.
    Protection,
    /// Authenticated callers compared with none.
    Identity,
    /// The time to an answer while brokers are killed, stopped and restarted.
    Failover,
}

/// A name that is not a benchmark's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown benchmark `{0}`; expected one of {all}", all = names())]
pub struct UnknownBench(String);

impl BenchName {
    /// Every benchmark, in the order in which they are run.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl UnknownBench {
    fn new(name: &str) -> Self {
        Self(name.to_owned())
    }
}

fn names() -> String {
    BenchName::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
