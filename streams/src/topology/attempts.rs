//! Attempts to create or correct something at brokers that may still be electing a leader.

use tokio::time::sleep;

use super::error::TopologyError;
use crate::limits::{TOPOLOGY_ATTEMPTS_MAX, TOPOLOGY_RETRY_DELAY};

/// Retries a few times: brokers that have just started may still be electing a leader. The result is
/// `None` if the stream is missing and may not be created.
pub(super) async fn with_retries<T>(
    name: &str,
    ensure: impl AsyncFn() -> Result<Option<T>, async_nats::Error>,
) -> Result<T, TopologyError> {
    let mut attempts = 1;
    loop {
        let error = match ensure().await {
            Ok(Some(ensured)) => return Ok(ensured),
            Ok(None) => TopologyError::Lost { name: name.to_owned() },
            Err(source) => TopologyError::Rejected { name: name.to_owned(), source },
        };
        if attempts == TOPOLOGY_ATTEMPTS_MAX {
            return Err(error);
        }
        attempts += 1;
        sleep(TOPOLOGY_RETRY_DELAY).await;
    }
}
