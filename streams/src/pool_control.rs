//! Has one worker of a pool do what the setting of its pool says: keeps the setting and the other workers in view,
//! and decides what the worker may pull.

use tokio::time::{Instant, sleep};

use crate::limits::{MEMBERS_PING_INTERVAL, PULL_DECISION_INTERVAL};
use crate::pool_members::PoolMembers;
use crate::pull_gate::{Decision, decide, needs_members};
use crate::pull_report::{INVALID, PullReport};
use crate::routes::Routes;
use crate::settings::{InForce, PoolSetting, SettingWatch};
use crate::{Pool, PullGate, PullState};

/// The setting of a pool, in one of its workers. Cheap to clone.
#[derive(Clone)]
pub struct PoolControl {
    setting: SettingWatch<PoolSetting>,
    gate: PullGate,
}

impl PoolControl {
    /// The setting of `pool`, which is not known yet: nothing is pulled until it is, or until it could not be read
    /// for some time.
    pub fn new(routes: impl Into<Routes>, pool: Pool) -> Self {
        Self { setting: SettingWatch::new(routes, pool.as_str()), gate: PullGate::new() }
    }

    /// What lets the worker's pull requests pass.
    pub fn gate(&self) -> PullGate {
        self.gate.clone()
    }

    /// What the worker says about it.
    pub fn report(&self) -> PullReport {
        let (InForce { revision, refused, .. }, ..) = self.setting.in_force();
        let Decision { state, share, active, .. } = self.gate.decision();
        let name = if refused.is_some() { INVALID } else { state.as_str() };
        PullReport {
            state: name.to_owned(),
            revision,
            error: refused.map(|refused| refused.to_string()),
            is_pulling: state == PullState::Working,
            active,
            share,
        }
    }

    /// Keeps the decision up to date. `id` is that of the worker's service. Does not return.
    pub async fn keep(&self, routes: impl Into<Routes>, pool: Pool, id: String) {
        let members = PoolMembers::new(routes.into(), pool, id.clone());
        tokio::join!(self.setting.follow(), self.decide_again(members, &id));
    }

    async fn decide_again(&self, mut members: PoolMembers, own: &str) {
        let mut changes = self.setting.changes();
        let mut asked_at: Option<Instant> = None;
        // As a worker without a setting is.
        let mut said = PullState::Working;
        loop {
            let (InForce { setting, .. }, now, is_known) = self.setting.in_force();
            if !needs_members(&setting) {
                members.forget();
                asked_at = None;
            } else if asked_at.is_none_or(|at| at.elapsed() >= MEMBERS_PING_INTERVAL) {
                members.ask().await;
                asked_at = Some(Instant::now());
            }
            if is_known {
                self.decide(decide(&setting, now, members.ids().as_ref(), own), &mut said);
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep(PULL_DECISION_INTERVAL) => {}
            }
        }
    }

    /// Decides, and logs it if it is another state than the one that was `said` last.
    fn decide(&self, decision: Decision, said: &mut PullState) {
        self.gate.set(decision);
        if decision.state != *said && decision.state != PullState::Starting {
            let (before, state) = (said.as_str(), decision.state.as_str());
            tracing::info!(before, state, "worker changes its state");
            *said = decision.state;
        }
    }
}
