//! The heartbeat of a set that is being processed: progress acks, so that its messages are not
//! redelivered to another worker.

use std::pin::pin;

use streams::{Delivery, ack_wait};
use tokio::time::timeout;

use crate::limits::PROGRESS_ACKS;

/// Runs `work` and sends progress acks to the broker in the meantime.
pub(crate) async fn with_progress_acks<T>(set: &[Delivery], work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        match timeout(ack_wait() / PROGRESS_ACKS, &mut work).await {
            Ok(output) => return output,
            Err(_) => {
                for delivery in set {
                    delivery.progress().await;
                }
            }
        }
    }
}
