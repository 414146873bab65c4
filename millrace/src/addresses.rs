//! Addresses of a running cluster, for commands. Each comes from an option, from an environment
//! variable, or from the file that `millrace-lab up` writes in the folder where it is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use streams::{BrokerAccess, Profile};
use workers::database::{Database, DatabaseConfig};
use workers::payment::provider::{self, Limits, Provider};

use crate::keys::{KeysFolder, Role};

/// The file with the addresses of a local cluster: lines of `NAME='value'`, which a shell can read.
pub const ENV_FILE: &str = ".millrace/env";

const PROFILE: &str = "MILLRACE_PROFILE";

/// The variable of the folder with keys.
pub const KEYS: &str = "MILLRACE_KEYS";

/// The variable of the database's URL for `millrace erase`.
pub const ERASER_DATABASE_URL: &str = "ERASER_DATABASE_URL";

/// The variable of the database's URL for a backup.
pub const BACKUP_DATABASE_URL: &str = "BACKUP_DATABASE_URL";

/// Option for the durability profile of the cluster.
#[derive(Debug, Clone, Args)]
pub struct ProfileOption {
    /// Durability of the cluster: durable, fast or single [default: from .millrace/env]
    #[arg(long, env = "MILLRACE_PROFILE")]
    pub profile: Option<Profile>,
}

/// Options for the brokers' URLs and for the key by which they know a command.
#[derive(Debug, Clone, Args)]
pub struct BrokersAddress {
    /// URLs of the brokers, separated by commas [default: from .millrace/env]
    #[arg(long, env = "NATS_URL", hide_env_values = true, value_parser = streams::parse_nats_url)]
    pub nats_url: Option<String>,
    /// File with the key by which the brokers know this process, as `millrace keys` writes it
    #[arg(long, env = "NATS_KEY_FILE", value_name = "FILE")]
    pub nats_key_file: Option<PathBuf>,
    /// File with the certificates of the authorities that sign those of the brokers: with it, connections are
    /// encrypted and brokers verified [default: that in the folder of keys]
    #[arg(long, env = "NATS_CA_FILE", value_name = "FILE")]
    pub nats_ca_file: Option<PathBuf>,
    /// Folder of `millrace keys`, from which a command takes the key of the role that it needs
    /// [default: from .millrace/env]
    #[arg(long, env = "MILLRACE_KEYS", value_name = "FOLDER")]
    pub keys: Option<PathBuf>,
    /// Whether the brokers encrypt nothing, as those of an earlier version.
    #[arg(skip)]
    pub without_tls: bool,
}

/// Option for the database's URL.
#[derive(Clone, Args)]
pub struct DatabaseAddress {
    /// PostgreSQL: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE
    /// [default: from .millrace/env]
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_parser = workers::database::url
    )]
    pub database_url: Option<String>,
    /// File with the password of the database's user, if the URL has none; it is read for each new session
    #[arg(long, env = "DATABASE_PASSWORD_FILE", value_name = "FILE")]
    pub database_password_file: Option<PathBuf>,
}

/// Options for the payment provider's URL and key.
#[derive(Clone, Args)]
pub struct ProviderAddress {
    /// Base URL of the payment provider, by http or https, without a path
    /// [default: from .millrace/env]
    #[arg(long, env = "MILLRACE_PROVIDER_URL", hide_env_values = true, value_parser = provider::base_url)]
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
    /// The durability profile of the cluster.
    pub fn get(&self) -> Result<Profile> {
        match self.profile {
            Some(profile) => Ok(profile),
            None => Ok(resolve(None, PROFILE, "--profile")?.parse()?),
        }
    }

    /// The same for a command that works without it: the default of roles if it is not set.
    pub fn get_or_default(&self) -> Result<Profile> {
        if self.profile.is_none() && !read_env_file(Path::new(ENV_FILE))?.contains_key(PROFILE) {
            return Ok(Profile::Durable);
        }
        self.get()
    }
}

impl BrokersAddress {
    /// How to reach the brokers as `role`.
    pub fn access(&self, role: Role) -> Result<BrokerAccess> {
        let urls = resolve(self.nats_url.as_deref(), "NATS_URL", "--nats-url")?;
        // The keys of the cluster in that file say nothing about other brokers.
        let from_file = match &self.nats_url {
            Some(_) => None,
            None => read_env_file(Path::new(ENV_FILE))?.remove(KEYS).map(PathBuf::from),
        };
        let folder = self.keys.clone().or(from_file);
        let keys = folder.map(|folder| KeysFolder::at(&folder));
        let key_file = keys.as_ref().map(|keys| keys.key_file(role));
        let ca_file = keys.filter(|_| !self.without_tls).map(|keys| keys.ca_file(role));
        Ok(BrokerAccess {
            urls,
            key_file: self.nats_key_file.clone().or(key_file),
            ca_file: self.nats_ca_file.clone().or(ca_file),
        })
    }
}

impl DatabaseAddress {
    /// The database at `url`, which has the password.
    pub fn new(url: &str) -> Self {
        Self { database_url: Some(url.to_owned()), database_password_file: None }
    }

    /// The database's URL, and where its password is.
    pub fn config(&self) -> Result<DatabaseConfig> {
        let url = resolve(self.database_url.as_deref(), "DATABASE_URL", "--database-url")?;
        let database_password_file = self.database_password_file.clone();
        Ok(DatabaseConfig { database_url: url, database_password_file })
    }

    /// A pool of connections. Does not connect yet.
    pub fn open(&self) -> Result<Database> {
        Ok(self.config()?.open()?)
    }
}

impl ProviderAddress {
    /// A client of the provider with the given limits.
    pub fn client(&self, limits: Limits) -> Result<Provider> {
        let url = resolve(self.provider_url.as_deref(), "MILLRACE_PROVIDER_URL", "--provider-url")?;
        let key = resolve(self.provider_key.as_deref(), "MILLRACE_PROVIDER_KEY", "--provider-key")?;
        Ok(Provider::new(&url, &key, limits)?)
    }
}

/// The value of an option or environment variable, or else the value of `variable` in [`ENV_FILE`].
///
/// # Errors
/// The value is set in neither, or the file cannot be read.
pub fn resolve(value: Option<&str>, variable: &str, option: &str) -> Result<String> {
    if let Some(value) = value {
        return Ok(value.to_owned());
    }
    match read_env_file(Path::new(ENV_FILE))?.remove(variable) {
        Some(value) => Ok(value),
        None => bail!(
            "cluster address not set: set {option} or {variable}, or run `millrace-lab up` here"
        ),
    }
}

/// The variables in a file like [`ENV_FILE`]; empty if the file does not exist.
pub fn read_env_file(file: &Path) -> Result<BTreeMap<String, String>> {
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
    fn a_missing_file_has_no_variables() {
        assert!(read_env_file(Path::new("/nowhere/env")).unwrap().is_empty());
    }
}
