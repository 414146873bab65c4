//! Why nothing could be fetched.

use thiserror::Error;

use super::pull_failure::PullFailure;
use crate::Durable;

/// Fetching from the broker failed, which is logged. The next fetch opens a new pull request, after a
/// delay that grows.
#[derive(Debug, Error)]
#[error("cannot fetch from consumer {durable}")]
pub struct FetchError {
    pub(super) durable: Durable,
    /// Why.
    #[source]
    pub failure: PullFailure,
    /// Whether the request before was served.
    pub is_first: bool,
}
