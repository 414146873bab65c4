//! Settings, which an operator writes into key-value buckets: `POOLS` has a key for each pool, `EDGES` one for the
//! intake of all edges.
//!
//! `setting` says what all settings have in common, `pool_setting` and `intake_setting` what each means, `stored`
//! reads one, `in_force` decides which of the values that were read holds, `watch` keeps that up to date in a running
//! process, and `write` replaces one.

mod autoscale;
mod in_force;
mod intake_setting;
mod member;
mod pool_setting;
mod setting;
mod setting_error;
mod stored;
mod watch;
mod write;

pub use autoscale::Autoscale;
pub use intake_setting::IntakeSetting;
pub use pool_setting::PoolSetting;
pub use setting::Setting;
pub use setting_error::SettingError;
pub use stored::{ReadSettingError, StoredSetting, read_setting, read_settings, setting_in_force};
pub use watch::SettingWatch;
pub use write::{WriteSettingError, settings_time, write_setting};

pub(crate) use in_force::InForce;
