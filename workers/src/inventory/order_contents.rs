//! The row of what an order says besides what is ordered: who its customer is, where it is shipped to, how its buyer is
//! reached, and what its shop keeps with it. No other table has any of it, but for the customers of orders that an
//! earlier version has processed.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use orders::{Metadata, Money, OrderContents, OrderId, PlaceOrder, Unanswered};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::queries::Answer;
use crate::step_input::row_id;

/// Writes a row for each of `orders` that has such content, in the transaction of their reservations.
pub(super) async fn insert<'a>(
    transaction: &Transaction<'_>,
    orders: impl Iterator<Item = (Uuid, &'a PlaceOrder)>,
) -> Result<(), DatabaseError> {
    let has_content = |order: &PlaceOrder| order.has_details() || order.customer_id.is_some();
    let orders: Vec<(Uuid, &PlaceOrder)> = orders.filter(|(_, it)| has_content(it)).collect();
    if orders.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO inventory.order_contents
                 (order_id, shipping_address, contact, metadata, adjustments, customer_id)
             SELECT * FROM unnest($1::uuid[], $2::json[], $3::json[], $4::json[], $5::json[],
                 $6::text[])
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let ids = column(&orders, |id, _| id);
    let addresses = column(&orders, |_, order| order.shipping_address.as_deref().map(Json));
    let contacts = column(&orders, |_, order| order.contact.as_deref().map(Json));
    let metadata =
        column(&orders, |_, order| (!order.metadata.is_empty()).then_some(Json(&order.metadata)));
    let adjustments = column(&orders, |_, order| {
        (!order.adjustments.is_empty()).then_some(Json(&order.adjustments))
    });
    let customers = column(&orders, |_, order| order.customer_id.as_deref());
    let values: [&(dyn ToSql + Sync); 6] =
        [&ids, &addresses, &contacts, &metadata, &adjustments, &customers];
    transaction.execute(&statement, &values).await?;
    Ok(())
}

/// What each order says: one entry for each id, in the same order; `None` for an order that inventory has not
/// processed.
pub(super) async fn look_up(
    database: &Database,
    ids: &[OrderId],
) -> Result<Vec<Answer<OrderContents>>, DatabaseError> {
    let connection = database.connection().await?;
    let statement = connection
        .prepare_cached(
            "SELECT order_id, total, currency, lines, reference, shipping_address, contact, metadata,
                 adjustments, coalesce(contents.customer_id, reservations.customer_id) AS customer_id,
                 erased_by IS NOT NULL AS erased
             FROM inventory.reservations
             LEFT JOIN inventory.order_contents AS contents USING (order_id)
             WHERE order_id = ANY($1) AND lines IS NOT NULL",
        )
        .await?;
    let row_ids: Vec<Uuid> = ids.iter().map(|id| row_id(*id)).collect();
    let mut found: HashMap<Uuid, Answer<OrderContents>> = HashMap::new();
    for row in connection.query(&statement, &[&row_ids]).await? {
        // Why a row cannot be read is not said: that may repeat what is about a person.
        found.insert(row.try_get(0)?, read(&row).map(Some).ok_or(Unanswered::Unreadable));
    }
    Ok(row_ids.iter().map(|id| found.get(id).cloned().unwrap_or(Ok(None))).collect())
}

/// `None` if a newer version has written the row.
fn read(row: &Row) -> Option<OrderContents> {
    let currency: &str = row.try_get("currency").ok()?;
    let Json(lines) = row.try_get("lines").ok()?;
    let address: Option<Json<_>> = row.try_get("shipping_address").ok()?;
    let contact: Option<Json<_>> = row.try_get("contact").ok()?;
    let metadata: Option<Json<_>> = row.try_get("metadata").ok()?;
    let adjustments: Option<Json<_>> = row.try_get("adjustments").ok()?;
    Some(OrderContents {
        total: Money { amount: row.try_get("total").ok()?, currency: currency.parse().ok()? },
        lines,
        customer_id: row.try_get("customer_id").ok()?,
        reference: row.try_get("reference").ok()?,
        shipping_address: address.map(|Json(address)| address),
        contact: contact.map(|Json(contact)| contact),
        adjustments: adjustments.map_or_else(Vec::new, |Json(adjustments)| adjustments),
        metadata: metadata.map_or_else(Metadata::default, |Json(metadata)| metadata),
        erased: row.try_get("erased").ok()?,
    })
}

fn column<'a, T>(
    orders: &[(Uuid, &'a PlaceOrder)],
    value: impl Fn(Uuid, &'a PlaceOrder) -> T,
) -> Vec<T> {
    orders.iter().map(|(id, order)| value(*id, order)).collect()
}
