//! The comparison itself: pure, on what was read.

use std::collections::{BTreeSet, HashMap, HashSet};

use orders::{OrderId, OrderView, Reason, Status};
use streams::dead_letter::StoredDeadLetter;
use workers::inventory::balance::StockImbalance;
use workers::payment::held_funds::HeldFunds;

use super::money::Captured;
use super::report::{NamedLetter, Problem, Report};
use super::tape::{Tape, Told};

/// Problems that are listed; all are counted.
const PROBLEMS_LISTED_MAX: usize = 100;

/// An audit in the making.
pub(super) struct Verdict {
    report: Report,
    /// Whether nothing moved while the books were read, so that all must agree.
    quiet: bool,
    stuck: Vec<(OrderId, u64)>,
    problems: u64,
}

impl Verdict {
    pub(super) fn new(report: Report, quiet: bool) -> Self {
        let report = Report { quiet, ..report };
        Self { report, quiet, stuck: Vec::new(), problems: 0 }
    }

    /// The report, and the orders that are stuck.
    pub(super) fn close(mut self) -> (Report, Vec<(OrderId, u64)>) {
        let unlisted = self.problems.saturating_sub(PROBLEMS_LISTED_MAX as u64);
        if unlisted > 0 {
            let detail = format!("{unlisted} problems more");
            self.report.problems.push(Problem { subject: "and".to_owned(), detail });
        }
        self.report.passed = self.problems == 0;
        (self.report, self.stuck)
    }

    /// Compares what was promised, what was told and what the rows say, order by order.
    pub(super) fn orders(
        &mut self,
        promised: &BTreeSet<OrderId>,
        tape: &Tape,
        letters: &[StoredDeadLetter],
        views: &HashMap<OrderId, OrderView>,
    ) {
        let count = if promised.is_empty() { tape.orders.len() } else { promised.len() };
        self.report.acknowledged = count as u64;
        self.report.dead_letters = letters.iter().take(PROBLEMS_LISTED_MAX).map(named).collect();
        let dead: HashSet<OrderId> =
            letters.iter().filter_map(StoredDeadLetter::order_id).collect();
        for id in promised {
            if !tape.orders.contains_key(id) && !views.contains_key(id) {
                self.report.lost += 1;
                self.problem(id, "was acknowledged and is lost");
            }
        }
        for (id, told) in &tape.orders {
            self.compare(*id, told, views.get(id));
            self.count(*id, told, views.get(id), dead.contains(id));
        }
        for (id, view) in views.iter().filter(|(id, _)| !tape.orders.contains_key(*id)) {
            if tape.is_whole && self.quiet {
                self.problem(id, "has rows and is not in the stream");
            }
            self.count(*id, &Told::default(), Some(view), dead.contains(id));
        }
    }

    fn compare(&mut self, id: OrderId, told: &Told, view: Option<&OrderView>) {
        if told.is_duplicated {
            self.report.duplicated += 1;
            self.problem(&id, "has two different outcomes of one step");
        }
        let told = told.status.unwrap_or(Status::Accepted);
        let stands = view.map_or(Status::Accepted, |view| view.status);
        // The rows are written before they are told about, and were read later.
        let agree = told == stands || (!self.quiet && told < stands && !told.is_final());
        if !agree {
            self.problem(&id, &format!("is {stands} by its rows and {told} by the stream"));
        }
    }

    fn count(&mut self, id: OrderId, told: &Told, view: Option<&OrderView>, is_dead: bool) {
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
                if self.quiet {
                    self.problem(&id, &format!("is stuck at {status}"));
                    self.stuck.extend((told.sequence > 0).then_some((id, told.sequence)));
                }
            }
        }
    }

    /// Compares what payment says that it holds with what the provider has.
    pub(super) fn money(&mut self, held: &[HeldFunds], captured: &HashMap<OrderId, Captured>) {
        for (id, captured) in captured.iter().filter(|(_, captured)| captured.intents > 1) {
            self.report.charged_twice += 1;
            self.problem(id, &format!("was charged {} times", captured.intents));
        }
        let mut without_row = captured.clone();
        for row in held {
            let taken = without_row.remove(&row.order_id).unwrap_or_default().amount;
            // The provider is ahead of the row, in either direction.
            let is_moving = !self.quiet && (row.is_pending || taken < row.amount);
            if taken != row.amount && !is_moving {
                let detail = format!("{} is held by its row, {taken} at the provider", row.amount);
                self.problem(&row.order_id, &detail);
            }
        }
        if self.quiet {
            for (id, captured) in without_row {
                let detail =
                    format!("{} is held at the provider and no row says so", captured.amount);
                self.problem(&id, &detail);
            }
        }
    }

    /// Compares how orders ended with what the provider holds for them. Money goes back before an
    /// order is cancelled, and comes before it is shipped, so this holds at any moment.
    pub(super) fn ends(
        &mut self,
        views: &HashMap<OrderId, OrderView>,
        captured: &HashMap<OrderId, Captured>,
    ) {
        for (id, view) in views {
            let held = captured.get(id).map_or(0, |captured| captured.amount);
            match view.status {
                Status::Fulfilled if held <= 0 => {
                    self.problem(id, "is shipped and nothing is held for it");
                }
                Status::Rejected | Status::Cancelled if held != 0 => {
                    self.problem(id, &format!("is {} and {held} is held for it", view.status));
                }
                _ => {}
            }
        }
    }

    /// Tells the SKUs whose numbers do not add up.
    pub(super) fn stock(&mut self, stock_imbalances: &[StockImbalance]) {
        for row in stock_imbalances {
            let StockImbalance { sku, loaded, on_hand, reserved, sold } = row;
            if row.is_oversold() {
                self.report.oversold_skus.push(sku.clone());
            }
            let detail =
                format!("{loaded} put in, {on_hand} on hand + {reserved} reserved + {sold} sold");
            self.problem(sku, &detail);
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

fn named(letter: &StoredDeadLetter) -> NamedLetter {
    NamedLetter {
        number: letter.number,
        step: letter.content.step.clone(),
        reason: letter.content.reason.as_str().to_owned(),
        error: letter.content.error.clone(),
        order_id: letter.order_id().map(|id| id.to_string()),
    }
}
