//! The money that payment's rows say is held, for the audit to compare with the provider.

use orders::{Money, OrderId};
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::step_input::{order_id, row_id};

/// The money held for one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFunds {
    /// The order.
    pub order_id: OrderId,
    /// Amount captured and not refunded, in minor units.
    pub amount: i64,
    /// Whether a charge is in progress: the provider may be ahead of the row.
    pub is_pending: bool,
    /// The amount of the payment; `None` for an order that was withdrawn before it.
    pub charge: Option<Money>,
    /// Whether `charge` was captured, even if it is refunded.
    pub is_captured: bool,
    /// The intent that was cancelled when the payment was ended: its buyer could have completed it.
    /// After a decline that needs no buyer the intent stays as it is, and only a worker could confirm
    /// it, which the row prevents.
    pub cancelled_intent: Option<String>,
}

/// A page of the money held for all orders, sorted by id: up to `limit` orders after `after`.
pub async fn page(
    database: &Database,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<HeldFunds>, DatabaseError> {
    let connection = database.connection().await?;
    let select = connection
        .prepare_cached(
            "SELECT order_id, CASE state WHEN 'paid' THEN amount ELSE 0 END,
                 state IN ('pending', 'requires_action'), amount, currency,
                 state IN ('paid', 'refunded'),
                 CASE WHEN state = 'barred' OR state = 'declined' AND action_at IS NOT NULL
                     THEN intent END
             FROM payment.payments WHERE order_id > $1 ORDER BY order_id LIMIT $2",
        )
        .await?;
    let after = after.map_or(Uuid::nil(), row_id);
    let rows = connection.query(&select, &[&after, &limit]).await?;
    let funds = rows.iter().map(|row| {
        let amount: Option<i64> = row.try_get(3)?;
        let currency: Option<&str> = row.try_get(4)?;
        let currency = currency.and_then(|currency| currency.parse().ok());
        Ok(HeldFunds {
            order_id: order_id(row.try_get(0)?),
            amount: row.try_get(1)?,
            is_pending: row.try_get(2)?,
            charge: amount.zip(currency).map(|(amount, currency)| Money { amount, currency }),
            is_captured: row.try_get(5)?,
            cancelled_intent: row.try_get(6)?,
        })
    });
    funds.collect()
}
