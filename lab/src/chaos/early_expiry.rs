//! Orders that were cancelled because they were not paid in time, although there was time left: a clock
//! that is wrong has decided.

use std::collections::HashMap;
use std::time::Duration;

use millrace::audit::Problem;
use orders::{CancelReason, CancelledBy, OrderId, OrderView, Reason, Status};

/// The orders that expired before `payment_timeout` had passed since their reservation, by the rows' times,
/// which are the database's.
pub(super) fn early_expiries(
    views: &HashMap<OrderId, OrderView>,
    payment_timeout: Duration,
) -> Vec<Problem> {
    let early = views.iter().filter_map(|(id, view)| {
        let held = held_until_expiry(view)?;
        let detail = format!("expired after {} ms", held.as_millis());
        (held < payment_timeout).then(|| Problem { subject: id.to_string(), detail })
    });
    early.collect()
}

/// How long the stock of an order that expired was held for its payment.
fn held_until_expiry(view: &OrderView) -> Option<Duration> {
    let expired = Reason::Cancelled(CancelReason::Requested { by: CancelledBy::Expiry });
    if view.reason.as_ref() != Some(&expired) {
        return None;
    }
    let at = |status| view.history.iter().find(|change| change.status == status);
    let (reserved, cancelled) = (at(Status::Reserved)?.at, at(Status::Cancelled)?.at);
    let held = cancelled.as_millis() - reserved.as_millis();
    Some(Duration::from_millis(held.max(0) as u64))
}

#[cfg(test)]
mod tests {
    use orders::{StatusChange, Timestamp};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    /// The early expiries of an order that was held for so many milliseconds.
    fn found(held: i64, by: CancelledBy) -> usize {
        let change = |status, at| StatusChange { status, at: Timestamp::from_millis(at) };
        let history =
            vec![change(Status::Reserved, 5_000), change(Status::Cancelled, 5_000 + held)];
        let view = OrderView {
            status: Status::Cancelled,
            reason: Some(Reason::Cancelled(CancelReason::Requested { by })),
            history,
            body_digest: None,
            next_action: None,
        };
        early_expiries(&HashMap::from([(OrderId::from_bytes([1; 16]), view)]), TIMEOUT).len()
    }

    #[test]
    fn an_order_expires_only_after_the_payment_timeout_and_a_buyer_cancels_at_any_time() {
        assert_eq!(found(9_999, CancelledBy::Expiry), 1);
        assert_eq!(found(10_000, CancelledBy::Expiry), 0);
        assert_eq!(found(1, CancelledBy::Buyer), 0);
    }
}
