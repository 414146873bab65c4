//! The product: the roles of a cluster, and the commands of its operator.
//!
//! - [`Command`]: the roles and commands of the binary `millrace`
//! - `edge`, `worker`, `admin`: the roles, one process each; [`prepare`]: what must exist before they start
//! - [`audit`]: checks that every guarantee holds
//! - [`status`], `tail`, `stock`, [`dead_letters`]: inspecting and repairing a running cluster
//! - [`addresses`]: the addresses of a running cluster
//! - [`options`]: command-line parsing that reports all errors at once
//! - [`keys`]: the keys by which the brokers know each role
//! - [`edge_connector`]: how clients connect to edges
//! - `import`: placing the orders of a file
//! - `limits`: every limit, with its reason

pub mod addresses;
mod admin;
pub mod audit;
mod cancellation;
pub mod catalog;
mod cluster_lock;
mod command;
pub mod dead_letters;
mod edge;
pub mod edge_connector;
mod erase;
mod health;
mod import;
mod intake;
pub mod keys;
mod lanes;
pub mod ledger;
mod limits;
mod migrate;
mod observer_report;
pub mod options;
mod passwords;
mod pool;
pub mod prepare;
mod private_members;
mod runtime;
mod secret_files;
mod setting_change;
pub mod shutdown;
pub mod status;
mod stock;
pub mod store_credentials;
mod tail;
pub mod telemetry;
mod token;
mod worker;

pub use admin::AdminConfig;
pub use command::{Command, finish};
pub use runtime::runtime;
