//! The id of an order in a path.

use orders::SignedOrderId;

use crate::problem::Problem;
use crate::state::ShardState;

/// The order id that `text` is, with digits in either case: a client may have kept it in a type that
/// writes them upper-case.
pub(super) fn issued_id(state: &ShardState, text: &str) -> Result<SignedOrderId, Problem> {
    state.signing_keys.verify(&text.to_ascii_lowercase()).ok_or(Problem::NoSuchOrder)
}
