//! Where the parts of a running cluster are reached by a command: an option, an environment variable,
//! or the file that `millrace-lab up` leaves in the folder it was started in.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use streams::Profile;
use workers::payment::provider::{self, Limits, Provider};

/// The file that a local cluster leaves: lines of `NAME='value'`, which a shell can read.
pub const ENV_FILE: &str = ".millrace/env";

/// Durability of the cluster.
#[derive(Debug, Clone, Args)]
pub struct ProfileOption {
    /// Durability of the cluster: durable, fast or single [default: from .millrace/env]
    #[arg(long, env = "MILLRACE_PROFILE")]
    pub profile: Option<Profile>,
}

/// The brokers.
#[derive(Debug, Clone, Args)]
pub struct BrokersAddress {
    /// URLs of the brokers, separated by commas [default: from .millrace/env]
    #[arg(long, env = "NATS_URL", hide_env_values = true, value_parser = streams::nats_url)]
    pub nats_url: Option<String>,
}

/// The database.
#[derive(Clone, Args)]
pub struct DatabaseAddress {
    /// PostgreSQL: postgres://USER:PASSWORD@HOST:PORT/DATABASE [default: from .millrace/env]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = workers::database::url)]
    pub database_url: Option<String>,
}

/// The payment provider.
#[derive(Clone, Args)]
pub struct ProviderAddress {
    /// Base URL of the payment provider, by http or https, without a path [default: from .millrace/env]
    #[arg(long, env = "MILLRACE_PROVIDER_URL", value_parser = provider::base_url)]
    pub provider_url: Option<String>,
    /// The payment provider's secret key [default: from .millrace/env]
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_KEY",
        hide_env_values = true,
        value_parser = provider::secret_key
    )]
    pub provider_key: Option<String>,
}

impl ProfileOption {
    /// How durable the cluster is.
    pub fn get(&self) -> Result<Profile> {
        match self.profile {
            Some(profile) => Ok(profile),
            None => Ok(known(None, "MILLRACE_PROFILE", "--profile")?.parse()?),
        }
    }
}

impl BrokersAddress {
    /// The brokers' URLs, separated by commas.
    pub fn url(&self) -> Result<String> {
        known(self.nats_url.as_deref(), "NATS_URL", "--nats-url")
    }
}

impl DatabaseAddress {
    /// The database's URL.
    pub fn url(&self) -> Result<String> {
        known(self.database_url.as_deref(), "DATABASE_URL", "--database-url")
    }
}

impl ProviderAddress {
    /// A client of the provider with these limits.
    pub fn client(&self, limits: Limits) -> Result<Provider> {
        let url = known(self.provider_url.as_deref(), "MILLRACE_PROVIDER_URL", "--provider-url")?;
        let key = known(self.provider_key.as_deref(), "MILLRACE_PROVIDER_KEY", "--provider-key")?;
        Ok(Provider::new(&url, &key, limits)?)
    }
}

/// What was given, or else what [`ENV_FILE`] says of `variable`.
pub fn known(given: Option<&str>, variable: &str, option: &str) -> Result<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    match read(Path::new(ENV_FILE))?.remove(variable) {
        Some(value) => Ok(value),
        None => bail!("no cluster is known here: set {option} or {variable}"),
    }
}

/// The variables in a file like [`ENV_FILE`]; none if there is no such file.
pub fn read(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(err) => return Err(err).with_context(|| format!("cannot read {}", file.display())),
    };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_names_no_cluster() {
        assert!(read(Path::new("/nowhere/env")).unwrap().is_empty());
    }
}
