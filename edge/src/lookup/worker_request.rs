//! Requests to workers: many keys in one message, which a worker answers from one query.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use streams::Connection;

/// The workers' result for each of `keys`, in the same order. `None` if no worker replies within
/// `timeout` or the reply is invalid.
pub(super) async fn request_batch<T: DeserializeOwned>(
    broker: &Connection,
    subject: &str,
    keys: &[impl Serialize],
    timeout: Duration,
) -> Option<Vec<Option<T>>> {
    let payload = serde_json::to_vec(keys).expect("ids and SKUs serialise as strings");
    let reply = match broker.request(subject, payload.into(), timeout).await {
        Ok(reply) => reply,
        Err(err) => {
            tracing::debug!(%err, subject, "no reply from workers");
            return None;
        }
    };
    match serde_json::from_slice::<Vec<Option<T>>>(&reply) {
        Ok(results) if results.len() == keys.len() => Some(results),
        Ok(results) => {
            let (expected, received) = (keys.len(), results.len());
            tracing::warn!(subject, expected, received, "reply has wrong length");
            None
        }
        Err(err) => {
            tracing::warn!(subject, %err, "reply is not valid JSON");
            None
        }
    }
}
