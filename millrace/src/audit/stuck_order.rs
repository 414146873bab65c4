//! Orders that no event will move, and that `audit --repair` moves, or of which restored streams lack the end.

use orders::OrderId;
use streams::Origin;

/// An order that no event will move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckOrder {
    /// The order.
    pub id: OrderId,
    /// The message that brought it into its current state; `None` if that is no longer in a lane.
    pub origin: Option<Origin>,
    /// Whether its rows say more than the streams do.
    pub is_behind: bool,
}
