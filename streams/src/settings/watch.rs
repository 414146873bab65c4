//! Keeps a setting up to date in a running process. It reads the key again and again: a subscription may
//! be lost without a word, and the keys are few.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orders::Timestamp;
use rand::RngExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::in_force::{Change, InForce};
use super::setting::Setting;
use super::stored::{ReadSettingError, StoredSetting, read_setting, read_settings};
use crate::limits::{
    BROKER_CLOCK_AGE_MAX, SETTING_READ_INTERVAL_MAX, SETTING_READ_INTERVAL_MIN,
    SETTING_READ_TIMEOUT, SETTING_START_TIMEOUT,
};
use crate::routes::Routes;
use crate::subjects::bucket_stream;
use crate::{Requester, broker_time};

/// The setting of a key that is in force. Cheap to clone; all clones are kept up to date by one
/// [`follow`](Self::follow).
#[derive(Clone)]
pub struct SettingWatch<S> {
    key: &'static str,
    requester: Requester,
    state: Arc<Mutex<State<S>>>,
    changes: Arc<watch::Sender<()>>,
}

#[derive(Default)]
struct State<S> {
    in_force: InForce<S>,
    /// Whether the bucket was read, or was asked for long enough.
    is_known: bool,
    /// When it was read last.
    read_at: Option<Instant>,
    /// Whether it was logged that it cannot be read.
    is_failure_logged: bool,
    /// Whether the last good setting must be looked for: this process may not have read it.
    must_read_history: bool,
    clock: Option<BrokerClock>,
}

/// The time of the brokers, and when they said it.
#[derive(Clone, Copy)]
struct BrokerClock {
    time: Timestamp,
    read_at: Instant,
}

impl BrokerClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.as_millis() + self.read_at.elapsed().as_millis() as i64)
    }
}

impl<S: Setting> SettingWatch<S> {
    /// The setting of `key`, which is not known yet.
    pub fn new(routes: impl Into<Routes>, key: &'static str) -> Self {
        let (requester, changes) = (Requester::new(routes), Arc::new(watch::Sender::new(())));
        Self { key, requester, state: Arc::default(), changes }
    }

    /// Keeps the setting up to date. Does not return.
    pub async fn follow(&self) {
        tokio::join!(self.follow_any_broker(), self.follow_each_broker());
    }

    /// Reads from each broker in turn: the one that answers first may be cut off from the others, and so have an
    /// older setting for as long as that lasts.
    async fn follow_each_broker(&self) {
        loop {
            sleep(interval()).await;
            let Some(requester) = self.requester.over_another_route() else { continue };
            if let Ok(stored) = read_setting(&requester, self.key).await {
                self.take(stored);
                self.changes.send_replace(());
            }
        }
    }

    /// Reads from the broker that answers.
    async fn follow_any_broker(&self) {
        let started_at = Instant::now();
        let mut failing_since = None;
        loop {
            let (read, ()) = tokio::join!(self.read(), self.read_clock());
            match read {
                Ok(()) => failing_since = None,
                Err(err) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    tracing::debug!(key = %self.key, %err, "setting not read");
                    self.work_without(started_at, since, &err);
                }
            }
            self.changes.send_replace(());
            sleep(interval()).await;
        }
    }

    /// Reads the setting once, for a process that starts.
    pub async fn read_at_start(&self) {
        if let Err(err) = self.read().await {
            tracing::debug!(key = %self.key, %err, "setting not read at start");
        }
    }

    /// The setting in force, its revision, and why what is in the bucket is not in force, if so.
    pub fn setting(&self) -> (S, u64, Option<String>) {
        let InForce { setting, revision, refused, .. } = self.in_force().0;
        (setting, revision, refused.map(|refused| refused.to_string()))
    }

    /// Whether it is paused; `None` while that is not known, or not any more because the brokers are away.
    pub fn is_paused(&self) -> Option<bool> {
        let state = self.lock();
        let is_stale = state.read_at.is_some_and(|at| at.elapsed() > SETTING_START_TIMEOUT);
        let is_known = state.is_known && !is_stale;
        is_known.then(|| state.in_force.setting.is_paused_at(state.now()))
    }

    /// What is in force, and the time of the brokers, as far as it is known.
    pub(crate) fn in_force(&self) -> (InForce<S>, Option<Timestamp>, bool) {
        let state = self.lock();
        (state.in_force.clone(), state.now(), state.is_known)
    }

    /// Changes after each read.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    async fn read(&self) -> Result<(), ReadSettingError> {
        let stored = read_setting(&self.requester, self.key).await?;
        self.take(stored);
        if self.lock().must_read_history {
            let history = read_settings(&self.requester, self.key).await?;
            let mut state = self.lock();
            state.must_read_history = false;
            if state.in_force.adopt_last_good(history) {
                drop(state);
                self.log(Change::Adopted);
            }
        }
        let mut state = self.lock();
        (state.is_known, state.read_at) = (true, Some(Instant::now()));
        state.is_failure_logged = false;
        Ok(())
    }

    /// Takes note of what is in the bucket.
    fn take(&self, stored: Option<StoredSetting<S>>) {
        let mut state = self.lock();
        let change = state.in_force.read(stored);
        state.must_read_history |= change == Change::Refused;
        drop(state);
        self.log(change);
    }

    /// Reads the time of the brokers while the end of a pause depends on it.
    async fn read_clock(&self) {
        let is_needed = {
            let state = self.lock();
            let is_old = |clock: BrokerClock| clock.read_at.elapsed() > BROKER_CLOCK_AGE_MAX;
            state.in_force.setting.pause().1.is_some() && state.clock.is_none_or(is_old)
        };
        if !is_needed {
            return;
        }
        let asked =
            broker_time::ask(&self.requester, &bucket_stream(S::BUCKET), SETTING_READ_TIMEOUT)
                .await;
        if let Ok(time) = asked {
            self.lock().clock = Some(BrokerClock { time, read_at: Instant::now() });
        }
    }

    /// A worker that starts without an answer works as without a setting after some time.
    fn work_without(&self, started_at: Instant, failing_since: Instant, err: &ReadSettingError) {
        let mut state = self.lock();
        if !state.is_known && started_at.elapsed() > SETTING_START_TIMEOUT {
            (state.is_known, state.is_failure_logged) = (true, true);
            let error = err.to_string();
            tracing::warn!(key = %self.key, error, "setting not read, working without one");
        } else if failing_since.elapsed() > SETTING_START_TIMEOUT && !state.is_failure_logged {
            state.is_failure_logged = true;
            let error = err.to_string();
            tracing::warn!(key = %self.key, error, "setting not read, the last one stays in force");
        }
    }

    fn log(&self, change: Change) {
        let state = self.lock();
        let InForce { setting, revision, refused, .. } = &state.in_force;
        match (change, refused) {
            (Change::Adopted, _) => {
                let setting = setting.to_json();
                tracing::info!(key = %self.key, revision, setting, "setting in force");
            }
            (Change::Refused, Some(refused)) => {
                let reason = refused.to_string();
                tracing::error!(
                    key = %self.key,
                    reason,
                    revision,
                    "setting refused, the last good one stays in force"
                );
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> State<S> {
    fn now(&self) -> Option<Timestamp> {
        self.clock.map(|clock| clock.now())
    }
}

fn interval() -> Duration {
    rand::rng().random_range(SETTING_READ_INTERVAL_MIN..=SETTING_READ_INTERVAL_MAX)
}
