//! Stock: what was loaded, what is on hand, and what was shipped.

use std::collections::HashMap;

use orders::OrderId;
use workers::inventory::balance::StockImbalance;
use workers::inventory::decided_orders::StockDecision;

use super::Verdict;
use crate::audit::decisions::Decision;

impl Verdict {
    /// Reports the SKUs whose quantities do not add up.
    pub(crate) fn check_stock(&mut self, stock_imbalances: &[StockImbalance]) {
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

    /// Reports the orders that are shipped although their stock is not reserved. Both rows are of one
    /// snapshot, and neither is ever taken back, so the check holds at any moment.
    pub(crate) fn check_shipments(&mut self, decisions: &HashMap<OrderId, Decision>) {
        for (id, Decision { stock, is_shipped, .. }) in decisions {
            let state = match stock {
                // What cannot be read is a problem of its own.
                StockDecision::Reserved | StockDecision::Unknown => continue,
                StockDecision::Rejected => "was rejected",
                StockDecision::Released => "is released",
                StockDecision::Voided => "was withdrawn",
            };
            if *is_shipped {
                self.problem(id, &format!("is shipped, but its reservation {state}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::verdict::test_inputs::{id, problems};

    #[test]
    fn an_order_that_is_shipped_has_its_stock_reserved() {
        use StockDecision::*;
        let decided = [
            (id(1), Decision { is_shipped: true, ..Decision::of(Reserved) }),
            (id(2), Decision { is_shipped: true, ..Decision::of(Released) }),
            (id(3), Decision::of(Released)),
            (id(4), Decision::of(Voided)),
        ];
        let found = problems(|verdict| verdict.check_shipments(&decided.into()));
        assert_eq!(found, [format!("{}: is shipped, but its reservation is released", id(2))]);
    }

    #[test]
    fn a_sku_whose_quantities_do_not_add_up_is_a_problem() {
        let imbalance =
            StockImbalance { sku: "A".to_owned(), loaded: 10, on_hand: 10, reserved: 0, sold: 1 };
        let found = problems(|verdict| verdict.check_stock(&[imbalance]));
        assert_eq!(found, ["A: 10 loaded, 10 on hand + 0 reserved + 1 sold"]);
    }
}
