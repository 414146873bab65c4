//! Fault injection: what goes wrong and how often, set at startup and by `POST /control`.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::ApiError;
use super::limits::{AMOUNT_MAX, DELAY_MAX, LATE_DEFAULT};
use super::model::{PaymentStatus, RefundStatus};

/// The faults and the latency of the whole provider.
///
/// `POST /control` accepts `latency_ms`, `fail` (`5xx`, `close`, `hang`, `late`, `429` or `none`), `calls`
/// (`all` or `confirms`), `rate`, `late_ms`, `retry_after` (seconds; 0 for no such header), `amount_min`,
/// `in_flight_max` (calls; 0 for no limit), `payments` and `refunds`; a parameter that is absent keeps its
/// value. With `away_ms` the provider also stops listening for that time. No time may exceed ten minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultConfig {
    /// Latency added to every call.
    pub latency: Duration,
    /// The fault to inject, if any.
    pub fault: Option<SimulatedFault>,
    /// Whether it happens to confirms only.
    pub confirms_only: bool,
    /// Fraction of calls that fail, 0 to 1.
    pub rate: f64,
    /// How long after its request a late confirm has its effect. A change concerns those that wait, too.
    pub late: Duration,
    /// The header `Retry-After` of a 429, in seconds; none if it is zero.
    pub retry_after: u16,
    /// How many changes may be in flight at once: the others get a 429. Zero for any number.
    pub in_flight_max: u16,
    /// The smallest amount that is accepted, in minor units. Stripe's is about 50 US cents.
    pub amount_min: i64,
    /// The status that payments get which no card declines: those to come, and those that are being
    /// processed.
    pub payments: PaymentStatus,
    /// The status that refunds get: those to come, and those that are pending.
    pub refunds: RefundStatus,
}

/// A fault of one call. Except for a 429 and a late confirm, it happens before or after the effect, with
/// equal probability: the caller cannot know which, and must not need to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimulatedFault {
    /// The response is a 500.
    ServerError,
    /// The connection is closed without a response.
    Close,
    /// The response never comes.
    Hang,
    /// A confirm gets no response and has its effect later, when its caller has given up. Until then its
    /// key is in use. No other call is affected.
    Late,
    /// The response is a 429. The call has no effect and does not save its key.
    RateLimit,
}

/// Whether a fault happens before or after the effect of the call.
#[derive(Clone, Copy)]
pub(super) enum FaultTiming {
    Before(SimulatedFault),
    After(SimulatedFault),
}

impl Default for FaultConfig {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            fault: None,
            confirms_only: false,
            rate: 1.0,
            late: LATE_DEFAULT,
            retry_after: 0,
            in_flight_max: 0,
            amount_min: 1,
            payments: PaymentStatus::Succeeded,
            refunds: RefundStatus::Succeeded,
        }
    }
}

impl FaultConfig {
    /// Draws at random whether this call fails, and when. Only a confirm can be late.
    pub(super) fn draw_fault(&self, is_confirm: bool) -> Option<FaultTiming> {
        let needs_confirm = |fault| self.confirms_only || fault == SimulatedFault::Late;
        let fault = self.fault.filter(|fault| is_confirm || !needs_confirm(*fault))?;
        if rand::random::<f64>() >= self.rate {
            return None;
        }
        Some(match fault {
            SimulatedFault::RateLimit => FaultTiming::Before(fault),
            SimulatedFault::Late => FaultTiming::After(fault),
            _ if rand::random() => FaultTiming::Before(fault),
            _ => FaultTiming::After(fault),
        })
    }

    /// This configuration with the changes of a form, and the duration of the outage if the form
    /// asks for one.
    pub(super) fn with_changes<'a>(
        mut self,
        form: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<(Self, Option<Duration>), ApiError> {
        let mut outage = None;
        for (name, value) in form {
            let parsed = match name.as_ref() {
                "calls" => parse_calls(&value).map(|confirms| self.confirms_only = confirms),
                "latency_ms" => parse_delay(&value).map(|latency| self.latency = latency),
                "away_ms" => parse_delay(&value).map(|duration| outage = Some(duration)),
                "late_ms" => parse_delay(&value).map(|late| self.late = late),
                "rate" => parse_rate(&value).map(|rate| self.rate = rate),
                "retry_after" => parse_seconds(&value).map(|time| self.retry_after = time),
                "in_flight_max" => value.parse().ok().map(|max| self.in_flight_max = max),
                "amount_min" => parse_amount(&value).map(|amount| self.amount_min = amount),
                "payments" => PaymentStatus::parse(&value).map(|status| self.payments = status),
                "refunds" => RefundStatus::parse(&value).map(|status| self.refunds = status),
                "fail" if value == "none" => {
                    self.fault = None;
                    Some(())
                }
                "fail" => value.parse().ok().map(|fault| self.fault = Some(fault)),
                _ => return Err(ApiError::parameter(&name, "parameter_unknown")),
            };
            parsed.ok_or_else(|| ApiError::parameter(&name, "parameter_invalid"))?;
        }
        Ok((self, outage))
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "latency_ms": self.latency.as_millis() as u64,
            "fail": self.fault.map_or("none", SimulatedFault::name),
            "calls": if self.confirms_only { "confirms" } else { "all" },
            "rate": self.rate,
            "late_ms": self.late.as_millis() as u64,
            "retry_after": self.retry_after,
            "in_flight_max": self.in_flight_max,
            "amount_min": self.amount_min,
            "payments": self.payments,
            "refunds": self.refunds,
        })
    }
}

impl SimulatedFault {
    fn name(self) -> &'static str {
        match self {
            SimulatedFault::ServerError => "5xx",
            SimulatedFault::Close => "close",
            SimulatedFault::Hang => "hang",
            SimulatedFault::Late => "late",
            SimulatedFault::RateLimit => "429",
        }
    }
}

/// The name is not one of `5xx`, `close`, `hang`, `late` and `429`.
#[derive(Debug, thiserror::Error)]
#[error("unknown fault; expected one of 5xx, close, hang, late and 429")]
pub struct UnknownFault;

impl FromStr for SimulatedFault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let all = [
            SimulatedFault::ServerError,
            SimulatedFault::Close,
            SimulatedFault::Hang,
            SimulatedFault::Late,
            SimulatedFault::RateLimit,
        ];
        all.into_iter().find(|fault| fault.name() == name).ok_or(UnknownFault)
    }
}

/// Whether faults happen to confirms only.
fn parse_calls(calls: &str) -> Option<bool> {
    match calls {
        "all" => Some(false),
        "confirms" => Some(true),
        _ => None,
    }
}

fn parse_delay(milliseconds: &str) -> Option<Duration> {
    let delay = Duration::from_millis(milliseconds.parse().ok()?);
    (delay <= DELAY_MAX).then_some(delay)
}

fn parse_rate(rate: &str) -> Option<f64> {
    rate.parse().ok().filter(|rate| (0.0..=1.0).contains(rate))
}

fn parse_seconds(seconds: &str) -> Option<u16> {
    seconds.parse().ok().filter(|seconds| u64::from(*seconds) <= DELAY_MAX.as_secs())
}

fn parse_amount(amount: &str) -> Option<i64> {
    amount.parse().ok().filter(|amount| (1..=AMOUNT_MAX).contains(amount))
}
