//! Whether a 202 may claim what it claims: brokers come back, and not always as they were.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use streams::{
    Connection, DurabilityUnverified, Profile, verify_durability, verify_durability_at_start,
};
use tokio::time::sleep;

use crate::limits::DURABILITY_LOOK_EVERY;
use crate::problem::Problem;

/// What the brokers said last. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct DurabilityGate(Arc<Seen>);

#[derive(Default)]
struct Seen {
    /// An order's way asks only this.
    is_disproved: AtomicBool,
    reason: Mutex<String>,
}

impl DurabilityGate {
    /// The brokers have proven the profile, or an edge must not begin.
    pub(crate) async fn proven(
        broker: &Connection,
        profile: Profile,
    ) -> Result<Self, DurabilityUnverified> {
        verify_durability_at_start(broker, profile).await?;
        Ok(Self::default())
    }

    /// An order that comes now is promised what the profile says, or it is not taken in.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.0.is_disproved.load(Ordering::Relaxed) { Err(Problem::NotDurable) } else { Ok(()) }
    }

    /// Why the profile may not be claimed, if so.
    pub(crate) fn hindrance(&self) -> Option<String> {
        self.check().err()?;
        Some(self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Looks again and again. While too few brokers answer, what was seen last stands: those that
    /// do not answer acknowledge nothing without the others.
    pub(crate) async fn watch(self, broker: Connection, profile: Profile) {
        while profile.syncs_always() {
            sleep(DURABILITY_LOOK_EVERY).await;
            match verify_durability(&broker, profile).await {
                Ok(()) => self.note(None),
                Err(disproved @ DurabilityUnverified::Unsynced { .. }) => {
                    self.note(Some(disproved))
                }
                Err(err @ DurabilityUnverified::TooFew { .. }) => {
                    tracing::debug!(%err, "durability stays as it was");
                }
            }
        }
    }

    fn note(&self, disproved: Option<DurabilityUnverified>) {
        let was = self.0.is_disproved.load(Ordering::Relaxed);
        match &disproved {
            Some(reason) if !was => tracing::error!("no orders are taken in: {reason}"),
            None if was => tracing::warn!("every broker syncs every write again"),
            _ => {}
        }
        let is_disproved = disproved.is_some();
        let reason = disproved.map(|reason| reason.to_string()).unwrap_or_default();
        *self.0.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        self.0.is_disproved.store(is_disproved, Ordering::Relaxed);
    }
}
