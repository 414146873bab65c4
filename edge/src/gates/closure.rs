//! Whether a gate is closed, and why. It is checked for each order and changed by one watch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::problem::Problem;

/// The result of a gate's last check. Cheap to clone; open at first.
#[derive(Clone, Default)]
pub(super) struct Closure(Arc<State>);

#[derive(Default)]
struct State {
    /// The path of an order reads only this.
    is_closed: AtomicBool,
    reason: Mutex<String>,
}

impl Closure {
    /// A refusal while the gate is closed.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.0.is_closed.load(Ordering::Relaxed) { Err(Problem::NotDurable) } else { Ok(()) }
    }

    /// Why the gate is closed, if it is.
    pub(super) fn reason(&self) -> Option<String> {
        self.check().err()?;
        Some(self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Closes the gate for a reason, or opens it. Logs a change; `opened` is what holds again.
    pub(super) fn update(&self, reason: Option<String>, opened: &'static str) {
        match (&reason, self.reason()) {
            (Some(reason), before) if before.as_ref() != Some(reason) => {
                tracing::error!(%reason, "intake closed: orders would not be durable");
            }
            (None, Some(_)) => tracing::warn!("intake reopened: {opened}"),
            _ => {}
        }
        let is_closed = reason.is_some();
        *self.0.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason.unwrap_or_default();
        self.0.is_closed.store(is_closed, Ordering::Relaxed);
    }
}
