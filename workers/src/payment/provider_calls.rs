//! Concurrent calls to the provider, and their idempotency keys.

use futures_util::{StreamExt, stream};
use orders::OrderId;
use streams::DeliveryHistory;

use crate::limits::CONCURRENT_CALLS_MAX;
use crate::step_input::StepOutcome;

/// The idempotency key of one call. The provider stores a failure under its key, so each attempt
/// has its own key, and so has each message that holds the same order again. That money moves once
/// rests on the single intent, not on the key.
pub(super) fn call_key(order: OrderId, call: &str, history: &DeliveryHistory) -> String {
    format!("{order}-{call}-{}-{}", history.origin.sequence, history.attempt())
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
