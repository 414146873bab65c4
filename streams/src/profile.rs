//! The durability profile of a cluster.

use strum::{Display, EnumString, IntoStaticStr, VariantNames};
use thiserror::Error;

/// How durable a cluster is. The 202 response and every report name the profile.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
#[strum(parse_err_ty = UnknownProfile, parse_err_fn = UnknownProfile::new)]
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
#[error("unknown profile `{0}`; expected one of {names}", names = Profile::VARIANTS.join(", "))]
pub struct UnknownProfile(String);

impl Profile {
    /// The profile's name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The number of brokers in the cluster. Each holds a replica of every stream.
    pub const fn brokers(self) -> usize {
        match self {
            Self::Durable | Self::Fast => 3,
            Self::Single => 1,
        }
    }

    /// The number of lanes of a new cluster: as many as brokers, so that each broker leads one.
    pub(crate) const fn lanes(self) -> usize {
        self.brokers()
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

impl UnknownProfile {
    fn new(name: &str) -> Self {
        Self(name.to_owned())
    }
}
