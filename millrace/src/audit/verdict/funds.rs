//! Money: what payment's rows say, and what the provider has.

use std::collections::HashMap;

use orders::{OrderId, OrderView, Status};
use workers::payment::held_funds::HeldFunds;

use super::Verdict;
use super::promises::shown;
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
            let provider = without_row.remove(&row.order_id).unwrap_or_default();
            self.compare_charge(row, &provider);
            let at_provider = provider.amount;
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

    /// Compares the amount of a payment with what was captured, even if it is refunded.
    fn compare_charge(&mut self, row: &HeldFunds, provider: &CapturedFunds) {
        if let (true, Some(charge), Some(captured)) = (row.is_captured, row.charge, provider.charge)
            && charge != captured
        {
            let (charge, captured) = (shown(charge), shown(captured));
            let detail = format!("its payment is of {charge}, but {captured} was captured");
            self.problem(&row.order_id, &detail);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::verdict::test_inputs::{gbp, id, problems, problems_while_orders_move};

    #[test]
    fn the_capture_is_of_the_payment_even_if_it_is_refunded() {
        let refunded = HeldFunds {
            order_id: id(1),
            amount: 0,
            is_pending: false,
            charge: Some(gbp(5)),
            is_captured: true,
        };
        let captured = |amount| CapturedFunds { intents: 1, charge: Some(gbp(amount)), amount: 0 };
        let check = |amount| {
            let (held, captured) = ([refunded.clone()], [(id(1), captured(amount))].into());
            move |verdict: &mut Verdict| verdict.check_funds(&held, &captured)
        };
        assert!(problems(check(5)).is_empty());
        let expected = format!("{}: its payment is of 5 GBP, but 4 GBP was captured", id(1));
        assert_eq!(problems(check(4)), std::slice::from_ref(&expected));
        assert_eq!(problems_while_orders_move(check(4)), [expected]);
    }
}
