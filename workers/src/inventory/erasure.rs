//! Erasing what is known of a customer: each row of theirs keeps what was ordered and paid, and its digest.

use std::time::SystemTime;

use orders::OrderId;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::step_input::{StepError, order_id, row_id};

/// An erasure that is recorded: who asked for it, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure(i64);

/// What an erasure has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Orders whose rows say nothing about a person any longer.
    pub orders: u64,
    /// The same of dead letters.
    pub letters: u64,
    /// Orders that were left, since they are not final.
    pub left: u64,
}

/// An order of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerOrder {
    /// The order.
    pub id: OrderId,
    /// When an edge accepted it; `None` if no edge has.
    pub placed_at: Option<SystemTime>,
}

impl Erasure {
    /// Records that `by` asks for it, before anything is erased.
    pub async fn begin(database: &Database, by: &str, why: &str) -> Result<Self, DatabaseError> {
        let insert =
            "INSERT INTO inventory.erasures (asked_by, why) VALUES ($1, $2) RETURNING number";
        let row = database.connection().await?.query_one(insert, &[&by, &why]).await?;
        Ok(Self(row.try_get(0)?))
    }

    /// Erases what the rows of `orders` say about a person, in one transaction. Rows of an earlier version
    /// have a part of it in another table.
    pub async fn erase(self, database: &Database, orders: &[OrderId]) -> Result<(), StepError> {
        let ids: Vec<Uuid> = orders.iter().map(|id| row_id(*id)).collect();
        let erase = "WITH earlier AS (
                 UPDATE inventory.reservations SET customer_id = NULL
                 WHERE order_id = ANY($1) AND customer_id IS NOT NULL)
             INSERT INTO inventory.order_contents (order_id, erased_by)
             SELECT id, $2 FROM unnest($1::uuid[]) AS orders (id) ORDER BY id
             ON CONFLICT (order_id) DO UPDATE SET customer_id = NULL, shipping_address = NULL,
                 contact = NULL, metadata = NULL, erased_by = excluded.erased_by";
        database
            .with_retries(async |connection| {
                Ok(connection.execute(erase, &[&ids, &self.0]).await?)
            })
            .await?;
        Ok(())
    }

    /// Records what it has done.
    pub async fn end(self, database: &Database, erased: Erased) -> Result<(), DatabaseError> {
        let update = "UPDATE inventory.erasures
             SET ended_at = now(), orders = $2, letters = $3, left_over = $4 WHERE number = $1";
        let Erased { orders, letters, left } = erased;
        let [orders, letters, left] = [orders, letters, left].map(|it| it as i64);
        let connection = database.connection().await?;
        connection.execute(update, &[&self.0, &orders, &letters, &left]).await?;
        Ok(())
    }
}

impl std::fmt::Display for Erasure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A page of the orders of `customer` that say something about them, sorted by id: up to `limit` after `after`.
pub async fn orders_of(
    database: &Database,
    customer: &str,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<CustomerOrder>, DatabaseError> {
    let connection = database.connection().await?;
    let of = |table| {
        format!(
            "(SELECT order_id FROM inventory.{table} WHERE customer_id = $1 AND order_id > $2
              ORDER BY order_id LIMIT $3)"
        )
    };
    let sql = format!(
        "SELECT order_id, placed_at FROM ({} UNION {}) AS orders
         JOIN inventory.reservations USING (order_id) ORDER BY order_id LIMIT $3",
        of("order_contents"),
        of("reservations")
    );
    let select = connection.prepare_cached(&sql).await?;
    let after = after.map_or(Uuid::nil(), row_id);
    let rows = connection.query(&select, &[&customer, &after, &limit]).await?;
    let order = |row: &tokio_postgres::Row| {
        Ok(CustomerOrder { id: order_id(row.try_get(0)?), placed_at: row.try_get(1)? })
    };
    rows.iter().map(order).collect()
}
