//! Money: what payment's rows say, and what the provider has.

use std::collections::HashMap;

use orders::{OrderId, OrderView, Status};
use workers::payment::held_funds::HeldFunds;

use super::Verdict;
use crate::audit::funds::CapturedFunds;

impl Verdict {
    /// Compares the amounts that the payment rows say are held with those that the provider holds.
    pub(crate) fn check_funds(
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
    pub(crate) fn check_final_states(
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
}
