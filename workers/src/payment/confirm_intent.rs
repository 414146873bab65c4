//! Confirms an intent. A bank may take its time: then the intent decides, as it is now.

use super::provider::{CallError, Confirmation, Provider, Status};
use super::provider_calls::call_past_failures;

/// Confirms `intent` with the payment method that it has, or finds what has become of it since an earlier
/// call: that call's key has its answer for good, also if the payment was being processed then.
pub(super) async fn confirm_intent(
    provider: &Provider,
    intent: &str,
    prefix: &str,
) -> Result<Confirmation, CallError> {
    let call = async |key: &str| provider.confirm(intent, key).await;
    match call_past_failures(prefix, call).await.1? {
        Confirmation::Unexpected { status: Status::Processing } => {
            provider.retrieve(intent).await.map(Confirmation::from)
        }
        confirmation => Ok(confirmation),
    }
}
