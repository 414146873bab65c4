//! What an edge must be told.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use orders::Secrets;
use streams::Profile;

/// What an edge must be told. Numbers that operators need not choose are limits of this crate.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Threads that serve, each with a runtime, a broker connection and an intake of its own.
    pub cores: NonZeroUsize,
    /// The brokers' URLs, separated by commas.
    pub nats_url: String,
    /// Redis's URL.
    pub redis_url: String,
    /// What order ids are proven with; the same for all edges.
    pub secrets: Secrets,
    /// The durability that a 202 promises.
    pub profile: Profile,
    /// How long the oldest order may wait for inventory until no more are taken in.
    pub backlog_max: Duration,
    /// Orders in one message: 1 to 256; more counts as 256.
    pub max_batch: NonZeroUsize,
}
