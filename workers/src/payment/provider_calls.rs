//! Concurrent calls to the provider, and their idempotency keys.

use futures_util::{StreamExt, stream};
use orders::OrderId;
use streams::DeliveryHistory;

use super::provider::CallError;
use crate::limits::{CONCURRENT_CALLS_MAX, STORED_KEYS_MAX};
use crate::step_input::StepOutcome;

/// The first part of the idempotency keys of one attempt at a call: order, call and attempt, and never
/// the place of a message. An event may be stored twice, and its copies be processed by two workers at
/// once, which then make one call. The provider stores refusals under their keys, too, so each attempt
/// has keys of its own, and so has each replay. That money moves once rests on the single intent, not on
/// the key.
pub(super) fn attempt_prefix(order: OrderId, call: &str, history: &DeliveryHistory) -> String {
    format!("{order}-{call}-{}", history.attempt())
}

/// Makes a call with the first of its keys, `PREFIX-0`, `PREFIX-1` and so on, under which the provider
/// has stored no failure: another copy of the message may have made these calls. While the response to
/// an earlier call may have been lost, only its own key shows what it did, so a call whose effect must
/// not come twice has a prefix without the attempt. Returns the number of stored failures, too.
///
/// The provider stores its failures under their keys
/// (<https://docs.stripe.com/api/idempotent_requests>).
pub(super) async fn call_past_failures<Output>(
    prefix: &str,
    call: impl AsyncFn(&str) -> Result<Output, CallError>,
) -> (usize, Result<Output, CallError>) {
    let mut failures = 0;
    loop {
        match call(&format!("{prefix}-{failures}")).await {
            Err(CallError::Server { is_replayed: true, .. }) if failures + 1 < STORED_KEYS_MAX => {
                failures += 1;
            }
            result => return (failures, result),
        }
    }
}

/// Makes one call for each of `items`, up to [`CONCURRENT_CALLS_MAX`] at a time. Results are in the
/// order of `items`; an error is the outcome of the step for that item.
pub(super) async fn call_concurrently<Item, Output>(
    items: impl IntoIterator<Item = Item>,
    call: impl AsyncFn(Item) -> Result<Output, StepOutcome>,
) -> Vec<Result<Output, StepOutcome>> {
    // The futures are large and `buffered` moves each of them a few times: a box avoids the copies.
    let calls = items.into_iter().map(|item| Box::pin(call(item)));
    stream::iter(calls).buffered(CONCURRENT_CALLS_MAX).collect().await
}

#[cfg(test)]
mod tests {
    use orders::Timestamp;
    use streams::{Answer, Origin};

    use super::*;

    fn history(stream: &str, sequence: u64, attempts: u32, replays: u32) -> DeliveryHistory {
        let origin = Origin { stream: stream.to_owned(), sequence };
        DeliveryHistory {
            origin,
            first_at: Timestamp::from_millis(0),
            attempts,
            unsupported: 0,
            replays,
            answer: Answer::Once,
        }
    }

    #[test]
    fn copies_of_a_message_share_their_keys_and_attempts_and_replays_do_not() {
        let order = OrderId::from_bytes([7; 16]);
        let prefix = |history| attempt_prefix(order, "confirm", &history);
        let first = prefix(history("ORDERS", 1, 0, 0));
        assert_eq!(prefix(history("ORDERS", 2, 0, 0)), first);
        assert_eq!(prefix(history("OTHER", 1, 0, 0)), first);
        let other = [history("ORDERS", 1, 1, 0), history("DEAD_LETTERS", 1, 0, 1)].map(prefix);
        assert_ne!(other[0], first);
        assert_ne!(other[1], first);
        assert_ne!(other[0], other[1]);
        assert_ne!(attempt_prefix(order, "cancel", &history("ORDERS", 1, 0, 0)), first);
    }
}
