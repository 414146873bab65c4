//! The intake gate: refuses new orders while an operator has paused the intake of all edges.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use streams::subjects::INTAKE_KEY;
use streams::{IntakeSetting, Routes, SettingWatch};

use crate::order_counts::OrderCounts;
use crate::problem::Problem;

/// The setting of the intake, and what came in. Cheap to clone.
#[derive(Clone)]
pub(super) struct IntakeGate {
    setting: SettingWatch<IntakeSetting>,
    /// The path of an order reads only this.
    is_paused: Arc<AtomicBool>,
    pub(super) counts: OrderCounts,
}

impl IntakeGate {
    /// A gate that is open, unless the intake is known to be paused. If that cannot be read, orders are accepted: none
    /// is lost.
    pub(super) async fn open(routes: &Routes) -> Self {
        let setting = SettingWatch::new(routes.clone(), INTAKE_KEY);
        setting.read_at_start().await;
        let gate = Self { setting, is_paused: Arc::default(), counts: OrderCounts::default() };
        gate.update();
        gate
    }

    /// A refusal while the intake is paused.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.is_paused.load(Ordering::Relaxed) { Err(Problem::IntakePaused) } else { Ok(()) }
    }

    /// Follows the setting. While it cannot be read, the last one holds. Does not return.
    pub(super) async fn watch(&self) {
        let mut changes = self.setting.changes();
        let update = async {
            while changes.changed().await.is_ok() {
                self.update();
            }
        };
        tokio::join!(self.setting.follow(), update);
    }

    fn update(&self) {
        let Some(is_paused) = self.setting.is_paused() else { return };
        if self.is_paused.swap(is_paused, Ordering::Relaxed) != is_paused {
            tracing::warn!(is_paused, "intake is paused or resumed by its setting");
        }
    }

    /// How long the oldest order may wait for inventory, if it is set.
    pub(super) fn backlog_max_age(&self) -> Option<Duration> {
        self.setting.setting().0.backlog_max_age()
    }

    /// The setting in force, its revision, and why what is in the bucket is not in force, if so.
    pub(super) fn setting(&self) -> (IntakeSetting, u64, Option<String>) {
        self.setting.setting()
    }
}
