//! Money: what payment's rows say, and what the provider has.

use std::collections::{HashMap, HashSet};

use orders::{OrderId, OrderView, Status};
use workers::payment::held_funds::HeldFunds;
use workers::payment::provider::Status as IntentStatus;

use super::Verdict;
use super::promises::shown;
use crate::audit::decisions::Decision;
use crate::audit::funds::{CapturedFunds, OpenIntent, ProviderFunds};

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
            for (id, funds) in without_row.into_iter().filter(|(_, funds)| funds.amount != 0) {
                let mut detail = format!(
                    "{} is held at the provider, but the database has no payment",
                    funds.amount
                );
                if self.report.restored.is_some() {
                    detail += ": its client repeats the order, or it is refunded at the provider";
                }
                self.problem(&id, &detail);
            }
        }
    }

    /// Reports the captures that name no order. What was refunded by hand is not a problem any more.
    pub(crate) fn check_stray_captures(&mut self, provider: &ProviderFunds) {
        for (intent, amount) in provider.stray.iter().filter(|(_, amount)| **amount != 0) {
            self.problem(intent, &format!("{amount} was captured without an order"));
        }
    }

    /// Reports the open intents that may still capture money for an order in a final state: those that
    /// wait for their buyer or the bank, and those that were to be cancelled.
    pub(crate) fn check_open_intents(
        &mut self,
        open: &[OpenIntent],
        held: &[HeldFunds],
        views: &HashMap<OrderId, OrderView>,
    ) {
        if !self.is_quiescent {
            return;
        }
        let cancelled: HashSet<&str> =
            held.iter().filter_map(|row| row.cancelled_intent.as_deref()).collect();
        for OpenIntent { id, order, status: intent_status } in open {
            let needs_worker = matches!(
                intent_status,
                IntentStatus::RequiresConfirmation | IntentStatus::RequiresPaymentMethod
            );
            let status = views.get(order).map_or(Status::Accepted, |view| view.status);
            if status.is_final() && (!needs_worker || cancelled.contains(id.as_str())) {
                let detail = format!("is {status}, but its intent {id} is open: {intent_status:?}");
                self.problem(order, &detail);
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

    /// Compares the final states of orders with what the provider holds for them: nothing, for an order
    /// that costs nothing. The money is refunded before an order is cancelled, and captured before it is
    /// shipped, so the check holds at any moment.
    pub(crate) fn check_final_states(
        &mut self,
        views: &HashMap<OrderId, OrderView>,
        captured: &HashMap<OrderId, CapturedFunds>,
        decisions: &HashMap<OrderId, Decision>,
    ) {
        let is_free = |id: &OrderId| {
            let content = decisions.get(id).and_then(|decision| decision.content.as_ref());
            content.is_some_and(|content| content.total.amount == 0)
        };
        for (id, view) in views {
            let held = captured.get(id).map_or(0, |funds| funds.amount);
            match view.status {
                Status::Fulfilled if held <= 0 && !is_free(id) => {
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
    use crate::audit::verdict::test_inputs::{
        gbp, id, problems, problems_while_orders_move, row, view,
    };

    #[test]
    fn the_capture_is_of_the_payment_even_if_it_is_refunded() {
        let refunded = HeldFunds {
            order_id: id(1),
            amount: 0,
            is_pending: false,
            charge: Some(gbp(5)),
            is_captured: true,
            cancelled_intent: None,
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

    #[test]
    fn a_capture_without_an_order_is_a_problem_until_it_is_refunded() {
        let stray = [("pi_1".to_owned(), 777), ("pi_2".to_owned(), 0)].into();
        let provider = ProviderFunds { stray, ..ProviderFunds::default() };
        let found = problems_while_orders_move(|verdict| verdict.check_stray_captures(&provider));
        assert_eq!(found, ["pi_1: 777 was captured without an order"]);
    }

    #[test]
    fn a_capture_of_an_unknown_order_is_a_problem_once_no_order_is_new() {
        let captured = CapturedFunds { intents: 1, charge: Some(gbp(7)), amount: 7 };
        let captured = [(id(1), captured)].into();
        let expected =
            format!("{}: 7 is held at the provider, but the database has no payment", id(1));
        assert_eq!(problems(|verdict| verdict.check_funds(&[], &captured)), [expected]);
        assert!(
            problems_while_orders_move(|verdict| verdict.check_funds(&[], &captured)).is_empty()
        );
    }

    #[test]
    fn an_order_is_shipped_without_money_only_if_it_costs_nothing() {
        let views = [1, 2].map(|number| (id(number), view(Status::Fulfilled))).into();
        let decisions = [(id(1), row(1, 0, &[])), (id(2), row(2, 5, &[5]))].into();
        let check =
            |verdict: &mut Verdict| verdict.check_final_states(&views, &HashMap::new(), &decisions);
        let expected = format!("{}: was shipped but no money is held for it", id(2));
        assert_eq!(problems(check), [expected]);
    }

    #[test]
    fn an_intent_that_may_still_capture_money_for_a_final_order_is_a_problem() {
        use IntentStatus::*;
        let open = |name: &str, order, status| OpenIntent {
            id: name.to_owned(),
            order: id(order),
            status,
        };
        let intents = [
            open("pi_authenticated", 1, RequiresAction),
            open("pi_of_a_plain_decline", 1, RequiresPaymentMethod),
            open("pi_unused", 2, RequiresConfirmation),
            open("pi_cancelled", 2, RequiresPaymentMethod),
            open("pi_of_a_waiting_order", 3, RequiresAction),
        ];
        let held = [HeldFunds {
            order_id: id(2),
            amount: 0,
            is_pending: false,
            charge: Some(gbp(5)),
            is_captured: false,
            cancelled_intent: Some("pi_cancelled".to_owned()),
        }];
        let views = [
            (id(1), view(Status::Cancelled)),
            (id(2), view(Status::Cancelled)),
            (id(3), view(Status::RequiresAction)),
        ]
        .into();
        let check = |verdict: &mut Verdict| verdict.check_open_intents(&intents, &held, &views);
        let expected =
            [(1, "pi_authenticated", RequiresAction), (2, "pi_cancelled", RequiresPaymentMethod)]
                .map(|(order, name, status)| {
                    format!(
                        "{}: is cancelled, but its intent {name} is open: {status:?}",
                        id(order)
                    )
                });
        assert_eq!(problems(check), expected);
        assert!(problems_while_orders_move(check).is_empty());
    }
}
