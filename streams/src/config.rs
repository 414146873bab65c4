//! Options of every process that uses the streams, and how a duration is written.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::batch::RECORDS_MAX;
use crate::limits::DURATION_MAX;
use crate::{BrokerAccess, Profile};

/// How to reach the brokers, and the durability profile.
#[derive(Debug, Clone, Args)]
pub struct BrokersConfig {
    /// URLs of the brokers, separated by commas
    #[arg(long, env = "NATS_URL", hide_env_values = true, value_parser = parse_nats_url)]
    pub nats_url: String,
    /// File with the key by which the brokers know this process, as `millrace keys` writes it
    #[arg(long, env = "NATS_KEY_FILE", value_name = "FILE")]
    pub nats_key_file: Option<PathBuf>,
    /// File with the certificates of the authorities that sign those of the brokers: with it, connections are
    /// encrypted and brokers verified
    #[arg(long, env = "NATS_CA_FILE", value_name = "FILE")]
    pub nats_ca_file: Option<PathBuf>,
    /// Durability of the cluster: durable, fast or single
    #[arg(long, env = "MILLRACE_PROFILE", default_value_t = Profile::Durable)]
    pub profile: Profile,
}

impl BrokersConfig {
    /// The options of a process that reaches the brokers like this.
    pub fn new(access: BrokerAccess, profile: Profile) -> Self {
        let BrokerAccess { urls: nats_url, key_file: nats_key_file, ca_file: nats_ca_file } =
            access;
        Self { nats_url, nats_key_file, nats_ca_file, profile }
    }

    /// How to reach the brokers.
    pub fn access(&self) -> BrokerAccess {
        BrokerAccess {
            urls: self.nats_url.clone(),
            key_file: self.nats_key_file.clone(),
            ca_file: self.nats_ca_file.clone(),
        }
    }
}

/// How records are grouped into messages.
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

/// Not a list of broker URLs. The text is not quoted: it may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("give the URL of each broker, such as nats://HOST:PORT, separated by commas")]
pub struct InvalidBrokerUrl;

/// Parses a comma-separated list of broker URLs.
pub(crate) fn broker_addresses(urls: &str) -> Result<Vec<ServerAddr>, InvalidBrokerUrl> {
    let parse = |url: &str| {
        let address: ServerAddr = url.parse().map_err(|_| InvalidBrokerUrl)?;
        if address.host().is_empty() { Err(InvalidBrokerUrl) } else { Ok(address) }
    };
    urls.split(',').map(parse).collect()
}

/// The user and the password of the first URL that has a user. The client library reads them, but does
/// not send them.
pub(crate) fn broker_user(urls: &str) -> Option<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    broker_addresses(urls).ok()?.iter().find_map(|address| {
        let password = address.password().unwrap_or_default();
        Some((decode(address.username()?), decode(password)))
    })
}

/// The port of each broker in a comma-separated list of URLs.
pub fn parse_broker_ports(urls: &str) -> Result<Vec<u16>, InvalidBrokerUrl> {
    Ok(broker_addresses(urls)?.iter().map(ServerAddr::port).collect())
}

/// Not a valid duration.
#[derive(Debug, Clone, Error)]
pub enum InvalidDuration {
    /// It is not a number with a unit.
    #[error("give a number with its unit, such as 500ms, 90s, 15m, 2h or 1d: {0}")]
    Form(#[from] humantime::DurationError),
    /// It is zero, or longer than [`DURATION_MAX`].
    #[error("a duration must be greater than zero and at most 365 days")]
    Range,
}

/// Parses a duration with its unit, such as `500ms`, `90s`, `15m`, `2h` or `1d`.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let duration = humantime::parse_duration(text)?;
    if duration.is_zero() || duration > DURATION_MAX {
        return Err(InvalidDuration::Range);
    }
    Ok(duration)
}

/// Validates the broker URLs, so that a mistake is found before anything starts.
pub fn parse_nats_url(text: &str) -> Result<String, InvalidBrokerUrl> {
    broker_addresses(text)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_a_duration() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_secs(seconds));
        }
        assert_eq!(parse_duration("500ms").unwrap(), Duration::from_millis(500));
    }

    #[test]
    fn every_url_of_the_brokers_has_a_host() {
        assert_eq!(parse_broker_ports("nats://u:p@a:1,b,[::1]:3").unwrap(), [1, 4222, 3]);
        for text in ["", ",", "nats://a:1,", "nats://", "http://a"] {
            assert_eq!(parse_nats_url(text), Err(InvalidBrokerUrl), "{text}");
        }
    }

    #[test]
    fn the_first_user_of_the_brokers_urls_is_decoded() {
        let user = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(broker_user("nats://a:1,b"), None);
        assert_eq!(broker_user("a,nats://role:p%40ss@b:2"), user("role", "p@ss"));
        assert_eq!(broker_user("nats://role@a"), user("role", ""));
    }

    #[test]
    fn an_empty_unitless_negative_zero_or_too_long_duration_is_rejected() {
        for text in ["", "s", "5", "5x", "-5s", "99999999999999999d", "0s", "400d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
