//! The money held for every order: according to the database, and according to the provider.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use orders::{Money, OrderId};
use workers::database::Database;
use workers::payment::held_funds::{self, HeldFunds};
use workers::payment::provider::{Intent, Provider, Refund, Status};

use crate::limits::ORDERS_PAGE_SIZE;

/// The money that the provider has captured for one order.
#[derive(Debug, Clone, Default)]
pub(super) struct CapturedFunds {
    /// Intents that succeeded: more than one is a double charge.
    pub(super) intents: u64,
    /// Amount captured, with its currency; of several intents that of the last one.
    pub(super) charge: Option<Money>,
    /// Amount captured and not refunded, in minor units.
    pub(super) amount: i64,
}

/// What the provider has.
#[derive(Debug, Clone, Default)]
pub(super) struct ProviderFunds {
    /// The captures, by order.
    pub(super) orders: HashMap<OrderId, CapturedFunds>,
    /// The amounts of captures that name no order, by intent, without what is refunded.
    pub(super) stray: BTreeMap<String, i64>,
    /// Intents of orders that are neither captured nor cancelled.
    pub(super) open: Vec<OpenIntent>,
    pub(super) order_by_intent: HashMap<String, OrderId>,
}

/// An intent that is neither captured nor cancelled.
#[derive(Debug, Clone)]
pub(super) struct OpenIntent {
    pub(super) id: String,
    pub(super) order: OrderId,
    pub(super) status: Status,
}

/// The money that is held for every order according to the payment rows.
pub(super) async fn held(database: &Database) -> Result<Vec<HeldFunds>> {
    let mut all: Vec<HeldFunds> = Vec::new();
    loop {
        let after = all.last().map(|funds| funds.order_id);
        let page = held_funds::page(database, after, ORDERS_PAGE_SIZE);
        let page = page.await.context("cannot read the payments from the database")?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

impl ProviderFunds {
    /// Reads every intent and every refund.
    pub(super) async fn read(provider: &Provider) -> Result<Self> {
        let mut funds = Self::default();
        let mut after = None;
        loop {
            let page = provider.list_intents(after.as_deref());
            let page = page.await.context("cannot list the provider's intents")?;
            after = page.data.last().map(|intent| intent.id.clone());
            page.data.into_iter().for_each(|intent| funds.add_intent(intent));
            if !page.has_more {
                break;
            }
        }
        let mut after = None;
        loop {
            let page = provider.list_refunds(after.as_deref());
            let page = page.await.context("cannot list the provider's refunds")?;
            after = page.data.last().map(|refund| refund.id.clone());
            page.data.iter().for_each(|refund| funds.add_refund(refund));
            if !page.has_more {
                return Ok(funds);
            }
        }
    }

    fn add_intent(&mut self, intent: Intent) {
        let order = intent.metadata.order_id.as_deref().and_then(|id| id.parse().ok());
        match (intent.status, order) {
            (Status::Succeeded, Some(order)) => {
                let funds = self.orders.entry(order).or_default();
                funds.intents += 1;
                let currency = intent.currency.to_ascii_uppercase().parse().ok();
                funds.charge =
                    currency.map(|currency| Money { amount: intent.amount_received, currency });
                funds.amount += intent.amount_received;
                self.order_by_intent.insert(intent.id, order);
            }
            (Status::Succeeded, None) => {
                self.stray.insert(intent.id, intent.amount_received);
            }
            (Status::Canceled, _) | (_, None) => {}
            (status, Some(order)) => self.open.push(OpenIntent { id: intent.id, order, status }),
        }
    }

    fn add_refund(&mut self, refund: &Refund) {
        if !refund.status.may_return_money() {
            return;
        }
        if let Some(amount) = self.stray.get_mut(&refund.payment_intent) {
            *amount -= refund.amount;
        } else if let Some(order) = self.order_by_intent.get(&refund.payment_intent) {
            self.orders.entry(*order).or_default().amount -= refund.amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit::verdict::test_inputs::{gbp, id};

    fn intent(name: &str, order: Option<&str>, status: &str) -> Intent {
        let intent = json!({
            "id": name, "amount": 5, "amount_received": 5, "currency": "gbp", "status": status,
            "metadata": {"order_id": order},
        });
        serde_json::from_value(intent).unwrap()
    }

    #[test]
    fn captures_without_an_order_and_open_intents_are_kept() {
        let mut funds = ProviderFunds::default();
        let order = id(1).to_string();
        funds.add_intent(intent("pi_1", Some(&order), "succeeded"));
        funds.add_intent(intent("pi_2", None, "succeeded"));
        funds.add_intent(intent("pi_3", Some("not an order"), "succeeded"));
        funds.add_intent(intent("pi_4", Some(&order), "canceled"));
        funds.add_intent(intent("pi_5", Some(&order), "requires_action"));
        let refund = json!({
            "id": "re", "amount": 2, "payment_intent": "pi_2", "status": "succeeded",
        });
        funds.add_refund(&serde_json::from_value(refund).unwrap());

        assert_eq!((funds.orders[&id(1)].amount, funds.orders[&id(1)].charge), (5, Some(gbp(5))));
        assert_eq!(funds.stray, [("pi_2".to_owned(), 3), ("pi_3".to_owned(), 5)].into());
        assert_eq!(funds.open.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["pi_5"]);
    }
}
