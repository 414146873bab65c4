//! The row of what an order says besides what is ordered: where it is shipped to, how its buyer is reached, and
//! what its shop keeps with it. No other table has any of it.

use deadpool_postgres::Transaction;
use orders::PlaceOrder;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::database::DatabaseError;

/// Writes a row for each of `orders` that has such content, in the transaction of their reservations.
pub(super) async fn insert<'a>(
    transaction: &Transaction<'_>,
    orders: impl Iterator<Item = (Uuid, &'a PlaceOrder)>,
) -> Result<(), DatabaseError> {
    let orders: Vec<(Uuid, &PlaceOrder)> = orders.filter(|(_, it)| it.has_details()).collect();
    if orders.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO inventory.order_contents (order_id, shipping_address, contact, metadata)
             SELECT * FROM unnest($1::uuid[], $2::json[], $3::json[], $4::json[])
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let ids = column(&orders, |id, _| id);
    let addresses = column(&orders, |_, order| order.shipping_address.as_deref().map(Json));
    let contacts = column(&orders, |_, order| order.contact.as_deref().map(Json));
    let metadata =
        column(&orders, |_, order| (!order.metadata.is_empty()).then_some(Json(&order.metadata)));
    transaction.execute(&statement, &[&ids, &addresses, &contacts, &metadata]).await?;
    Ok(())
}

fn column<'a, T>(
    orders: &[(Uuid, &'a PlaceOrder)],
    value: impl Fn(Uuid, &'a PlaceOrder) -> T,
) -> Vec<T> {
    orders.iter().map(|(id, order)| value(*id, order)).collect()
}
