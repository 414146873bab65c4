//! The gates that an order passes before it is accepted. Each keeps the result of its last check,
//! so that no order waits for a check.

mod admission;
mod closure;
mod durability;
mod intake;
mod streams;

use ::streams::{Connection, DurabilityUnverified, EdgeReport, INVALID, Profile, Routes, Step};

use crate::config::Config;
use crate::order_counts::OrderCounts;
use crate::problem::Problem;
use admission::AdmissionGate;
use durability::DurabilityGate;
use intake::IntakeGate;
use streams::StreamsGate;

/// All gates of the process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gates {
    admission: AdmissionGate,
    durability: DurabilityGate,
    intake: IntakeGate,
    streams: StreamsGate,
}

impl Gates {
    /// Gates that are open once the streams are seen to keep orders; an error if the brokers do not
    /// provide the durability of the profile.
    pub(crate) async fn open(
        broker: &Connection,
        lanes: &Routes,
        profile: Profile,
    ) -> Result<Self, DurabilityUnverified> {
        let durability = DurabilityGate::open(broker, profile).await?;
        let admission = AdmissionGate::default();
        let intake = IntakeGate::open(lanes).await;
        let streams = StreamsGate::open(broker, lanes, profile).await;
        Ok(Self { admission, durability, intake, streams })
    }

    /// Opens and closes the gates as the brokers' state changes. `first_step` is the step that every
    /// order passes first. Does not return.
    pub(crate) fn watch(
        self,
        broker: Connection,
        lanes: Routes,
        config: &Config,
        first_step: Step,
    ) -> impl Future<Output = ()> + use<> {
        let (profile, backlog_max_age) = (config.brokers.profile, config.backlog_max_age);
        async move {
            let max_age = || self.intake.backlog_max_age().unwrap_or(backlog_max_age);
            tokio::join!(
                self.admission.watch(&broker, &lanes, &first_step, max_age),
                self.durability.watch(&broker, profile),
                self.intake.watch(),
                self.streams.watch(&broker, &lanes, profile),
            );
        }
    }

    /// Whether an order that arrives now may be accepted.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let checked = self.check_admission();
        if checked.is_err() {
            self.intake.counts.refuse();
        }
        checked
    }

    fn check_admission(&self) -> Result<(), Problem> {
        self.intake.check()?;
        self.admission.check()?;
        self.check_durability()
    }

    /// Whether a request about a stored order that arrives now may be accepted.
    pub(crate) fn check_request(&self) -> Result<(), Problem> {
        self.admission.check_request()?;
        self.check_durability()
    }

    /// Whether a message that is stored now is kept as the profile says.
    fn check_durability(&self) -> Result<(), Problem> {
        self.durability.0.check()?;
        self.streams.0.check()
    }

    /// Why an order would not be durable, if it would not.
    pub(crate) fn not_durable_reason(&self) -> Option<String> {
        self.durability.0.reason().or_else(|| self.streams.0.reason())
    }

    /// The counters of the orders that come.
    pub(crate) fn counts(&self) -> OrderCounts {
        self.intake.counts.clone()
    }

    /// What the edge says about itself. `is_leaving` says whether it is asked to end.
    pub(crate) fn report(&self, is_leaving: bool) -> EdgeReport {
        let (_, revision, error) = self.intake.setting();
        let state = match self.check_admission() {
            _ if is_leaving => "draining",
            Err(problem) => problem.state(),
            Ok(()) if error.is_some() => INVALID,
            Ok(()) => "accepting",
        };
        let (accepted, unacknowledged, refused) = self.intake.counts.read();
        let state = state.to_owned();
        EdgeReport { state, revision, error, accepted, unacknowledged, refused }
    }
}
