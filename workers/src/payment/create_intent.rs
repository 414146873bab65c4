//! Creates the one intent of an order, whatever happens to the responses: a token that can be used once
//! is not sent a second time under another key, unless the provider has stored a failure.

use orders::OrderId;

use super::provider::{CallError, NewIntent, Provider, Status, TOKEN_ALREADY_USED};
use super::provider_calls::call_past_failures;

/// Creates the intent, or finds it if it was created earlier. Returns its id.
pub(super) async fn create_intent(
    provider: &Provider,
    order: OrderId,
    intent: &NewIntent<'_>,
) -> Result<String, CallError> {
    let prefix = format!("{order}-create");
    let call = async |key: &str| provider.create_intent(intent, key).await;
    match call_past_failures(&prefix, call).await {
        // A call that failed may have had an effect, too.
        (1.., Err(CallError::Declined(decline))) if decline.code == TOKEN_ALREADY_USED => {
            find(provider, intent).await
        }
        (_, created) => created.map(|created| created.id),
    }
}

/// Creates the intent without a payment method, for one that the buyer has yet to choose.
pub(super) async fn create_without_method(
    provider: &Provider,
    order: OrderId,
    intent: &NewIntent<'_>,
) -> Result<String, CallError> {
    let intent = NewIntent { payment_method: None, ..*intent };
    let prefix = format!("{order}-create-without-method");
    let call = async |key: &str| provider.create_intent(&intent, key).await;
    let (_, created) = call_past_failures(&prefix, call).await;
    created.map(|created| created.id)
}

/// The intent that has used up the token. The search can miss a new intent, so one that is not found may
/// be found later.
async fn find(provider: &Provider, intent: &NewIntent<'_>) -> Result<String, CallError> {
    let found = provider.find_intents(intent.order).await?.data;
    let found = found.into_iter().find(|found| found.status != Status::Canceled);
    found.map(|found| found.id).ok_or(CallError::Busy { status: 409 })
}
