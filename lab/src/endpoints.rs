//! The addresses of a local cluster, and the environment file that lists them.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use edge::RedisConfig;
use millrace::addresses::{
    self, BACKUP_DATABASE_URL, BrokersAddress, DatabaseAddress, ENV_FILE, ERASER_DATABASE_URL,
    KEYS, ProfileOption, ProviderAddress,
};
use millrace::audit::AuditAddresses;
use millrace::edge_connector::EdgeAuthorities;
use streams::Profile;

use crate::nats_contexts;

/// The secret key that a cluster on this machine uses with the payment simulator.
pub const PROVIDER_KEY: &str = "sk_test_millrace";

/// The addresses of a running cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The durability profile.
    pub profile: Profile,
    /// The edges' base URLs.
    pub edge_urls: Vec<String>,
    /// The brokers' URLs, separated by commas.
    pub nats_url: String,
    /// Redis, with the password of its admin.
    pub redis: RedisConfig,
    /// The URL of PostgreSQL, with the password of the operator.
    pub database_url: String,
    /// The same with the password of the eraser.
    pub eraser_database_url: String,
    /// The same for a backup, which reads everything.
    pub backup_database_url: String,
    /// The payment provider's base URL.
    pub provider_url: String,
    /// The folder with the keys by which the brokers know each role.
    pub keys: PathBuf,
}

/// Command-line options that address a running cluster.
#[derive(Clone, Args)]
pub struct ClusterAddresses {
    /// The sources that an audit reads.
    #[command(flatten)]
    pub sources: AuditAddresses,
    /// The edges' base URLs, separated by commas [default: from .millrace/env]
    #[arg(long, env = "MILLRACE_EDGE_URLS")]
    pub edge_urls: Option<String>,
    /// How edges with TLS are verified.
    #[command(flatten)]
    pub authorities: EdgeAuthorities,
}

impl ClusterAddresses {
    /// The edges' base URLs, from the option, the variable or [`ENV_FILE`].
    ///
    /// # Errors
    /// None of them has the URLs.
    pub fn edge_urls(&self) -> Result<Vec<String>> {
        let urls =
            addresses::resolve(self.edge_urls.as_deref(), "MILLRACE_EDGE_URLS", "--edge-urls")?;
        Ok(urls.split(',').map(|url| url.trim_end_matches('/').to_owned()).collect())
    }
}

impl Endpoints {
    /// The same addresses as command-line options.
    pub fn addresses(&self) -> ClusterAddresses {
        ClusterAddresses {
            sources: AuditAddresses {
                profile: ProfileOption { profile: Some(self.profile) },
                brokers: BrokersAddress {
                    nats_url: Some(self.nats_url.clone()),
                    nats_key_file: None,
                    nats_ca_file: None,
                    // All servers of a cluster are encrypted, or none is.
                    without_tls: self.redis.redis_ca_file.is_none(),
                    keys: Some(self.keys.clone()),
                },
                database: DatabaseAddress::new(&self.database_url),
                provider: ProviderAddress {
                    provider_url: Some(self.provider_url.clone()),
                    provider_key: Some(PROVIDER_KEY.to_owned()),
                },
            },
            edge_urls: Some(self.edge_urls.join(",")),
            authorities: EdgeAuthorities::default(),
        }
    }

    /// Writes [`ENV_FILE`] below `folder`, with contexts of the nats CLI beside it, and returns its path.
    ///
    /// # Errors
    /// The file or its folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let file = folder.join(ENV_FILE);
        let variables = [
            ("MILLRACE_PROFILE", self.profile.as_str()),
            ("MILLRACE_EDGE_URLS", &self.edge_urls.join(",")),
            ("NATS_URL", &self.nats_url),
            (KEYS, &self.keys.display().to_string()),
            ("REDIS_URL", &self.redis.redis_url),
            ("DATABASE_URL", &self.database_url),
            (ERASER_DATABASE_URL, &self.eraser_database_url),
            (BACKUP_DATABASE_URL, &self.backup_database_url),
            ("MILLRACE_PROVIDER_URL", &self.provider_url),
            ("MILLRACE_PROVIDER_KEY", PROVIDER_KEY),
        ];
        let redis_ca = self.redis.redis_ca_file.as_ref().map(|file| file.display().to_string());
        let redis_ca = redis_ca.as_deref().map(|file| ("REDIS_CA_FILE", file));
        let variables = variables.into_iter().chain(redis_ca);
        let lines = variables.map(|(name, value)| format!("{name}='{value}'\n"));
        let lines = lines.collect::<Vec<_>>().concat();
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        nats_contexts::write(folder, &self.nats_url, &self.keys)?;
        // Atomic by rename: a script may wait for the file to appear.
        let draft = file.with_extension("draft");
        write_privately(&draft, lines.as_bytes()).and_then(|()| std::fs::rename(&draft, &file))?;
        Ok(file)
    }
}

/// Writes a file with mode 0600: it holds the database's password.
fn write_privately(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_environment_file_is_private_and_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let endpoints = Endpoints {
            profile: Profile::Single,
            edge_urls: vec!["http://a".to_owned(), "http://b".to_owned()],
            nats_url: "nats://a,nats://b".to_owned(),
            redis: RedisConfig::new("rediss://a", Some(PathBuf::from("/keys/lab/ca.crt"))),
            database_url: "postgres://u:p=w@a/d".to_owned(),
            eraser_database_url: "postgres://e:p@a/d".to_owned(),
            backup_database_url: "postgres://b:p@a/d".to_owned(),
            provider_url: "http://p".to_owned(),
            keys: PathBuf::from("/keys"),
        };
        let written = endpoints.write(folder.path()).unwrap();
        assert_eq!(written.metadata().unwrap().mode() & 0o777, 0o600);
        let read = addresses::read_env_file(&written).unwrap();
        assert_eq!(read["MILLRACE_EDGE_URLS"], "http://a,http://b");
        assert_eq!(read["DATABASE_URL"], endpoints.database_url);
        assert_eq!(read["REDIS_CA_FILE"], "/keys/lab/ca.crt");
    }
}
