//! What was promised, and what was done: the body that was acknowledged, its total and its lines are
//! those of the order's row, of its events and of its payment.
//!
//! Of two bodies under one key the one that inventory committed first is processed; the other one
//! becomes `conflicted`.

use std::collections::{HashMap, HashSet};

use orders::{BodyDigest, Money, OrderId};
use streams::dead_letter::StoredDeadLetter;
use workers::inventory::decided_orders::StockDecision;
use workers::payment::held_funds::HeldFunds;

use super::Verdict;
use crate::audit::content::Content;
use crate::audit::decisions::Decision;
use crate::audit::promised::Promised;
use crate::audit::stream_history::{OrderHistory, StreamHistory};

/// What the audit has read about the contents of orders.
pub(crate) struct Contents<'a> {
    pub(crate) history: &'a StreamHistory,
    pub(crate) dead_letters: &'a [StoredDeadLetter],
    pub(crate) decisions: &'a HashMap<OrderId, Decision>,
}

impl Contents<'_> {
    fn row(&self, id: OrderId) -> Option<&Content> {
        self.decisions.get(&id)?.content.as_ref()
    }
}

impl Verdict {
    /// Reports the bodies that were acknowledged and are neither in the stream nor in a row. An order
    /// of which nothing is left is lost, which [`Self::check_orders`] reports.
    pub(crate) fn check_acknowledged_bodies(
        &mut self,
        promised: &Promised,
        contents: &Contents<'_>,
    ) {
        // What was purged may have had the body.
        if !contents.history.is_complete {
            return;
        }
        for (id, digest) in promised.bodies() {
            let order = contents.history.orders.get(&id);
            let row = contents.row(id);
            let is_stored = order.is_some_and(|order| order.content(digest).is_some())
                || row.is_some_and(|row| row.digest == digest);
            if !is_stored && (order.is_some() || row.is_some()) {
                self.problem(&id, &format!("body {digest} was acknowledged and is lost"));
            }
        }
    }

    /// Compares the content of each order in its row, and in its events.
    pub(crate) fn check_contents(&mut self, contents: &Contents<'_>) {
        let dead: HashSet<OrderId> =
            contents.dead_letters.iter().filter_map(StoredDeadLetter::order_id).collect();
        for (id, Decision { stock, content, .. }) in contents.decisions {
            let Some(row) = content else {
                if !matches!(stock, StockDecision::Voided | StockDecision::Unknown) {
                    self.problem(id, "its row has no content that can be read");
                }
                continue;
            };
            if row.sum != Some(row.total) {
                let sum = row.sum.map_or_else(|| "too much".to_owned(), shown);
                let total = shown(row.total);
                self.problem(id, &format!("its total is {total}, but its lines add up to {sum}"));
            }
            let Some(order) = contents.history.orders.get(id) else { continue };
            self.compare_content(*id, row, order);
            if self.is_quiescent && !dead.contains(id) {
                let is_complete = contents.history.is_complete && !self.since_backup.contains(id);
                self.check_bodies(*id, row.digest, order, is_complete);
            }
        }
    }

    fn compare_content(&mut self, id: OrderId, row: &Content, order: &OrderHistory) {
        if let Some(created) = order.content(row.digest) {
            if created.total != row.total {
                let (created, row) = (shown(created.total), shown(row.total));
                self.problem(
                    &id,
                    &format!("its total is {row} in the database, placed was {created}"),
                );
            }
            if created.lines != row.lines {
                self.problem(&id, "its lines in the database are not those that were placed");
            }
        }
        for (event, amount) in order.amounts() {
            if amount != row.total {
                let (amount, total) = (shown(amount), shown(row.total));
                self.problem(&id, &format!("its total is {total}, but {event} has {amount}"));
            }
        }
    }

    /// The stream must have the row's body, unless that was purged, and a `conflicted` for each other
    /// one.
    fn check_bodies(
        &mut self,
        id: OrderId,
        row: BodyDigest,
        order: &OrderHistory,
        is_complete: bool,
    ) {
        if is_complete && order.content(row).is_none() {
            self.problem(&id, &format!("the database has the body {row}, which was never placed"));
        }
        for other in order.placed().filter(|digest| *digest != row) {
            if !order.has_conflicted(other) {
                let detail = format!(
                    "body {other} was placed, the database has {row}, and no event says so"
                );
                self.problem(&id, &detail);
            }
        }
    }

    /// Compares the amount that payment charges for each order with the order's total.
    pub(crate) fn check_charges(
        &mut self,
        payments: &[HeldFunds],
        decisions: &HashMap<OrderId, Decision>,
    ) {
        for HeldFunds { order_id, charge, .. } in payments {
            let row = decisions.get(order_id).and_then(|decision| decision.content.as_ref());
            if let (Some(charge), Some(row)) = (charge, row)
                && *charge != row.total
            {
                let (charge, total) = (shown(*charge), shown(row.total));
                self.problem(
                    order_id,
                    &format!("its total is {total}, but its payment is of {charge}"),
                );
            }
        }
    }
}

/// An amount with its currency.
pub(super) fn shown(money: Money) -> String {
    format!("{} {}", money.amount, money.currency)
}

#[cfg(test)]
mod tests {
    use orders::EventBody;

    use super::*;
    use crate::audit::verdict::test_inputs::{
        created, digest, gbp, history, id, problems, problems_while_orders_move, reserved, row,
    };

    type Events = [(OrderId, EventBody)];

    /// Checks order 1 with this row, if it has one, and these events.
    fn check(row: Option<Decision>, history: &StreamHistory) -> impl FnOnce(&mut Verdict) {
        move |verdict| {
            let decisions = row.map(|row| (id(1), row)).into_iter().collect();
            let contents = Contents { history, dead_letters: &[], decisions: &decisions };
            verdict.check_contents(&contents);
        }
    }

    fn found(row: Decision, events: &Events) -> Vec<String> {
        problems(check(Some(row), &history(events)))
    }

    fn of_order(details: &[&str]) -> Vec<String> {
        details.iter().map(|detail| format!("{}: {detail}", id(1))).collect()
    }

    /// The problems of a promise of these bodies of order 1.
    fn broken_promises(
        bodies: &[u8],
        row: Option<Decision>,
        history: &StreamHistory,
    ) -> Vec<String> {
        let promised = Promised::new(bodies.iter().map(|body| (id(1), Some(digest(*body)))));
        let decisions = row.map(|row| (id(1), row)).into_iter().collect();
        let contents = Contents { history, dead_letters: &[], decisions: &decisions };
        problems_while_orders_move(|verdict| {
            verdict.check_acknowledged_bodies(&promised, &contents);
        })
    }

    #[test]
    fn an_order_whose_events_and_rows_agree_has_no_problem() {
        let paid = EventBody::Paid { amount: gbp(5), payment_intent: "pi".to_owned() };
        let events = [(id(1), created(1, &[2, 3])), (id(1), reserved(5)), (id(1), paid)];
        assert!(found(row(1, 5, &[2, 3]), &events).is_empty());
    }

    #[test]
    fn a_total_that_is_not_the_placed_one_is_a_problem_even_after_a_purge() {
        let changed = row(1, 999, &[2, 3]);
        let sum = "its total is 999 GBP, but its lines add up to 5 GBP";
        assert_eq!(found(changed.clone(), &[]), of_order(&[sum]));
        let events = [(id(1), created(1, &[2, 3])), (id(1), reserved(5))];
        let placed = "its total is 999 GBP in the database, placed was 5 GBP";
        let reserved = "its total is 999 GBP, but reserved has 5 GBP";
        assert_eq!(found(changed, &events), of_order(&[sum, placed, reserved]));
    }

    #[test]
    fn lines_of_another_order_with_the_same_total_are_a_problem() {
        let events = [(id(1), created(1, &[2, 3]))];
        let expected = of_order(&["its lines in the database are not those that were placed"]);
        assert_eq!(found(row(1, 5, &[3, 2]), &events), expected);
        assert_eq!(
            problems_while_orders_move(check(Some(row(1, 5, &[3, 2])), &history(&events))),
            expected
        );
    }

    #[test]
    fn of_two_bodies_the_discarded_one_needs_an_event_that_says_so() {
        let both = [(id(1), created(1, &[5])), (id(1), created(2, &[6]))];
        let missing = format!(
            "body {} was placed, the database has {}, and no event says so",
            digest(2),
            digest(1)
        );
        assert_eq!(found(row(1, 5, &[5]), &both), of_order(&[&missing]));
        let discarded =
            [&both[..], &[(id(1), EventBody::Conflicted { digest: digest(2) })]].concat();
        assert!(found(row(1, 5, &[5]), &discarded).is_empty());
        // The event may be on its way.
        assert!(
            problems_while_orders_move(check(Some(row(1, 5, &[5])), &history(&both))).is_empty()
        );
    }

    #[test]
    fn a_body_that_was_never_placed_is_a_problem_unless_it_was_purged() {
        let mut history = history(&[(id(1), reserved(5))]);
        let detail = format!("the database has the body {}, which was never placed", digest(1));
        assert_eq!(problems(check(Some(row(1, 5, &[5])), &history)), of_order(&[&detail]));
        history.is_complete = false;
        assert!(problems(check(Some(row(1, 5, &[5])), &history)).is_empty());
    }

    #[test]
    fn only_an_order_that_was_withdrawn_first_has_a_row_without_content() {
        assert!(found(Decision::of(StockDecision::Voided), &[]).is_empty());
        let expected = of_order(&["its row has no content that can be read"]);
        assert_eq!(found(Decision::of(StockDecision::Released), &[]), expected);
    }

    #[test]
    fn an_acknowledged_body_is_in_the_stream_or_in_the_row() {
        let mut history = history(&[(id(1), created(1, &[5]))]);
        assert!(broken_promises(&[1], None, &history).is_empty());
        assert!(broken_promises(&[2], Some(row(2, 5, &[5])), &history).is_empty());
        let lost = format!("body {} was acknowledged and is lost", digest(2));
        assert_eq!(broken_promises(&[1, 2], Some(row(1, 5, &[5])), &history), of_order(&[&lost]));
        history.is_complete = false;
        assert!(broken_promises(&[2], None, &history).is_empty());
    }

    #[test]
    fn the_payment_is_of_the_total() {
        let decisions = [(id(1), row(1, 5, &[5])), (id(2), row(2, 5, &[5]))].into();
        let payment = |number, amount| HeldFunds {
            order_id: id(number),
            amount,
            is_pending: false,
            charge: Some(gbp(amount)),
            is_captured: true,
            cancelled_intent: None,
        };
        let payments = [payment(1, 4), payment(2, 5)];
        let found = problems(|verdict| verdict.check_charges(&payments, &decisions));
        assert_eq!(found, of_order(&["its total is 5 GBP, but its payment is of 4 GBP"]));
    }
}
