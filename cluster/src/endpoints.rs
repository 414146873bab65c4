//! Where the parts of a cluster are reached: from the command line, the environment, or the file
//! that `millrace up` leaves in the folder it was started in.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use streams::Profile;

/// What `millrace up` writes when every edge is ready: lines that a shell can read.
pub const ENV_FILE: &str = ".millrace/env";

/// The parts of a running cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// How durable the cluster is.
    pub profile: Profile,
    /// The edges' base URLs.
    pub edge_urls: Vec<String>,
    /// The brokers, separated by commas.
    pub nats_url: String,
    /// Redis.
    pub redis_url: String,
    /// PostgreSQL.
    pub database_url: String,
    /// The payment provider's base URL.
    pub provider_url: String,
}

/// A running cluster, named on the command line.
#[derive(Debug, Clone, Args)]
pub struct Reach {
    /// How durable the cluster is: durable, fast or single [default: what .millrace/env says]
    #[arg(long, env = "MILLRACE_PROFILE")]
    pub profile: Option<Profile>,
    /// The edges' base URLs, separated by commas [default: what .millrace/env says]
    #[arg(long, env = "EDGE_URLS")]
    pub edge_urls: Option<String>,
    /// The brokers, separated by commas [default: what .millrace/env says]
    #[arg(long, env = "NATS_URL")]
    pub nats_url: Option<String>,
    /// PostgreSQL [default: what .millrace/env says]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The payment provider's base URL [default: what .millrace/env says]
    #[arg(long, env = "PROVIDER_URL")]
    pub provider_url: Option<String>,
    /// The payment provider's secret key
    #[arg(long, env = "PROVIDER_KEY", hide_env_values = true, default_value = PROVIDER_KEY)]
    pub provider_key: String,
}

/// The key that the provider which `millrace up` starts is used with.
pub const PROVIDER_KEY: &str = "sk_test_millrace";

impl Endpoints {
    /// The same as if it had been named on the command line.
    pub fn reach(&self) -> Reach {
        Reach {
            profile: Some(self.profile),
            edge_urls: Some(self.edge_urls.join(",")),
            nats_url: Some(self.nats_url.clone()),
            database_url: Some(self.database_url.clone()),
            provider_url: Some(self.provider_url.clone()),
            provider_key: PROVIDER_KEY.to_owned(),
        }
    }

    /// Writes [`ENV_FILE`] below `folder` and gives its path.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let file = folder.join(ENV_FILE);
        let variables = [
            ("MILLRACE_PROFILE", self.profile.as_str()),
            ("EDGE_URLS", &self.edge_urls.join(",")),
            ("NATS_URL", &self.nats_url),
            ("REDIS_URL", &self.redis_url),
            ("DATABASE_URL", &self.database_url),
            ("PROVIDER_URL", &self.provider_url),
        ];
        let lines = variables.map(|(name, value)| format!("{name}='{value}'\n"));
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // Whole or not at all: a script may wait for the file to appear.
        let draft = file.with_extension("draft");
        write_privately(&draft, lines.concat().as_bytes())
            .and_then(|()| std::fs::rename(&draft, &file))?;
        Ok(file)
    }
}

impl Reach {
    /// How durable the cluster is.
    pub fn profile(&self) -> Result<Profile> {
        match self.profile {
            Some(profile) => Ok(profile),
            None => Ok(found(None, "MILLRACE_PROFILE", "--profile")?.parse()?),
        }
    }

    /// The edges' base URLs.
    pub fn edge_urls(&self) -> Result<Vec<String>> {
        let urls = found(self.edge_urls.as_ref(), "EDGE_URLS", "--edge-urls")?;
        Ok(urls.split(',').map(|url| url.trim_end_matches('/').to_owned()).collect())
    }

    /// The brokers' URL.
    pub fn nats_url(&self) -> Result<String> {
        found(self.nats_url.as_ref(), "NATS_URL", "--nats-url")
    }

    /// The database's URL.
    pub fn database_url(&self) -> Result<String> {
        found(self.database_url.as_ref(), "DATABASE_URL", "--database-url")
    }

    /// The payment provider's base URL.
    pub fn provider_url(&self) -> Result<String> {
        found(self.provider_url.as_ref(), "PROVIDER_URL", "--provider-url")
    }
}

fn found(given: Option<&String>, key: &str, option: &str) -> Result<String> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    match read(Path::new(ENV_FILE))?.remove(key) {
        Some(value) => Ok(value),
        None => bail!("no cluster is known here: start one by `millrace up`, or give {option}"),
    }
}

/// Writes a file that nobody else on this machine may read: the database's password is in it.
fn write_privately(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(content)
}

fn read(file: &Path) -> Result<BTreeMap<String, String>> {
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
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let endpoints = Endpoints {
            profile: Profile::Single,
            edge_urls: vec!["http://a".to_owned(), "http://b".to_owned()],
            nats_url: "nats://a,nats://b".to_owned(),
            redis_url: "redis://a".to_owned(),
            database_url: "postgres://u:p=w@a/d".to_owned(),
            provider_url: "http://p".to_owned(),
        };
        let written = endpoints.write(folder.path()).unwrap();
        assert_eq!(written.metadata().unwrap().mode() & 0o777, 0o600);
        let read = read(&written).unwrap();
        assert_eq!(read["EDGE_URLS"], "http://a,http://b");
        assert_eq!(read["DATABASE_URL"], endpoints.database_url);
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing() {
        assert!(read(Path::new("/nowhere/env")).unwrap().is_empty());
    }
}
