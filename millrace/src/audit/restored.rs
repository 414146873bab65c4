//! A restore: the streams were restored from a backup that is older than the rows, which know of events that
//! the streams lack.

use std::fmt;

use orders::{OrderView, Timestamp};
use serde::Serialize;

use crate::limits::ROW_BEFORE_EVENT_MAX;

/// What a restore has left between the streams and the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// When the backup was begun from which the streams were restored.
    #[serde(rename = "backup_at_ms")]
    pub backup_at: Timestamp,
    /// Orders that were placed since: the database has them, and the streams do not have them as placed.
    pub by_rows: u64,
    /// Orders that have advanced since: the streams lack their last event, which a repair rebuilds.
    pub behind: u64,
    /// The acknowledged orders of which nothing is left, and that were acknowledged since; `None` without a
    /// ledger.
    pub lost_since: Option<u64>,
}

impl Restored {
    /// The streams were restored from a backup that was begun at this time.
    pub const fn from_backup_at(backup_at: Timestamp) -> Self {
        Self { backup_at, by_rows: 0, behind: 0, lost_since: None }
    }

    /// Whether the streams may lack events of the order.
    pub(super) fn may_lack_events_of(&self, view: &OrderView) -> bool {
        let margin = ROW_BEFORE_EVENT_MAX.as_millis() as i64;
        let from = self.backup_at.as_millis() - margin;
        view.history.iter().any(|change| change.at.as_millis() >= from)
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backup_at, by_rows, behind, lost_since } = self;
        write!(f, "backup of {backup_at}; placed later: {by_rows} orders by rows only")?;
        if let Some(lost) = lost_since {
            write!(f, ", {lost} lost")?;
        }
        if *behind > 0 {
            write!(f, "; {behind} orders lack their last event")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use orders::{Status, StatusChange};

    use super::*;
    use crate::audit::verdict::test_inputs::view;

    #[test]
    fn the_streams_may_lack_what_came_since_the_backup_or_just_before_it() {
        let backup_at = Timestamp::from_millis(10_000_000);
        let margin = ROW_BEFORE_EVENT_MAX.as_millis() as i64;
        let may_lack = |millis| {
            let at = Timestamp::from_millis(millis);
            let history = vec![StatusChange { status: Status::Fulfilled, at }];
            let view = OrderView { history, ..view(Status::Fulfilled) };
            Restored::from_backup_at(backup_at).may_lack_events_of(&view)
        };
        assert!(may_lack(10_000_001) && may_lack(10_000_000 - margin));
        assert!(!may_lack(9_999_999 - margin));
    }

    #[test]
    fn what_came_between_is_in_the_text() {
        let restored = Restored::from_backup_at(Timestamp::from_millis(0));
        let expected = "backup of 1970-01-01T00:00:00Z; placed later: 0 orders by rows only";
        assert_eq!(restored.to_string(), expected);
        let restored = Restored { by_rows: 2, behind: 1, lost_since: Some(3), ..restored };
        let expected = "backup of 1970-01-01T00:00:00Z; placed later: 2 orders by rows only, 3 lost; \
                        1 orders lack their last event";
        assert_eq!(restored.to_string(), expected);
    }
}
