//! Creates the one intent of an order, whatever happens to the responses.
//!
//! The key of the call does not depend on the attempt: while the response to an earlier call may
//! have been lost, only its own key shows what it did, and a token that can be used once is not
//! sent a second time under another key. The provider stores its failures under their keys
//! (<https://docs.stripe.com/api/idempotent_requests>): only a stored failure leads to the next key.

use orders::OrderId;

use super::provider::{CallError, NewIntent, Provider, Status, TOKEN_ALREADY_USED};
use crate::limits::CREATE_KEYS_MAX;

/// Creates the intent, or finds it if it was created earlier. Returns its id.
pub(super) async fn create_intent(
    provider: &Provider,
    order: OrderId,
    intent: &NewIntent<'_>,
) -> Result<String, CallError> {
    let mut failures = 0;
    loop {
        let key = format!("{order}-create-{failures}");
        match provider.create_intent(intent, &key).await {
            Err(CallError::Server { is_replayed: true, .. }) if failures + 1 < CREATE_KEYS_MAX => {
                failures += 1;
            }
            // A call that failed may have had an effect, too.
            Err(declined @ CallError::Declined { .. }) if failures > 0 => {
                return find_after_decline(provider, intent, declined).await;
            }
            created => return created.map(|created| created.id),
        }
    }
}

/// The intent that has used up the token; `declined` if it does not belong to this order.
async fn find_after_decline(
    provider: &Provider,
    intent: &NewIntent<'_>,
    declined: CallError,
) -> Result<String, CallError> {
    if !matches!(&declined, CallError::Declined { code } if code == TOKEN_ALREADY_USED) {
        return Err(declined);
    }
    let found = provider.find_intents(intent.order).await?.data;
    let found = found.into_iter().find(|found| found.status != Status::Canceled);
    found.map(|found| found.id).ok_or(declined)
}
