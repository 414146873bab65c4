//! Cancels an intent. One that a bank is processing cannot be cancelled.

use super::provider::{CallError, Provider, Status};
use super::provider_calls::call_past_failures;

/// Cancels `intent`. Returns its status: that it had succeeded, or that it is canceled, now or earlier.
/// Any other one is what it is now: the key of an earlier call has its refusal for good.
pub(super) async fn cancel_intent(
    provider: &Provider,
    intent: &str,
    prefix: &str,
) -> Result<Status, CallError> {
    let call = async |key: &str| provider.cancel(intent, key).await;
    match call_past_failures(prefix, call).await.1? {
        status @ (Status::Succeeded | Status::Canceled) => Ok(status),
        _ => provider.retrieve(intent).await.map(|intent| intent.status),
    }
}
