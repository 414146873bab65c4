//! The durability gate: refuses orders while a broker does not fsync as the profile claims. It is
//! checked continuously, because a broker may restart with another configuration.

use streams::{
    Connection, DurabilityUnverified, Profile, verify_durability, verify_durability_at_start,
};
use tokio::time::sleep;

use super::closure::Closure;
use crate::limits::DURABILITY_POLL_INTERVAL;

/// The last verified state of the brokers. Cheap to clone.
#[derive(Clone)]
pub(super) struct DurabilityGate(pub(super) Closure);

impl DurabilityGate {
    /// An open gate; an error if the brokers do not provide the durability of the profile.
    pub(super) async fn open(
        broker: &Connection,
        profile: Profile,
    ) -> Result<Self, DurabilityUnverified> {
        verify_durability_at_start(broker, profile).await?;
        Ok(Self(Closure::default()))
    }

    /// Polls the brokers. While too few of them reply, the last result holds: brokers that do not
    /// reply acknowledge nothing without the others. Only replies of all that run open a closed gate: the
    /// one that is missing may be the one that closed it.
    pub(super) async fn watch(&self, broker: &Connection, profile: Profile) {
        while profile.syncs_always() {
            sleep(DURABILITY_POLL_INTERVAL).await;
            let unsynced = match verify_durability(broker, profile).await {
                Ok(is_complete) if is_complete || self.0.reason().is_none() => None,
                Ok(_) => continue,
                Err(unsynced @ DurabilityUnverified::NotFsynced { .. }) => Some(unsynced),
                Err(err @ DurabilityUnverified::TooFewReplies { .. }) => {
                    tracing::debug!(%err, "durability check failed, keeping last result");
                    continue;
                }
            };
            let reason = unsynced.map(|reason| reason.to_string());
            self.0.update(reason, "all brokers fsync every write");
        }
    }
}
