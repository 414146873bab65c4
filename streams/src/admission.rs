//! What a lane admits, from most to least.

/// What a lane admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Admission {
    /// New orders are admitted.
    #[default]
    Open,
    /// The oldest unprocessed order has been waiting for inventory for too long.
    BacklogTooOld,
    /// The lane is so full that the remaining space is reserved for the orders that are in it, and
    /// for requests about them.
    StreamFull,
    /// The lane is so full that the remaining space is reserved for the outcomes of steps.
    OutcomesOnly,
}
