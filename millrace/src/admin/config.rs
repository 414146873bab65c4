//! The configuration of `millrace admin`.

use clap::Args;
use streams::BrokersConfig;
use workers::database::DatabaseConfig;
use workers::payment::provider;

/// Options of `millrace admin`.
#[derive(Clone, Args)]
pub struct AdminConfig {
    #[command(flatten)]
    pub(super) brokers: BrokersConfig,
    #[command(flatten)]
    pub(super) database: DatabaseConfig,
    /// Base URL of the payment provider, by http or https, without a path; only an audit needs it
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_URL",
        hide_env_values = true,
        requires = "provider_key",
        value_parser = provider::base_url
    )]
    pub(super) provider_url: Option<String>,
    /// The payment provider's secret key; only an audit needs it
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_KEY",
        hide_env_values = true,
        value_parser = provider::secret_key
    )]
    pub(super) provider_key: Option<String>,
}
