//! How an edge reaches Redis, and what it may do there.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsCertificates};
use streams::read_ca_file;

/// The rules of an edge's user in Redis: the keys and the commands that an edge uses, and nothing else.
pub const REDIS_RULES: &str = "resetkeys ~order:* ~stock:* ~quota:* ~edges \
     resetchannels -@all +get +mget +set +pttl +time +zadd +zcard +zremrangebyscore +expire +evalsha +script|load";

/// The configuration of Redis.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RedisConfig {
    /// Redis: `rediss://USER:PASSWORD@HOST:PORT`, or redis:// without encryption
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_parser = redis_url)]
    pub redis_url: String,
    /// File with the password of the user in Redis, if the URL has none
    #[arg(long, env = "REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub redis_password_file: Option<PathBuf>,
    /// File with the certificates of the authorities that sign that of Redis, for a rediss:// URL
    #[arg(long, env = "REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,
}

impl RedisConfig {
    /// The Redis at `url`, which has the password.
    pub fn new(url: &str, ca_file: Option<PathBuf>) -> Self {
        Self { redis_url: url.to_owned(), redis_password_file: None, redis_ca_file: ca_file }
    }

    /// A client, which has not connected yet.
    ///
    /// # Errors
    /// The URL is invalid or not of a connection with TLS, or a file cannot be read.
    pub fn client(&self) -> RedisResult<Client> {
        let info = self.connection_info()?;
        let Some(file) = &self.redis_ca_file else { return Client::open(info) };
        let authorities = read_ca_file(file).map_err(|err| unreadable(file, &err))?;
        let root_cert = Some(authorities.into_bytes());
        Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
    }

    fn connection_info(&self) -> RedisResult<ConnectionInfo> {
        let info = self.redis_url.as_str().into_connection_info()?;
        // An edge may not set it, and Redis would log each attempt.
        let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(file) = &self.redis_password_file {
            settings = settings.set_password(read_password(file)?);
        }
        Ok(info.set_redis_settings(settings))
    }
}

fn read_password(file: &Path) -> RedisResult<String> {
    let password = std::fs::read_to_string(file).map_err(|err| unreadable(file, &err))?;
    Ok(password.trim_end().to_owned())
}

fn unreadable(file: &Path, err: &io::Error) -> io::Error {
    io::Error::new(err.kind(), format!("cannot read {}: {err}", file.display()))
}

/// Validates the URL of Redis when options are parsed, before anything starts.
fn redis_url(text: &str) -> RedisResult<String> {
    text.into_connection_info()?;
    Ok(text.to_owned())
}
