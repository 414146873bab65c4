//! The durability gate: refuses orders while a broker does not fsync as the profile claims. It is
//! checked continuously, because a broker may restart with another configuration.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use streams::{
    Connection, DurabilityUnverified, Profile, verify_durability, verify_durability_at_start,
};
use tokio::time::sleep;

use crate::limits::DURABILITY_POLL_INTERVAL;
use crate::problem::Problem;

/// The last verified state of the brokers. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct DurabilityGate(Arc<GateState>);

#[derive(Default)]
struct GateState {
    /// The path of an order reads only this.
    is_closed: AtomicBool,
    reason: Mutex<String>,
}

impl DurabilityGate {
    /// An open gate; an error if the brokers do not provide the durability of the profile.
    pub(crate) async fn open(
        broker: &Connection,
        profile: Profile,
    ) -> Result<Self, DurabilityUnverified> {
        verify_durability_at_start(broker, profile).await?;
        Ok(Self::default())
    }

    /// Whether an order that arrives now would have the durability of the profile.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.0.is_closed.load(Ordering::Relaxed) { Err(Problem::NotDurable) } else { Ok(()) }
    }

    /// Why the gate is closed, if it is.
    pub(crate) fn closed_reason(&self) -> Option<String> {
        self.check().err()?;
        Some(self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Polls the brokers. While too few of them reply, the last result holds: brokers that do not
    /// reply acknowledge nothing without the others.
    pub(crate) async fn watch(&self, broker: &Connection, profile: Profile) {
        while profile.syncs_always() {
            sleep(DURABILITY_POLL_INTERVAL).await;
            match verify_durability(broker, profile).await {
                Ok(()) => self.update(None),
                Err(unsynced @ DurabilityUnverified::NotFsynced { .. }) => {
                    self.update(Some(unsynced));
                }
                Err(err @ DurabilityUnverified::TooFewReplies { .. }) => {
                    tracing::debug!(%err, "durability check failed, keeping last result");
                }
            }
        }
    }

    fn update(&self, unsynced: Option<DurabilityUnverified>) {
        let was_closed = self.0.is_closed.load(Ordering::Relaxed);
        match &unsynced {
            Some(reason) if !was_closed => {
                tracing::error!(%reason, "intake closed: brokers not durable");
            }
            None if was_closed => {
                tracing::warn!("intake reopened: all brokers fsync every write");
            }
            _ => {}
        }
        let is_closed = unsynced.is_some();
        let reason = unsynced.map(|reason| reason.to_string()).unwrap_or_default();
        *self.0.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        self.0.is_closed.store(is_closed, Ordering::Relaxed);
    }
}
