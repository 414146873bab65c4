//! What the setting of a pool means for one of its workers: pure.

use std::collections::BTreeSet;

use orders::Timestamp;

use crate::{PoolSetting, Setting};

/// Whether a worker pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullState {
    /// Not yet: the setting of its pool, or who its other workers are, is not known.
    #[default]
    Starting,
    /// It pulls.
    Working,
    /// It pulls nothing but what undoes.
    Paused,
    /// The same, because enough others pull.
    Standby,
}

impl PullState {
    /// Its name, as workers report it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Working => "working",
            Self::Paused => "paused",
            Self::Standby => "standby",
        }
    }
}

/// What one worker may do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Decision {
    pub(crate) state: PullState,
    /// Orders a second of this worker; `None` without a rate.
    pub(crate) share: Option<f64>,
    /// Records of a set, at most.
    pub(crate) batch: Option<usize>,
    /// How many workers of the pool pull; `None` if the setting does not depend on it.
    pub(crate) active: Option<usize>,
}

/// Whether a setting depends on which workers there are.
pub(crate) const fn needs_members(setting: &PoolSetting) -> bool {
    setting.workers.is_some() || setting.rate.is_some()
}

/// What the worker `own` may do under `setting` at the time `now` of the brokers, if the workers of its pool are
/// `members`; `None` while they are not known. Those with the lowest ids pull.
pub(crate) fn decide(
    setting: &PoolSetting,
    now: Option<Timestamp>,
    members: Option<&BTreeSet<String>>,
    own: &str,
) -> Decision {
    let batch = setting.batch.map(|batch| batch as usize);
    let decision = Decision { batch, ..Decision::default() };
    if setting.is_paused_at(now) {
        return Decision { state: PullState::Paused, ..decision };
    }
    if !needs_members(setting) {
        return Decision { state: PullState::Working, ..decision };
    }
    let Some(members) = members else { return decision };
    let rank = members.iter().take_while(|id| id.as_str() < own).count();
    let running = members.len() + usize::from(!members.contains(own));
    let active = setting.workers.map_or(running, |workers| running.min(workers as usize));
    let state = if rank < active { PullState::Working } else { PullState::Standby };
    let share = setting.rate.map(|rate| f64::from(rate) / active as f64);
    Decision { state, share, active: Some(active), ..decision }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(json: &str) -> PoolSetting {
        PoolSetting::parse(json.as_bytes()).unwrap()
    }

    fn members(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    fn states(json: &str, ids: &[&str]) -> Vec<PullState> {
        let members = members(ids);
        let state = |id: &&str| decide(&setting(json), None, Some(&members), id).state;
        ids.iter().map(state).collect()
    }

    use PullState::{Paused, Standby, Starting, Working};

    #[test]
    fn without_a_setting_every_worker_pulls_whoever_the_others_are() {
        let decision = decide(&PoolSetting::default(), None, None, "b");
        assert_eq!(decision, Decision { state: Working, ..Decision::default() });
    }

    #[test]
    fn a_pause_comes_before_everything_else() {
        assert_eq!(
            states(r#"{"paused":true,"workers":1,"rate":9}"#, &["a", "b"]),
            [Paused, Paused]
        );
        assert_eq!(decide(&setting(r#"{"paused":true}"#), None, None, "a").state, Paused);
    }

    #[test]
    fn a_pause_that_is_over_leaves_the_rest_of_the_setting() {
        let json = r#"{"paused":true,"until":"1970-01-01T00:00:01Z","workers":1}"#;
        let at = |millis| {
            let (now, members) = (Timestamp::from_millis(millis), members(&["a", "b"]));
            ["a", "b"].map(|id| decide(&setting(json), Some(now), Some(&members), id).state)
        };
        assert_eq!(at(999), [Paused, Paused]);
        assert_eq!(at(1_000), [Working, Standby]);
    }

    #[test]
    fn the_workers_with_the_lowest_ids_pull() {
        assert_eq!(states(r#"{"workers":2}"#, &["a", "b", "c"]), [Working, Working, Standby]);
        assert_eq!(states(r#"{"workers":5}"#, &["a", "b"]), [Working, Working]);
        // One that others do not see yet counts itself.
        let decision = decide(&setting(r#"{"workers":1}"#), None, Some(&members(&["b"])), "a");
        assert_eq!(decision.state, Working);
        let decision = decide(&setting(r#"{"workers":1}"#), None, Some(&members(&["a"])), "b");
        assert_eq!(decision.state, Standby);
    }

    #[test]
    fn a_rate_is_shared_by_the_workers_that_pull() {
        let three = members(&["a", "b", "c"]);
        let share = |json| decide(&setting(json), None, Some(&three), "a").share;
        assert_eq!(share(r#"{"rate":90}"#), Some(30.0));
        assert_eq!(share(r#"{"rate":90,"workers":2}"#), Some(45.0));
        assert_eq!(share(r#"{"workers":2}"#), None);
    }

    #[test]
    fn a_worker_that_does_not_know_the_others_waits() {
        for json in [r#"{"workers":2}"#, r#"{"rate":9}"#] {
            assert_eq!(decide(&setting(json), None, None, "a").state, Starting);
        }
    }
}
