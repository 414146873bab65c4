//! What every process that works with the streams is told, and the form of a duration.

use std::time::Duration;

use async_nats::ServerAddr;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use thiserror::Error;

use crate::Profile;
use crate::batch::RECORDS_MAX;

/// The brokers, and how durable they are.
#[derive(Debug, Clone, Args)]
pub struct BrokersConfig {
    /// URLs of the brokers, separated by commas
    #[arg(long, env = "NATS_URL", hide_env_values = true, value_parser = nats_url)]
    pub nats_url: String,
    /// Durability of the cluster: durable, fast or single
    #[arg(long, env = "MILLRACE_PROFILE", default_value_t = Profile::Durable)]
    pub profile: Profile,
}

/// How records become messages.
#[derive(Debug, Clone, Copy, Args)]
pub struct BatchConfig {
    /// Records in one message, 1 to 256; 1 gives each order its own message
    #[arg(
        long,
        env = "MILLRACE_MAX_BATCH",
        value_name = "RECORDS",
        default_value_t = RECORDS_MAX,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=RECORDS_MAX as u64)
    )]
    pub max_batch: usize,
}

/// The port of each broker in a list of URLs.
pub fn broker_ports(urls: &str) -> Result<Vec<u16>, std::io::Error> {
    urls.split(',').map(|url| Ok(url.parse::<ServerAddr>()?.port())).collect()
}

/// A duration that cannot be used.
#[derive(Debug, Clone, Error)]
pub enum InvalidDuration {
    /// It cannot be read.
    #[error("give a number with its unit, such as 500ms, 90s, 15m, 2h or 1d: {0}")]
    Form(#[from] humantime::DurationError),
    /// It is zero, or longer than [`DURATION_MAX`].
    #[error("a duration is longer than nothing and at most a year")]
    Range,
}

/// Far beyond any wait that makes sense, and far below where sums of times overflow.
pub const DURATION_MAX: Duration = Duration::from_hours(365 * 24);

/// Reads a duration with its unit, such as `500ms`, `90s`, `15m`, `2h` or `1d`.
pub fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    let duration = humantime::parse_duration(text)?;
    if duration.is_zero() || duration > DURATION_MAX {
        return Err(InvalidDuration::Range);
    }
    Ok(duration)
}

/// Checks the URLs of brokers, so that a fault is found before anything starts.
pub fn nats_url(text: &str) -> Result<String, std::io::Error> {
    broker_ports(text)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400)] {
            assert_eq!(duration(text).unwrap(), Duration::from_secs(seconds));
        }
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "5", "5x", "-5s", "99999999999999999d", "0s", "400d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
