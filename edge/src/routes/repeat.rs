//! An order under a key that was used before. The order's row decides whether it is a repeat or
//! another order: inventory wrote the row for the first body that it committed. Redis, which the
//! edges write in the sequence of their own acks, may have any other body, so it only raises the
//! question.

use orders::{BodyDigest, OrderId};
use tokio::time::{Instant, timeout_at};

use crate::problem::Problem;
use crate::state::ShardState;

/// An order that is stored, under a key that was used before.
pub(super) struct StoredOrder {
    pub(super) id: OrderId,
    pub(super) digest: BodyDigest,
    /// The digest that Redis or the same batch has for the key.
    pub(super) known_digest: BodyDigest,
}

/// Refuses an order if a row shows that inventory processed another body. Returns whether the order
/// is a repeat. Without an answer by `deadline` the order is accepted, since it is stored.
pub(super) async fn check_repeat(
    state: &ShardState,
    order: StoredOrder,
    deadline: Instant,
) -> Result<bool, Problem> {
    let StoredOrder { id, digest, known_digest } = order;
    let view = timeout_at(deadline, state.lookups.status.get(id)).await.ok().flatten().flatten();
    let Some(row_digest) = view.and_then(|view| view.body_digest) else {
        return Ok(known_digest == digest);
    };
    if row_digest != known_digest {
        state.idempotency_cache.replace(id, row_digest);
    }
    if row_digest == digest { Ok(true) } else { Err(Problem::KeyReused) }
}
