//! What a client asks about an order, and what workers know of it.

use std::sync::Arc;

use futures_util::future::join;
use orders::{OrderContents, OrderId, OrderView, Status};

use crate::lookup::Lookups;
use crate::problem::Problem;

/// The parameter that names what a client wants, and its one value.
const FIELDS: &str = "fields";
const STATUS: &str = "status";
/// The parameter with the status that the client knows.
const AFTER: &str = "after";

/// What the query string of a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OrderQuery {
    /// The status alone, without what the order says.
    is_status_alone: bool,
    /// The status that the client knows.
    pub(super) after: Option<Status>,
}

/// What workers know of an order.
pub(super) struct Found {
    /// `None` if no worker has processed it.
    pub(super) view: Option<Arc<OrderView>>,
    /// `None` as well if it was not asked for, or not answered.
    pub(super) contents: Option<Arc<OrderContents>>,
}

impl OrderQuery {
    /// Parses a query string. Other parameters are ignored.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                FIELDS if value == STATUS => parsed.is_status_alone = true,
                FIELDS => return Err(Problem::InvalidFields),
                AFTER => parsed.after = Some(value.parse().map_err(|_| Problem::InvalidAfter)?),
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// Whether a client that knows what it says it does need not wait any more.
    pub(super) fn is_answered_by(self, status: Status) -> bool {
        status.is_final() || self.after.is_some_and(|after| status > after)
    }

    /// What workers know; `None` without an answer about the status.
    pub(super) async fn look_up(self, lookups: &Lookups, id: OrderId) -> Option<Found> {
        if self.is_status_alone {
            let view = lookups.status.get(id).await?;
            return Some(Found { view, contents: None });
        }
        let (view, contents) = join(lookups.status.get(id), lookups.contents.get(id)).await;
        Some(Found { view: view?, contents: contents.flatten() })
    }
}

impl Found {
    /// An order without rows is accepted: the signature of its id proves that an edge issued it.
    pub(super) fn status(&self) -> Status {
        self.view.as_ref().map_or(Status::Accepted, |view| view.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_status_and_fields_that_there_are() {
        let parsed = OrderQuery::parse("after=requires_action&x=y&fields=status").unwrap();
        assert_eq!(parsed.after, Some(Status::RequiresAction));
        assert!(parsed.is_status_alone);
        assert_eq!(OrderQuery::parse("").unwrap(), OrderQuery::default());
        assert!(matches!(OrderQuery::parse("after=eaten"), Err(Problem::InvalidAfter)));
        assert!(matches!(OrderQuery::parse("after="), Err(Problem::InvalidAfter)));
        assert!(matches!(OrderQuery::parse("fields=lines"), Err(Problem::InvalidFields)));
    }

    #[test]
    fn a_client_waits_for_what_it_does_not_know_or_for_the_end() {
        let all = OrderQuery::default();
        assert!(!all.is_answered_by(Status::Paid) && all.is_answered_by(Status::Cancelled));
        let known = OrderQuery { after: Some(Status::Reserved), ..all };
        assert!(!known.is_answered_by(Status::Reserved) && !known.is_answered_by(Status::Accepted));
        assert!(known.is_answered_by(Status::RequiresAction));
        let ended = OrderQuery { after: Some(Status::Fulfilled), ..all };
        assert!(ended.is_answered_by(Status::Fulfilled), "nothing follows");
    }
}
