//! How an edge reaches Redis, and what it may do there.

use std::path::{Path, PathBuf};

use clap::Args;
use redis::{ConnectionInfo, IntoConnectionInfo, RedisResult};

/// The rules of an edge's user in Redis: the keys and the commands that an edge uses, and nothing else.
pub const REDIS_RULES: &str =
    "resetkeys ~order:* ~stock:* resetchannels -@all +get +mget +set +pttl +evalsha +script|load";

/// The configuration of Redis.
#[derive(Debug, Clone, Args)]
pub struct RedisConfig {
    /// Redis: `redis://USER:PASSWORD@HOST:PORT`
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_parser = redis_url)]
    pub redis_url: String,
    /// File with the password of the user in Redis, if the URL has none
    #[arg(long, env = "REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub redis_password_file: Option<PathBuf>,
}

impl RedisConfig {
    /// The Redis at `url`, which has the password.
    pub fn new(url: &str) -> Self {
        Self { redis_url: url.to_owned(), redis_password_file: None }
    }

    /// How to connect.
    pub(crate) fn connection_info(&self) -> RedisResult<ConnectionInfo> {
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
    let password = std::fs::read_to_string(file).map_err(|err| {
        std::io::Error::new(err.kind(), format!("cannot read {}: {err}", file.display()))
    })?;
    Ok(password.trim_end().to_owned())
}

/// Validates the URL of Redis when options are parsed, before anything starts.
fn redis_url(text: &str) -> RedisResult<String> {
    text.into_connection_info()?;
    Ok(text.to_owned())
}
