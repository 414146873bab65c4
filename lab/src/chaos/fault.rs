//! What can happen to a cluster on purpose, by name.

use std::fmt;
use std::str::FromStr;

use streams::Pool;
use thiserror::Error;

/// One thing that happens to a cluster and is over after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, and a new start later.
    Kill(Target),
    /// SIGSTOP, and SIGCONT later: open connections, and nobody answers.
    Pause(Target),
    /// Cut off from the other brokers, while clients still reach it.
    CutOff(Target),
    /// A worker is paused for longer than brokers wait for its acks: another one does its work, and
    /// then it goes on where it was.
    FreezeWorker,
    /// Two of three brokers are killed: no quorum.
    KillTwoBrokers,
    /// All brokers are killed and started again at the same time.
    RestartBrokers,
    /// The stream of orders takes no more.
    FillStream,
    /// Every call to the payment provider takes longer.
    ProviderSlow,
    /// Most calls to the payment provider fail, before or after their effect.
    ProviderFails,
    /// The payment provider takes no connection.
    ProviderAway,
    /// Most calls to the payment provider are never answered, and may have had their effect.
    ProviderHangs,
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Any edge.
    Edge,
    /// Any worker of a pool.
    Worker(Pool),
    /// Any broker.
    Broker,
    /// The broker that leads the stream of orders.
    Leader,
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
}

/// The name is no fault's.
#[derive(Debug, Error)]
#[error("`{0}` is no fault; the faults are {names}", names = names())]
pub struct UnknownFault(String);

const NAMES: [(Fault, &str); 26] = [
    (Fault::Kill(Target::Broker), "kill-broker"),
    (Fault::Kill(Target::Leader), "kill-leader"),
    (Fault::KillTwoBrokers, "kill-two-brokers"),
    (Fault::Pause(Target::Broker), "pause-broker"),
    (Fault::Pause(Target::Leader), "pause-leader"),
    (Fault::CutOff(Target::Broker), "cut-off-broker"),
    (Fault::CutOff(Target::Leader), "cut-off-leader"),
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
    (Fault::ProviderAway, "provider-away"),
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

    /// Whether it needs brokers that stand in for each other.
    pub const fn needs_quorum(self) -> bool {
        matches!(self, Self::KillTwoBrokers | Self::CutOff(_))
    }

    /// Whether it happens to the brokers. One of these and one of the others happen at a time.
    pub const fn is_of_brokers(self) -> bool {
        matches!(
            self,
            Self::Kill(Target::Broker | Target::Leader)
                | Self::Pause(Target::Broker | Target::Leader)
                | Self::CutOff(_)
                | Self::KillTwoBrokers
                | Self::RestartBrokers
                | Self::FillStream
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMES.iter().find(|(fault, _)| fault == self);
        f.pad(named.map_or("unnamed", |(_, name)| name))
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = NAMES.iter().find(|(_, name)| *name == text);
        named.map(|(fault, _)| *fault).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

fn names() -> String {
    NAMES.map(|(_, name)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_name_that_means_it() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
        }
        assert!("kill-everything".parse::<Fault>().is_err());
    }
}
