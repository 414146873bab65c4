//! The money of every order: as the database has it, and as the provider has it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use orders::OrderId;
use workers::database::Database;
use workers::payment::held_funds::{self, HeldFunds};
use workers::payment::provider::{Provider, Status};

use super::PAGE;

/// What the provider has taken for one order.
#[derive(Debug, Clone, Default)]
pub(super) struct Captured {
    /// Intents that succeeded: more than one is a second charge.
    pub(super) intents: u64,
    /// Minor units that were captured and not refunded.
    pub(super) amount: i64,
}

/// What payment says that it holds.
pub(super) async fn held(database: &Database) -> Result<Vec<HeldFunds>> {
    let mut all: Vec<HeldFunds> = Vec::new();
    loop {
        let after = all.last().map(|held| held.order_id);
        let page = held_funds::page(database, after, PAGE).await.context("reading the payments")?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// What the provider has taken, by order.
pub(super) async fn captured(provider: &Provider) -> Result<HashMap<OrderId, Captured>> {
    let mut orders_of = HashMap::new();
    let mut captured: HashMap<OrderId, Captured> = HashMap::new();
    let mut after = None;
    loop {
        let page = provider.list_intents(after.as_deref()).await.context("listing intents")?;
        after = page.data.last().map(|intent| intent.id.clone());
        for intent in page.data {
            let order = intent.metadata.order_id.as_deref().and_then(|id| id.parse().ok());
            let Some(order) = order.filter(|_| intent.status == Status::Succeeded) else {
                continue;
            };
            let its = captured.entry(order).or_default();
            its.intents += 1;
            its.amount += intent.amount_received;
            orders_of.insert(intent.id, order);
        }
        if !page.has_more {
            break;
        }
    }
    let mut after = None;
    loop {
        let page = provider.list_refunds(after.as_deref()).await.context("listing refunds")?;
        after = page.data.last().map(|refund| refund.id.clone());
        for refund in page.data {
            if let Some(order) = orders_of.get(&refund.payment_intent) {
                captured.entry(*order).or_default().amount -= refund.amount;
            }
        }
        if !page.has_more {
            return Ok(captured);
        }
    }
}
