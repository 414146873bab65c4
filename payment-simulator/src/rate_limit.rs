//! What the simulated rate limit has seen: the calls that it refused, and those that came too early.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The record of the rate limit.
#[derive(Default)]
pub(super) struct RateLimit {
    /// Changes that are in flight.
    pub(super) in_flight: u16,
    calls: u64,
    refused: u64,
    /// Calls that came before the time that an earlier `Retry-After` had set.
    early: u64,
    until: Option<Instant>,
}

impl RateLimit {
    pub(super) fn record_call(&mut self, now: Instant) {
        self.calls += 1;
        if self.until.is_some_and(|until| now < until) {
            self.early += 1;
        }
    }

    pub(super) fn record_refusal(&mut self, now: Instant, retry_after: u16) {
        self.refused += 1;
        self.until = Some(now + Duration::from_secs(retry_after.into()));
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "calls": self.calls, "refused": self.refused, "early": self.early })
    }
}
