//! How durable a cluster is.

use thiserror::Error;

/// How durable a cluster is, as the 202 and every report name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Three brokers, three replicas, every write synced to disk before it is acknowledged.
    Durable,
    /// Three brokers, three replicas, synced every two minutes, as the broker does by default: an
    /// acknowledged order survives any one broker, not a power cut of all three.
    Fast,
    /// One broker, every write synced. For a laptop or a test.
    Single,
}

/// A name that is no profile's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no profile; the profiles are durable, fast and single")]
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

    /// How many brokers the cluster has, each with a replica of every stream.
    pub const fn brokers(self) -> usize {
        match self {
            Self::Durable | Self::Fast => 3,
            Self::Single => 1,
        }
    }

    /// Whether it claims that a write is on disk before it is acknowledged.
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
        let found = [Self::Durable, Self::Fast, Self::Single].into_iter();
        found
            .into_iter()
            .find(|profile| profile.as_str() == name)
            .ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
