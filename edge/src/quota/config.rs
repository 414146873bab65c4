//! How many requests callers may make.

use std::num::NonZeroU32;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::client_address::Balancers;
use crate::limits::QUOTA_MAX;

/// How many requests callers may make.
#[derive(Debug, Clone, Args)]
pub struct QuotaConfig {
    /// Requests a second that each authenticated caller may make, over all edges; 0 for any number
    #[arg(long, env = "MILLRACE_CALLER_RATE", value_name = "N", default_value = "100", value_parser = rate())]
    pub caller_rate: u32,
    /// Requests a second that each address may make at each core of an edge before its caller is authenticated; 0 for
    /// any number
    #[arg(long, env = "MILLRACE_ADDRESS_RATE", value_name = "N", default_value = "1000", value_parser = rate())]
    pub address_rate: u32,
    /// Networks of the balancers in front of the edge, separated by commas, such as 10.0.0.0/8: of their requests, the
    /// address is the last one in X-Forwarded-For that is not in these networks
    #[arg(long, env = "MILLRACE_BALANCERS", value_name = "NETWORKS")]
    pub balancers: Option<Balancers>,
}

impl QuotaConfig {
    /// The defaults.
    pub const fn new() -> Self {
        Self { caller_rate: 100, address_rate: 1_000, balancers: None }
    }

    pub(crate) const fn caller_rate(&self) -> Option<NonZeroU32> {
        limited(self.caller_rate)
    }

    pub(crate) const fn address_rate(&self) -> Option<NonZeroU32> {
        limited(self.address_rate)
    }
}

/// A rate within the limits; `None` for any.
const fn limited(rate: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(if rate < QUOTA_MAX { rate } else { QUOTA_MAX })
}

fn rate() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(0..=u64::from(QUOTA_MAX))
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self::new()
    }
}
