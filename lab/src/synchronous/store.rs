//! The rows of the synchronous service: stock, and one row an order.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use deadpool_postgres::{Object, Pool, RecyclingMethod};
use orders::{OrderId, PlaceOrder};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql};
use workers::database::manager;
use workers::step_input::row_id;

/// With many clients, single-order transactions were fastest with 16 connections on two cores.
const CONNECTIONS: usize = 16;

/// The service's tables. Its stock is copied from the cluster's when the service starts.
const TABLES: &str = "
    DROP SCHEMA IF EXISTS synchronous CASCADE;
    CREATE SCHEMA synchronous;
    CREATE TABLE synchronous.stock (
        sku text PRIMARY KEY, currency text NOT NULL, unit_price bigint NOT NULL,
        other_prices bigint[] NOT NULL, loaded bigint NOT NULL,
        on_hand bigint NOT NULL CHECK (on_hand BETWEEN 0 AND loaded)) WITH (fillfactor = 50);
    INSERT INTO synchronous.stock SELECT sku, currency, unit_price, other_prices, on_hand, on_hand
        FROM inventory.stock;
    CREATE TABLE synchronous.orders (
        order_id uuid PRIMARY KEY, state text NOT NULL, customer_id text, currency text NOT NULL,
        total bigint NOT NULL, lines json NOT NULL, intent text, placed_at timestamptz NOT NULL,
        decided_at timestamptz) WITH (fillfactor = 70);
    ANALYZE synchronous.stock;";

/// Access to the rows, with a pool of connections.
pub(super) struct Store(Pool);

/// The result of an attempt to reserve.
pub(super) enum ReserveResult {
    /// Reserved now, or by an earlier request for the same order.
    Reserved,
    /// A SKU is unknown, has another price or currency, or has too little stock.
    Refused,
}

impl Store {
    /// Connects, and drops and creates the tables.
    pub(super) async fn open(url: &str) -> Result<Self> {
        let manager = manager(url, None, RecyclingMethod::Fast)?;
        let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
        pool.get().await?.batch_execute(TABLES).await.context("cannot create the tables")?;
        Ok(Self(pool))
    }

    /// Reserves all lines or none, in one transaction of two round trips.
    pub(super) async fn reserve(&self, id: OrderId, order: &PlaceOrder) -> Result<ReserveResult> {
        let ordered = quantities_by_sku(order);
        let skus: Vec<&str> = ordered.keys().copied().collect();
        let quantities: Vec<i64> = ordered.values().copied().collect();
        let connection = self.0.get().await?;
        let (lock, take) = statements(&connection).await?;
        // Pipelined: both are sent at once and run in this order.
        let lock_params: [&(dyn ToSql + Sync); 1] = [&skus];
        let locked = tokio::try_join!(
            connection.batch_execute("BEGIN"),
            connection.query(&lock, &lock_params)
        );
        let ((), rows) = or_rollback(&connection, locked).await?;
        if !is_available(order, &ordered, &rows)? {
            connection.batch_execute("ROLLBACK").await?;
            return Ok(ReserveResult::Refused);
        }
        let (total, currency) = (order.total.amount, order.total.currency.as_str());
        let (id, lines) = (row_id(id), Json(&order.lines));
        let take_params: [&(dyn ToSql + Sync); 7] =
            [&id, &order.customer_id, &currency, &total, &lines, &skus, &quantities];
        let taken = tokio::try_join!(
            connection.execute(&take, &take_params),
            connection.batch_execute("COMMIT")
        );
        or_rollback(&connection, taken).await?;
        Ok(ReserveResult::Reserved)
    }

    /// Records that the order is paid by `intent` and shipped.
    pub(super) async fn fulfil(&self, id: OrderId, intent: &str) -> Result<()> {
        let connection = self.0.get().await?;
        let update = connection
            .prepare_cached(
                "UPDATE synchronous.orders SET state = 'fulfilled', intent = $2, decided_at = now()
                 WHERE order_id = $1 AND state = 'reserved'",
            )
            .await?;
        connection.execute(&update, &[&row_id(id), &intent]).await?;
        Ok(())
    }

    /// Releases the stock of an order whose card was declined.
    pub(super) async fn release(&self, id: OrderId, order: &PlaceOrder) -> Result<()> {
        let (skus, quantities): (Vec<&str>, Vec<i64>) =
            quantities_by_sku(order).into_iter().unzip();
        let connection = self.0.get().await?;
        let update = connection
            .prepare_cached(
                "WITH declined AS (
                     UPDATE synchronous.orders SET state = 'declined', decided_at = now()
                     WHERE order_id = $1 AND state = 'reserved' RETURNING order_id)
                 UPDATE synchronous.stock SET on_hand = on_hand + quantity
                 FROM unnest($2::text[], $3::bigint[]) AS taken (taken_sku, quantity)
                 WHERE sku = taken_sku AND EXISTS (SELECT FROM declined)",
            )
            .await?;
        let id = row_id(id);
        connection.execute(&update, &[&id, &skus, &quantities]).await?;
        Ok(())
    }
}

/// Rolls back on error, so that a connection does not return to the pool with an open transaction.
async fn or_rollback<T>(
    connection: &Object,
    result: Result<T, tokio_postgres::Error>,
) -> Result<T> {
    if result.is_err() {
        connection.batch_execute("ROLLBACK").await?;
    }
    Ok(result?)
}

async fn statements(
    connection: &Object,
) -> Result<(tokio_postgres::Statement, tokio_postgres::Statement)> {
    let lock = connection
        .prepare_cached(
            "SELECT sku, currency, unit_price, other_prices, on_hand FROM synchronous.stock
             WHERE sku = ANY($1) ORDER BY sku FOR NO KEY UPDATE",
        )
        .await?;
    // A repeated request conflicts with the existing row and takes no stock.
    let take = connection
        .prepare_cached(
            "WITH new AS (
                 INSERT INTO synchronous.orders
                     (order_id, state, customer_id, currency, total, lines, placed_at)
                 VALUES ($1, 'reserved', $2, $3, $4, $5, now())
                 ON CONFLICT DO NOTHING RETURNING order_id)
             UPDATE synchronous.stock SET on_hand = on_hand - quantity
             FROM unnest($6::text[], $7::bigint[]) AS taken (taken_sku, quantity)
             WHERE sku = taken_sku AND EXISTS (SELECT FROM new)",
        )
        .await?;
    Ok((lock, take))
}

/// The ordered quantity of each SKU, in the order in which every transaction locks them.
fn quantities_by_sku(order: &PlaceOrder) -> BTreeMap<&str, i64> {
    let mut quantities = BTreeMap::new();
    for line in &order.lines {
        *quantities.entry(line.sku.as_str()).or_default() += i64::from(line.quantity.get());
    }
    quantities
}

/// Whether `rows` have the ordered quantities, at the prices and in the currency of the order.
fn is_available(order: &PlaceOrder, ordered: &BTreeMap<&str, i64>, rows: &[Row]) -> Result<bool> {
    let mut prices_by_sku = BTreeMap::new();
    for row in rows {
        let sku: &str = row.try_get(0)?;
        let currency: &str = row.try_get(1)?;
        let mut prices: Vec<i64> = row.try_get(3)?;
        prices.push(row.try_get(2)?);
        let on_hand: i64 = row.try_get(4)?;
        let is_in_stock = ordered.get(sku).is_some_and(|quantity| *quantity <= on_hand);
        if is_in_stock && currency == order.total.currency.as_str() {
            prices_by_sku.insert(sku, prices);
        }
    }
    let is_valid = |line: &orders::OrderLine| {
        prices_by_sku.get(line.sku.as_str()).is_some_and(|prices| prices.contains(&line.unit_price))
    };
    Ok(order.lines.iter().all(is_valid))
}
