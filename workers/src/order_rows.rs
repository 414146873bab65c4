//! What a stage's rows say about an order: the events that each state of a row records.

use orders::EventKind;

/// The view of a stage that has one row for each order, which every pool may read: any worker answers what the
/// status of an order is. The row has a column `state`.
#[derive(Debug)]
pub(crate) struct OrderRows {
    /// The view, with its schema.
    pub(crate) view: &'static str,
    /// Every state of a row.
    pub(crate) states: &'static [RowState],
    /// Whether a column `reason` says why the order was rejected or withdrawn.
    pub(crate) has_reason: bool,
    /// Whether a column `next_action` says what the buyer has to do.
    pub(crate) has_next_action: bool,
    /// Whether a column `digest` holds the digest of the order's body.
    pub(crate) has_digest: bool,
}

/// One state of a row.
#[derive(Debug)]
pub(crate) struct RowState {
    /// The value of the column `state`.
    pub(crate) name: &'static str,
    /// The events that happened to an order whose row is in this state, each with the column that
    /// holds its time.
    pub(crate) events: &'static [(EventKind, &'static str)],
}

impl OrderRows {
    /// The state of this name.
    pub(crate) fn state(&self, name: &str) -> Option<&RowState> {
        self.states.iter().find(|state| state.name == name)
    }

    /// The columns that hold the times of events, each once.
    pub(crate) fn time_columns(&self) -> Vec<&'static str> {
        let events = self.states.iter().flat_map(|state| state.events);
        let mut columns: Vec<_> = events.map(|(_, column)| *column).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}
