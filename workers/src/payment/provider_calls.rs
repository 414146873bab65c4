//! Concurrent calls to the provider, and their idempotency keys.

use futures_util::{StreamExt, stream};
use orders::OrderId;
use streams::DeliveryHistory;

use super::provider::CallError;
use crate::limits::{CONCURRENT_CALLS_MAX, STORED_KEYS_MAX};
use crate::step_input::StepOutcome;

/// The idempotency key of one call. The provider stores a failure under its key, so each attempt
/// has its own key, and so has each message that holds the same order again. That money moves once
/// rests on the single intent, not on the key.
pub(super) fn call_key(order: OrderId, call: &str, history: &DeliveryHistory) -> String {
    format!("{order}-{call}-{}-{}", history.origin.sequence, history.attempt())
}

/// Makes a call with the first of its keys, `PREFIX-0`, `PREFIX-1` and so on, under which the provider
/// has stored no failure. The keys do not depend on the attempt: while the response to an earlier call
/// may have been lost, only its own key shows what it did. Returns the number of stored failures, too.
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
