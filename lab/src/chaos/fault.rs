//! The faults that can be injected into a cluster, by name.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use streams::Pool;
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};
use thiserror::Error;
use workers::stages;

/// The shortest run with every fault.
pub(super) const LONG_RUN: Duration = Duration::from_mins(5);

/// A fault that is injected and healed after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(name(FaultKind), vis(), derive(IntoStaticStr, VariantArray))]
#[strum_discriminants(strum(serialize_all = "kebab-case"))]
pub enum Fault {
    /// SIGKILL, and later a restart.
    Kill(Target),
    /// SIGSTOP, and later SIGCONT: connections stay open without responses.
    Pause(Target),
    /// A network partition from the other brokers; clients still reach the broker.
    #[strum_discriminants(strum(serialize = "cut-off"))]
    Partition(Target),
    /// The links from one process to a server lose data both ways, lose responses, or are slow.
    Cut(Link),
    /// A worker is paused for longer than `ack_wait`: another worker processes its messages, and
    /// then the first one resumes.
    FreezeWorker,
    /// A broker is paused for longer than every timeout of the others and of its clients.
    FreezeBroker,
    /// PostgreSQL is paused for longer than every timeout of its clients.
    FreezePostgres,
    /// One edge and one worker of every pool are stopped by SIGTERM and started again, one after the
    /// other; in turn with the earlier version and with this one, if there is an earlier one.
    RollingRestart,
    /// An edge or a worker runs with its own clock an hour ahead or behind.
    SkewClock,
    /// All keys of Redis are deleted, at the start and at the end.
    FlushRedis,
    /// A faulty producer publishes records that no step can process.
    BadRecords,
    /// Two of three brokers are killed: no quorum.
    KillTwoBrokers,
    /// All brokers are killed at the same time, and restarted.
    RestartBrokers,
    /// A broker is killed, and started again without its store.
    LoseStore,
    /// The disk of a broker's store is full: the broker disables JetStream until it is restarted.
    DiskFull,
    /// The stream of orders is full.
    FillStream,
    /// A durable consumer is deleted by hand: a worker has to create it again.
    DeleteConsumer,
    /// The stream of orders has one replica instead of three: edges have to refuse orders.
    LowerReplicas,
    /// Messages in the stream of orders expire: edges have to refuse orders.
    LimitAge,
    /// Every call to the payment provider is slow.
    ProviderSlow,
    /// Most calls to the payment provider fail, before or after their effect.
    ProviderFails,
    /// The payment provider accepts no connections.
    #[strum_discriminants(strum(serialize = "provider-away"))]
    ProviderDown,
    /// Most calls to the payment provider get no response, with or without effect.
    ProviderHangs,
    /// Many confirms get no response, and capture the money when payment has given up.
    ProviderLate,
    /// The payment provider refuses most calls, because there are too many.
    ProviderLimits,
    /// Refunds that the payment provider accepts fail.
    RefundsFail,
    /// Refunds that the payment provider accepts are pending.
    RefundsPend,
}

/// The process that a fault affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(name(TargetKind), vis(), derive(IntoStaticStr, VariantArray))]
#[strum_discriminants(strum(serialize_all = "kebab-case"))]
pub enum Target {
    /// An edge.
    Edge,
    /// A worker of a pool.
    Worker(Pool),
    /// A broker.
    Broker,
    /// The leader of the stream of orders.
    Leader,
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
}

/// The processes at the two ends of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Link {
    /// From an edge to all brokers.
    EdgeBrokers,
    /// From an edge to Redis.
    EdgeRedis,
    /// From a worker to all brokers.
    WorkerBrokers,
    /// From a worker to PostgreSQL.
    WorkerPostgres,
}

/// The name of an unknown fault.
#[derive(Debug, Error)]
#[error("unknown fault `{0}`; expected one of {names}", names = names())]
pub struct UnknownFault(String);

impl Fault {
    /// Every fault.
    pub fn all() -> Vec<Self> {
        let of_kind = |kind: &FaultKind| match kind {
            FaultKind::Kill => Target::all().into_iter().map(Self::Kill).collect(),
            FaultKind::Pause => Target::all().into_iter().map(Self::Pause).collect(),
            FaultKind::Partition => [Target::Broker, Target::Leader].map(Self::Partition).to_vec(),
            FaultKind::Cut => Link::VARIANTS.iter().copied().map(Self::Cut).collect(),
            FaultKind::FreezeWorker => vec![Self::FreezeWorker],
            FaultKind::FreezeBroker => vec![Self::FreezeBroker],
            FaultKind::FreezePostgres => vec![Self::FreezePostgres],
            FaultKind::SkewClock => vec![Self::SkewClock],
            FaultKind::FlushRedis => vec![Self::FlushRedis],
            FaultKind::BadRecords => vec![Self::BadRecords],
            FaultKind::RollingRestart => vec![Self::RollingRestart],
            FaultKind::KillTwoBrokers => vec![Self::KillTwoBrokers],
            FaultKind::RestartBrokers => vec![Self::RestartBrokers],
            FaultKind::LoseStore => vec![Self::LoseStore],
            FaultKind::DiskFull => vec![Self::DiskFull],
            FaultKind::FillStream => vec![Self::FillStream],
            FaultKind::DeleteConsumer => vec![Self::DeleteConsumer],
            FaultKind::LowerReplicas => vec![Self::LowerReplicas],
            FaultKind::LimitAge => vec![Self::LimitAge],
            FaultKind::ProviderSlow => vec![Self::ProviderSlow],
            FaultKind::ProviderFails => vec![Self::ProviderFails],
            FaultKind::ProviderDown => vec![Self::ProviderDown],
            FaultKind::ProviderHangs => vec![Self::ProviderHangs],
            FaultKind::ProviderLate => vec![Self::ProviderLate],
            FaultKind::ProviderLimits => vec![Self::ProviderLimits],
            FaultKind::RefundsFail => vec![Self::RefundsFail],
            FaultKind::RefundsPend => vec![Self::RefundsPend],
        };
        FaultKind::VARIANTS.iter().flat_map(of_kind).collect()
    }

    /// Those for a run of this duration: a freeze is as long as a timeout, or shows nothing.
    pub fn all_within(run: Duration) -> Vec<Self> {
        let mut faults = Self::all();
        if run < LONG_RUN {
            let is_long = |fault: &Self| {
                matches!(fault, Self::FreezeBroker | Self::FreezePostgres | Self::DiskFull)
            };
            faults.retain(|fault| !is_long(fault));
        }
        faults
    }

    /// Whether the fault can only be injected into a cluster of three brokers.
    pub const fn needs_quorum(self) -> bool {
        matches!(
            self,
            Self::KillTwoBrokers
                | Self::LoseStore
                | Self::DiskFull
                | Self::LowerReplicas
                | Self::Partition(_)
        )
    }

    /// Whether the fault affects brokers. One such fault and one other are active at a time.
    pub const fn affects_brokers(self) -> bool {
        matches!(
            self,
            Self::Kill(Target::Broker | Target::Leader)
                | Self::Pause(Target::Broker | Target::Leader)
                | Self::Partition(_)
                | Self::KillTwoBrokers
                | Self::RestartBrokers
                | Self::FillStream
                | Self::FreezeBroker
                | Self::LoseStore
                | Self::DiskFull
                | Self::DeleteConsumer
                | Self::LowerReplicas
                | Self::LimitAge
        )
    }
}

impl Target {
    /// Every target, with a worker of every pool.
    fn all() -> Vec<Self> {
        let of_kind = |kind: &TargetKind| match kind {
            TargetKind::Worker => stages::pools().into_iter().map(Self::Worker).collect(),
            TargetKind::Edge => vec![Self::Edge],
            TargetKind::Broker => vec![Self::Broker],
            TargetKind::Leader => vec![Self::Leader],
            TargetKind::Redis => vec![Self::Redis],
            TargetKind::Postgres => vec![Self::Postgres],
        };
        TargetKind::VARIANTS.iter().flat_map(of_kind).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind: &str = FaultKind::from(self).into();
        match self {
            Self::Kill(target) | Self::Pause(target) | Self::Partition(target) => {
                f.pad(&format!("{kind}-{target}"))
            }
            Self::Cut(link) => f.pad(&format!("{kind}-{}", <&str>::from(link))),
            _ => f.pad(kind),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(pool) => f.pad(pool.as_str()),
            _ => f.pad(TargetKind::from(self).into()),
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = Self::all().into_iter().find(|fault| fault.to_string() == text);
        fault.ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

fn names() -> String {
    Fault::all().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_parses_from_its_name_and_an_unknown_name_is_an_error() {
        for fault in Fault::all() {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
        }
        assert!("kill-everything".parse::<Fault>().is_err());
    }
}
