//! The id of an order in a path.

use orders::SignedOrderId;

use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::ShardState;

/// The id of an order of `caller` that `text` is, with digits in either case: a client may have kept it in a type that
/// writes them upper-case. That of another caller does not exist.
pub(super) fn issued_id(
    state: &ShardState,
    caller: &Caller,
    text: &str,
) -> Result<SignedOrderId, Problem> {
    let text = text.to_ascii_lowercase();
    state.signing_keys.verify(&text, &caller.name).ok_or(Problem::NoSuchOrder)
}
