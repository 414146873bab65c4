//! Orders: what was acknowledged, what the stream has, and what the database has.

use std::collections::{HashMap, HashSet};

use orders::{OrderId, OrderView, Reason, Status};
use streams::dead_letter::StoredDeadLetter;
use workers::order_view::UnreadableRow;

use super::Verdict;
use crate::audit::promised::Promised;
use crate::audit::report::ListedDeadLetter;
use crate::audit::stream_history::{OrderHistory, StreamHistory};
use crate::limits::PROBLEMS_LISTED_MAX;

/// An order that no event will move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StuckOrder {
    /// The order.
    pub id: OrderId,
    /// The sequence number of the message that brought it into its current state; `None` if that is
    /// no longer in the stream.
    pub sequence: Option<u64>,
}

/// What the database says about the orders that have rows.
pub(crate) struct OrderRows<'a> {
    pub(crate) views: &'a HashMap<OrderId, OrderView>,
    /// Orders that only a newer version can read, and so audit.
    pub(crate) unreadable: &'a HashMap<OrderId, UnreadableRow>,
}

const NO_EVENT: &str =
    ", and its last event is not in the stream any more: `--repair` requests its cancellation";

impl Verdict {
    /// Compares the acknowledged orders, the stream and the database, order by order.
    pub(crate) fn check_orders(
        &mut self,
        promised: &Promised,
        history: &StreamHistory,
        dead_letters: &[StoredDeadLetter],
        orders: &OrderRows<'_>,
    ) {
        let OrderRows { views, unreadable } = orders;
        let acknowledged = promised.orders().count();
        let count = if acknowledged == 0 { history.orders.len() } else { acknowledged };
        self.report.acknowledged = count as u64;
        self.report.dead_letters =
            dead_letters.iter().take(PROBLEMS_LISTED_MAX).map(listed).collect();
        let dead: HashSet<OrderId> =
            dead_letters.iter().filter_map(StoredDeadLetter::order_id).collect();
        for (id, err) in *unreadable {
            self.problem(id, &err.to_string());
        }
        let has_rows = |id: &OrderId| views.contains_key(id) || unreadable.contains_key(id);
        for id in promised.orders() {
            if !history.orders.contains_key(&id) && !has_rows(&id) {
                self.report.lost += 1;
                self.problem(&id, "was acknowledged and is lost");
            }
        }
        let readable = history.orders.iter().filter(|(id, _)| !unreadable.contains_key(id));
        for (id, order) in readable {
            self.compare(*id, order, views.get(id));
            self.count(*id, order, views.get(id), dead.contains(id));
        }
        for (id, view) in views.iter().filter(|(id, _)| !history.orders.contains_key(*id)) {
            if history.is_complete && self.is_quiescent {
                self.problem(id, "has rows in the database but no event in the stream");
            }
            self.count(*id, &OrderHistory::default(), Some(view), dead.contains(id));
        }
    }

    fn compare(&mut self, id: OrderId, order: &OrderHistory, view: Option<&OrderView>) {
        if order.has_conflicting_outcomes {
            self.report.duplicated += 1;
            self.problem(&id, "has two different outcomes of one step");
        }
        if let Some([first, second]) = order.two_finals() {
            self.problem(&id, &format!("has two final events: {first} and {second}"));
        }
        let in_stream = order.status.unwrap_or(Status::Accepted);
        let in_database = view.map_or(Status::Accepted, |view| view.status);
        // A row is committed before its event is published, and was read later.
        let is_database_ahead =
            !self.is_quiescent && in_stream < in_database && !in_stream.is_final();
        if in_stream != in_database && !is_database_ahead {
            let detail = format!("database says {in_database}, stream says {in_stream}");
            self.problem(&id, &detail);
        }
    }

    fn count(
        &mut self,
        id: OrderId,
        order: &OrderHistory,
        view: Option<&OrderView>,
        is_dead: bool,
    ) {
        match view.map_or(Status::Accepted, |view| view.status) {
            Status::Fulfilled => self.report.fulfilled += 1,
            Status::Cancelled => self.report.cancelled += 1,
            Status::Rejected => {
                let reason = view.and_then(|view| view.reason.as_ref());
                let code = match reason {
                    Some(Reason::Rejected(rejection)) => rejection.code(),
                    _ => "unknown",
                };
                *self.report.rejected.entry(code.to_owned()).or_default() += 1;
            }
            _ if is_dead => self.report.dead += 1,
            status => {
                self.report.in_flight += 1;
                if self.is_quiescent {
                    let sequence = (order.sequence > 0).then_some(order.sequence);
                    let remedy = if sequence.is_some() { "" } else { NO_EVENT };
                    self.problem(&id, &format!("is stuck at {status}{remedy}"));
                    self.stuck.push(StuckOrder { id, sequence });
                }
            }
        }
    }
}

fn listed(letter: &StoredDeadLetter) -> ListedDeadLetter {
    ListedDeadLetter {
        number: letter.number,
        step: letter.content.step.clone(),
        reason: letter.content.reason.as_str().to_owned(),
        error: letter.content.error.clone(),
        order_id: letter.order_id().map(|id| id.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use orders::{EventBody, OrderId, OrderView, Status};

    use super::*;
    use crate::audit::verdict::test_inputs::{cancelled, history, id, problems, view};

    fn found(history: &StreamHistory, views: &HashMap<OrderId, OrderView>) -> Vec<String> {
        let orders = OrderRows { views, unreadable: &HashMap::new() };
        problems(|verdict| verdict.check_orders(&Promised::default(), history, &[], &orders))
    }

    #[test]
    fn an_order_has_one_final_event_even_if_the_status_agrees() {
        let fulfilled = EventBody::Fulfilled { shipment: "shp".to_owned() };
        let views = [(id(1), view(Status::Fulfilled))].into();
        let once = history(&[(id(1), fulfilled.clone()), (id(1), fulfilled.clone())]);
        assert!(found(&once, &views).is_empty());
        let twice =
            history(&[(id(1), fulfilled.clone()), (id(1), cancelled()), (id(1), fulfilled)]);
        let expected = format!("{}: has two final events: fulfilled and cancelled", id(1));
        assert_eq!(found(&twice, &views), [expected]);
    }
}
