//! The comparison of what the audit has read: pure, without I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use orders::{OrderId, OrderView, Reason, Status};
use streams::dead_letter::StoredDeadLetter;
use streams::{Difference, Impact};
use workers::Discrepancy;
use workers::inventory::balance::StockImbalance;
use workers::order_view::UnreadableRow;
use workers::payment::held_funds::HeldFunds;

use super::funds::CapturedFunds;
use super::observers::ObserverFindings;
use super::report::{ListedDeadLetter, Problem, Report};
use super::stream_history::{OrderHistory, StreamHistory};
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
pub(super) struct OrderRows<'a> {
    pub(super) views: &'a HashMap<OrderId, OrderView>,
    /// Orders that only a newer version can read, and so audit.
    pub(super) unreadable: &'a HashMap<OrderId, UnreadableRow>,
}

const NO_EVENT: &str =
    ", and its last event is not in the stream any more: `--repair` requests its cancellation";

/// The verdict of an audit, built check by check.
pub(super) struct Verdict {
    report: Report,
    /// Whether nothing moved while the sources were read, so that all of them must agree.
    is_quiescent: bool,
    stuck: Vec<StuckOrder>,
    problems: u64,
}

impl Verdict {
    pub(super) fn new(report: Report, is_quiescent: bool) -> Self {
        let report = Report { quiet: is_quiescent, ..report };
        Self { report, is_quiescent, stuck: Vec::new(), problems: 0 }
    }

    /// The report, and the stuck orders.
    pub(super) fn into_report(mut self) -> (Report, Vec<StuckOrder>) {
        let unlisted = self.problems.saturating_sub(PROBLEMS_LISTED_MAX as u64);
        if unlisted > 0 {
            let detail = format!("{unlisted} more problems are not listed");
            self.report.problems.push(Problem { subject: "audit".to_owned(), detail });
        }
        self.report.passed = self.problems == 0;
        (self.report, self.stuck)
    }

    /// Reports streams and durable consumers that are missing, and settings that lose orders.
    pub(super) fn check_topology(&mut self, differences: &[Difference]) {
        let is_problem = |it: &&Difference| it.impact == Impact::BreaksPromise || it.is_missing();
        for difference in differences.iter().filter(is_problem) {
            self.problem(&"brokers", &difference.to_string());
        }
    }

    /// Compares the acknowledged orders, the stream and the database, order by order.
    pub(super) fn check_orders(
        &mut self,
        acknowledged: &BTreeSet<OrderId>,
        history: &StreamHistory,
        dead_letters: &[StoredDeadLetter],
        orders: &OrderRows<'_>,
    ) {
        let OrderRows { views, unreadable } = orders;
        let count = if acknowledged.is_empty() { history.orders.len() } else { acknowledged.len() };
        self.report.acknowledged = count as u64;
        self.report.dead_letters =
            dead_letters.iter().take(PROBLEMS_LISTED_MAX).map(listed).collect();
        let dead: HashSet<OrderId> =
            dead_letters.iter().filter_map(StoredDeadLetter::order_id).collect();
        for (id, err) in *unreadable {
            self.problem(id, &err.to_string());
        }
        let has_rows = |id| views.contains_key(id) || unreadable.contains_key(id);
        for id in acknowledged {
            if !history.orders.contains_key(id) && !has_rows(id) {
                self.report.lost += 1;
                self.problem(id, "was acknowledged and is lost");
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

    /// Compares the amounts that the payment rows say are held with those that the provider holds.
    pub(super) fn check_funds(
        &mut self,
        held: &[HeldFunds],
        captured: &HashMap<OrderId, CapturedFunds>,
    ) {
        for (id, funds) in captured.iter().filter(|(_, funds)| funds.intents > 1) {
            self.report.charged_twice += 1;
            self.problem(id, &format!("was charged {} times", funds.intents));
        }
        let mut without_row = captured.clone();
        for row in held {
            let at_provider = without_row.remove(&row.order_id).unwrap_or_default().amount;
            // The provider may be ahead of the row, in a charge as well as in a refund.
            let is_provider_ahead =
                !self.is_quiescent && (row.is_pending || at_provider < row.amount);
            if at_provider != row.amount && !is_provider_ahead {
                let detail = format!(
                    "{} is held according to the database, {at_provider} at the provider",
                    row.amount
                );
                self.problem(&row.order_id, &detail);
            }
        }
        if self.is_quiescent {
            for (id, funds) in without_row {
                let detail = format!(
                    "{} is held at the provider, but the database has no payment",
                    funds.amount
                );
                self.problem(&id, &detail);
            }
        }
    }

    /// Compares the final states of orders with what the provider holds for them. The money is
    /// refunded before an order is cancelled, and captured before it is shipped, so the check holds
    /// at any moment.
    pub(super) fn check_final_states(
        &mut self,
        views: &HashMap<OrderId, OrderView>,
        captured: &HashMap<OrderId, CapturedFunds>,
    ) {
        for (id, view) in views {
            let held = captured.get(id).map_or(0, |funds| funds.amount);
            match view.status {
                Status::Fulfilled if held <= 0 => {
                    self.problem(id, "was shipped but no money is held for it");
                }
                Status::Rejected | Status::Cancelled if held != 0 => {
                    let detail = format!("is {} but {held} is held for it", view.status);
                    self.problem(id, &detail);
                }
                _ => {}
            }
        }
    }

    /// Reports the SKUs whose quantities do not add up.
    pub(super) fn check_stock(&mut self, stock_imbalances: &[StockImbalance]) {
        for row in stock_imbalances {
            let StockImbalance { sku, loaded, on_hand, reserved, sold } = row;
            if row.is_oversold() {
                self.report.oversold_skus.push(sku.clone());
            }
            let detail =
                format!("{loaded} loaded, {on_hand} on hand + {reserved} reserved + {sold} sold");
            self.problem(sku, &detail);
        }
    }

    /// Reports the rows of observing pools that do not agree with the orders.
    pub(super) fn check_observers(&mut self, observers: BTreeMap<&str, ObserverFindings>) {
        for (pool, findings) in observers {
            for Discrepancy { subject, detail } in &findings.discrepancies {
                self.problem(&format!("{pool} {subject}"), detail);
            }
            self.report.observers.insert(pool.to_owned(), findings);
        }
    }

    fn problem(&mut self, subject: &impl ToString, detail: &str) {
        self.problems += 1;
        if self.report.problems.len() < PROBLEMS_LISTED_MAX {
            let (subject, detail) = (subject.to_string(), detail.to_owned());
            self.report.problems.push(Problem { subject, detail });
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
