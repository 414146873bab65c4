//! The money held for every order: according to the database, and according to the provider.

use std::collections::HashMap;

use anyhow::{Context, Result};
use orders::{Money, OrderId};
use workers::database::Database;
use workers::payment::held_funds::{self, HeldFunds};
use workers::payment::provider::{Provider, Status};

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

/// The money that the provider has captured, by order.
pub(super) async fn captured(provider: &Provider) -> Result<HashMap<OrderId, CapturedFunds>> {
    let mut order_by_intent = HashMap::new();
    let mut captured: HashMap<OrderId, CapturedFunds> = HashMap::new();
    let mut after = None;
    loop {
        let page = provider.list_intents(after.as_deref());
        let page = page.await.context("cannot list the provider's intents")?;
        after = page.data.last().map(|intent| intent.id.clone());
        for intent in page.data {
            let order = intent.metadata.order_id.as_deref().and_then(|id| id.parse().ok());
            let Some(order) = order.filter(|_| intent.status == Status::Succeeded) else {
                continue;
            };
            let funds = captured.entry(order).or_default();
            funds.intents += 1;
            let currency = intent.currency.to_ascii_uppercase().parse().ok();
            funds.charge =
                currency.map(|currency| Money { amount: intent.amount_received, currency });
            funds.amount += intent.amount_received;
            order_by_intent.insert(intent.id, order);
        }
        if !page.has_more {
            break;
        }
    }
    let mut after = None;
    loop {
        let page = provider.list_refunds(after.as_deref());
        let page = page.await.context("cannot list the provider's refunds")?;
        after = page.data.last().map(|refund| refund.id.clone());
        for refund in page.data.into_iter().filter(|refund| refund.status.may_return_money()) {
            if let Some(order) = order_by_intent.get(&refund.payment_intent) {
                captured.entry(*order).or_default().amount -= refund.amount;
            }
        }
        if !page.has_more {
            return Ok(captured);
        }
    }
}
