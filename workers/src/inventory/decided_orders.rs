//! What inventory's rows say about every order, for the audit to compare with the stream, with the
//! payments and with the shipments.

use orders::{Adjustment, BodyDigest, Money, OrderId, OrderLine};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::step_input::{order_id, row_id};

/// Inventory's decision about one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedOrder {
    /// The order.
    pub order_id: OrderId,
    /// What was decided.
    pub decision: StockDecision,
    /// Whether fulfilment has shipped it, in the same snapshot of the database.
    pub is_shipped: bool,
    /// What was placed; `None` for an order that was withdrawn before inventory processed it, and for
    /// one whose row cannot be read.
    pub placed: Option<PlacedContent>,
}

/// What inventory decided about the stock of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockDecision {
    /// Every line is reserved.
    Reserved,
    /// Nothing was reserved.
    Rejected,
    /// It was reserved, and is on hand again.
    Released,
    /// It was withdrawn first, and will never be reserved.
    Voided,
    /// A state of a newer version.
    Unknown,
}

/// The content of an order, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedContent {
    /// The digest of the body.
    pub digest: BodyDigest,
    /// The total.
    pub total: Money,
    /// The lines.
    pub lines: Vec<OrderLine>,
    /// What is added to them, and what is taken off.
    pub adjustments: Vec<Adjustment>,
}

/// A page of the decisions about all orders, sorted by id: up to `limit` orders after `after`. A row
/// that cannot be read hides no other one.
pub async fn page(
    database: &Database,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<DecidedOrder>, DatabaseError> {
    let connection = database.connection().await?;
    let select = connection
        .prepare_cached(
            "SELECT order_id, state, shipped_at IS NOT NULL, digest, total, currency, lines, adjustments
             FROM (SELECT * FROM inventory.reservations
                   WHERE order_id > $1 ORDER BY order_id LIMIT $2) AS reservations
             LEFT JOIN fulfilment.shipped_orders USING (order_id)
             LEFT JOIN inventory.order_contents USING (order_id) ORDER BY order_id",
        )
        .await?;
    let after = after.map_or(Uuid::nil(), row_id);
    let rows = connection.query(&select, &[&after, &limit]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<DecidedOrder, DatabaseError> {
    let state: &str = row.try_get(1)?;
    let decision = match state {
        "reserved" => StockDecision::Reserved,
        "rejected" => StockDecision::Rejected,
        "released" => StockDecision::Released,
        "barred" => StockDecision::Voided,
        _ => StockDecision::Unknown,
    };
    let digest: Option<&[u8]> = row.try_get(3)?;
    let digest = digest.and_then(|digest| digest.try_into().ok()).map(BodyDigest::from_bytes);
    let total: Option<i64> = row.try_get(4)?;
    let currency: Option<&str> = row.try_get(5)?;
    let currency = currency.and_then(|currency| currency.parse().ok());
    let lines: Option<Json<Vec<OrderLine>>> = row.try_get(6).unwrap_or_default();
    let adjustments: Option<Option<Json<Vec<Adjustment>>>> = row.try_get(7).ok();
    let adjustments = adjustments.map(|it| it.map_or_else(Vec::new, |Json(it)| it));
    let placed = match (digest, total, currency, lines, adjustments) {
        (Some(digest), Some(amount), Some(currency), Some(Json(lines)), Some(adjustments)) => {
            let total = Money { amount, currency };
            Some(PlacedContent { digest, total, lines, adjustments })
        }
        _ => None,
    };
    Ok(DecidedOrder {
        order_id: order_id(row.try_get(0)?),
        decision,
        is_shipped: row.try_get(2)?,
        placed,
    })
}
