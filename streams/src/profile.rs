//! The durability profile of a cluster.

use thiserror::Error;

/// How durable a cluster is. The 202 response and every report name the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Three brokers, three replicas, every write fsynced before it is acknowledged.
    Durable,
    /// Three brokers, three replicas, fsync every two minutes, which is the broker's default: an
    /// acknowledged order survives the loss of any one broker, but not a power cut of all three.
    Fast,
    /// One broker, every write fsynced. For a laptop or a test.
    Single,
}

/// Not the name of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown profile `{0}`; expected one of durable, fast, single")]
pub struct UnknownProfile(String);

impl Profile {
    /// The profile's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Fast => "fast",
            Self::Single => "single",
        }
    }

    /// The number of brokers in the cluster. Each holds a replica of every stream.
    pub const fn brokers(self) -> usize {
        match self {
            Self::Durable | Self::Fast => 3,
            Self::Single => 1,
        }
    }

    /// Whether the profile claims that a write is on disk before it is acknowledged.
    pub const fn syncs_always(self) -> bool {
        matches!(self, Self::Durable | Self::Single)
    }

    /// The broker's `sync_interval`.
    pub const fn sync_interval(self) -> &'static str {
        if self.syncs_always() { "always" } else { "2m" }
    }
}

impl std::str::FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = [Self::Durable, Self::Fast, Self::Single].into_iter();
        all.find(|profile| profile.as_str() == name).ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
