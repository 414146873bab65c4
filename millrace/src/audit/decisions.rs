//! What inventory has decided about every order, and what of that was shipped.

use std::collections::HashMap;

use anyhow::{Context, Result};
use orders::OrderId;
use workers::database::Database;
use workers::inventory::decided_orders::{self, DecidedOrder, StockDecision};

use super::content::Content;
use crate::limits::ORDERS_PAGE_SIZE;

/// The decision about one order.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) stock: StockDecision,
    pub(super) is_shipped: bool,
    /// What was placed; `None` if the order was withdrawn before inventory processed it.
    pub(super) content: Option<Content>,
}

/// The decisions about all orders.
pub(super) async fn read(database: &Database) -> Result<HashMap<OrderId, Decision>> {
    let mut decisions = HashMap::new();
    let mut after = None;
    loop {
        let page = decided_orders::page(database, after, ORDERS_PAGE_SIZE);
        let page = page.await.context("cannot read the reservations from the database")?;
        let Some(last) = page.last() else { return Ok(decisions) };
        after = Some(last.order_id);
        decisions.extend(page.into_iter().map(|order| (order.order_id, Decision::from(order))));
    }
}

impl From<DecidedOrder> for Decision {
    fn from(order: DecidedOrder) -> Self {
        let content =
            order.placed.map(|it| Content::new(it.digest, it.total, &it.lines, &it.adjustments));
        Self { stock: order.decision, is_shipped: order.is_shipped, content }
    }
}

#[cfg(test)]
impl Decision {
    /// An order that is not shipped.
    pub(super) fn of(stock: StockDecision) -> Self {
        Self { stock, is_shipped: false, content: None }
    }
}
