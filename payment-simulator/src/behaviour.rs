//! How the provider misbehaves, set at the start and by `POST /control` while it runs.

use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use super::failure::Failure;

/// How the whole provider behaves.
///
/// `POST /control` takes `latency_ms`, `fail` (`5xx`, `close`, `hang` or `none`) and `rate`; what it
/// does not name stays as it was. With `away_ms` the provider also stops listening for that time.
/// Neither time may be longer than ten minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultConfig {
    /// How long every call takes.
    pub latency: Duration,
    /// What goes wrong.
    pub fault: Option<SimulatedFault>,
    /// The share of calls that goes wrong, 0 to 1.
    pub rate: f64,
}

/// No call is slower and no absence longer than this: beyond it a test would look stuck.
const MAX_PAUSE: Duration = Duration::from_mins(10);

/// What can go wrong with a call. It strikes before or after the effect, by the toss of a coin:
/// the caller cannot know which, and must not need to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimulatedFault {
    /// The answer is 500.
    ServerError,
    /// The connection is closed without an answer.
    Close,
    /// The answer never comes.
    Hang,
}

/// When a fault strikes a call.
#[derive(Clone, Copy)]
pub(super) enum FaultTiming {
    Before(SimulatedFault),
    After(SimulatedFault),
}

impl Default for FaultConfig {
    fn default() -> Self {
        Self { latency: Duration::ZERO, fault: None, rate: 1.0 }
    }
}

impl FaultConfig {
    /// Whether and when this call goes wrong.
    pub(super) fn draw_fault(&self) -> Option<FaultTiming> {
        let fault = self.fault?;
        if rand::random::<f64>() >= self.rate {
            return None;
        }
        Some(if rand::random() { FaultTiming::Before(fault) } else { FaultTiming::After(fault) })
    }

    /// This behaviour with the changes of a form, and how long to be away, if it says so.
    pub(super) fn changed(mut self, form: &[u8]) -> Result<(Self, Option<Duration>), Failure> {
        let mut absence = None;
        for (name, value) in form_urlencoded::parse(form) {
            let known = match name.as_ref() {
                "latency_ms" => pause(&value).map(|latency| self.latency = latency),
                "away_ms" => pause(&value).map(|away| absence = Some(away)),
                "rate" => rate(&value).map(|rate| self.rate = rate),
                "fail" if value == "none" => {
                    self.fault = None;
                    Some(())
                }
                "fail" => value.parse().ok().map(|fault| self.fault = Some(fault)),
                _ => return Err(Failure::parameter(&name, "parameter_unknown")),
            };
            known.ok_or_else(|| Failure::parameter(&name, "parameter_invalid"))?;
        }
        Ok((self, absence))
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "latency_ms": self.latency.as_millis() as u64,
            "fail": self.fault.map_or("none", SimulatedFault::name),
            "rate": self.rate,
        })
    }
}

impl SimulatedFault {
    fn name(self) -> &'static str {
        match self {
            SimulatedFault::ServerError => "5xx",
            SimulatedFault::Close => "close",
            SimulatedFault::Hang => "hang",
        }
    }
}

/// The name is none of `5xx`, `close` and `hang`.
#[derive(Debug, thiserror::Error)]
#[error("a fault is one of 5xx, close and hang")]
pub struct UnknownFault;

impl FromStr for SimulatedFault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [SimulatedFault::ServerError, SimulatedFault::Close, SimulatedFault::Hang]
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or(UnknownFault)
    }
}

fn pause(milliseconds: &str) -> Option<Duration> {
    let pause = Duration::from_millis(milliseconds.parse().ok()?);
    (pause <= MAX_PAUSE).then_some(pause)
}

fn rate(rate: &str) -> Option<f64> {
    rate.parse().ok().filter(|rate| (0.0..=1.0).contains(rate))
}
