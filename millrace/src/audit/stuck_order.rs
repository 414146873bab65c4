//! Orders that no event will move, and that `audit --repair` moves.

use orders::OrderId;

/// An order that no event will move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StuckOrder {
    /// The order.
    pub id: OrderId,
    /// The sequence number of the message that brought it into its current state; `None` if that is
    /// no longer in the stream.
    pub sequence: Option<u64>,
}
