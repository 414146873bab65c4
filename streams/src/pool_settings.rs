//! The settings of pools, which an operator writes into one key-value bucket: a key for each pool.
//!
//! `setting` says what a value means, `stored` reads one, `in_force` decides which of the values that were read
//! holds, `watch` keeps that up to date in a running process, and `write` replaces one.

mod autoscale;
mod in_force;
mod member;
mod setting;
mod setting_error;
mod stored;
mod watch;
mod write;

pub use autoscale::Autoscale;
pub use setting::PoolSetting;
pub use setting_error::SettingError;
pub use stored::{
    ReadSettingError, StoredSetting, last_good_setting, read_pool_setting, read_pool_settings,
};
pub use watch::PoolSettingWatch;
pub use write::{WriteSettingError, settings_time, write_pool_setting};

pub(crate) use in_force::InForce;
