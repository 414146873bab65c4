//! The faults that can be injected into a cluster, by name.

use std::fmt;
use std::str::FromStr;

use streams::Pool;
use thiserror::Error;

/// A fault that is injected and healed after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, and later a restart.
    Kill(Target),
    /// SIGSTOP, and later SIGCONT: connections stay open without responses.
    Pause(Target),
    /// A network partition from the other brokers; clients still reach the broker.
    Partition(Target),
    /// A worker is paused for longer than `ack_wait`: another worker processes its messages, and
    /// then the first one resumes.
    FreezeWorker,
    /// Two of three brokers are killed: no quorum.
    KillTwoBrokers,
    /// All brokers are killed at the same time, and restarted.
    RestartBrokers,
    /// The stream of orders is full.
    FillStream,
    /// Every call to the payment provider is slow.
    ProviderSlow,
    /// Most calls to the payment provider fail, before or after their effect.
    ProviderFails,
    /// The payment provider accepts no connections.
    ProviderDown,
    /// Most calls to the payment provider get no response, with or without effect.
    ProviderHangs,
}

/// The process that a fault affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The name of an unknown fault.
#[derive(Debug, Error)]
#[error("unknown fault `{0}`; expected one of {names}", names = names())]
pub struct UnknownFault(String);

const NAMES: [(Fault, &str); 26] = [
    (Fault::Kill(Target::Broker), "kill-broker"),
    (Fault::Kill(Target::Leader), "kill-leader"),
    (Fault::KillTwoBrokers, "kill-two-brokers"),
    (Fault::Pause(Target::Broker), "pause-broker"),
    (Fault::Pause(Target::Leader), "pause-leader"),
    (Fault::Partition(Target::Broker), "cut-off-broker"),
    (Fault::Partition(Target::Leader), "cut-off-leader"),
    (Fault::RestartBrokers, "restart-brokers"),
    (Fault::FillStream, "fill-stream"),
    (Fault::Kill(Target::Edge), "kill-edge"),
    (Fault::Kill(Target::Worker(Pool::Inventory)), "kill-inventory"),
    (Fault::Kill(Target::Worker(Pool::Payment)), "kill-payment"),
    (Fault::Kill(Target::Worker(Pool::Fulfilment)), "kill-fulfilment"),
    (Fault::Kill(Target::Redis), "kill-redis"),
    (Fault::Kill(Target::Postgres), "kill-postgres"),
    (Fault::Pause(Target::Edge), "pause-edge"),
    (Fault::Pause(Target::Worker(Pool::Inventory)), "pause-inventory"),
    (Fault::Pause(Target::Worker(Pool::Payment)), "pause-payment"),
    (Fault::Pause(Target::Worker(Pool::Fulfilment)), "pause-fulfilment"),
    (Fault::FreezeWorker, "freeze-worker"),
    (Fault::Pause(Target::Redis), "pause-redis"),
    (Fault::Pause(Target::Postgres), "pause-postgres"),
    (Fault::ProviderSlow, "provider-slow"),
    (Fault::ProviderFails, "provider-fails"),
    (Fault::ProviderHangs, "provider-hangs"),
    (Fault::ProviderDown, "provider-away"),
];

impl Fault {
    /// Every fault.
    pub const ALL: [Self; NAMES.len()] = {
        let mut all = [NAMES[0].0; NAMES.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = NAMES[index].0;
            index += 1;
        }
        all
    };

    /// Whether the fault can only be injected into a cluster of three brokers.
    pub const fn needs_quorum(self) -> bool {
        matches!(self, Self::KillTwoBrokers | Self::Partition(_))
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
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = NAMES.iter().find(|(fault, _)| fault == self);
        f.pad(entry.map_or("unnamed", |(_, name)| name))
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entry = NAMES.iter().find(|(_, name)| *name == text);
        entry.map(|(fault, _)| *fault).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

fn names() -> String {
    NAMES.map(|(_, name)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_parses_from_its_name_and_an_unknown_name_is_an_error() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
        }
        assert!("kill-everything".parse::<Fault>().is_err());
    }
}
