//! The rows of the synchronous service: stock, and one row an order.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use orders::{OrderId, PlaceOrder};
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{NoTls, Row};
use workers::task::row_id;

/// Single-order transactions of many clients were fastest with so many connections on two cores.
const CONNECTIONS: usize = 16;

/// Stock as the cluster has it when the service starts.
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

/// The way to the rows.
pub(super) struct Store(Pool);

/// What became of a reservation.
pub(super) enum Reserved {
    /// Now, or before by the same order.
    Yes,
    /// A SKU is unknown, has another price or currency, or there is too little of it.
    No,
}

impl Store {
    /// Makes the tables anew.
    pub(super) async fn open(url: &str) -> Result<Self> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(url.parse()?, NoTls, recycling);
        let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
        pool.get().await?.batch_execute(TABLES).await.context("the tables cannot be made")?;
        Ok(Self(pool))
    }

    /// Reserves all lines or none, in one transaction of two round trips.
    pub(super) async fn reserve(&self, id: OrderId, order: &PlaceOrder) -> Result<Reserved> {
        let wanted = wanted(order);
        let skus: Vec<&str> = wanted.keys().copied().collect();
        let quantities: Vec<i64> = wanted.values().copied().collect();
        let connection = self.0.get().await?;
        let (lock, take) = statements(&connection).await?;
        // Sent together; answered in this order.
        let of_order: [&(dyn ToSql + Sync); 1] = [&skus];
        let locked =
            tokio::try_join!(connection.batch_execute("BEGIN"), connection.query(&lock, &of_order));
        let ((), rows) = given_up(&connection, locked).await?;
        if !fits(order, &wanted, &rows)? {
            connection.batch_execute("ROLLBACK").await?;
            return Ok(Reserved::No);
        }
        let (total, currency) = (order.total.amount, order.total.currency.as_str());
        let (id, lines) = (row_id(id), Json(&order.lines));
        let row: [&(dyn ToSql + Sync); 7] =
            [&id, &order.customer_id, &currency, &total, &lines, &skus, &quantities];
        let taken =
            tokio::try_join!(connection.execute(&take, &row), connection.batch_execute("COMMIT"));
        given_up(&connection, taken).await?;
        Ok(Reserved::Yes)
    }

    /// The order is paid by `intent` and shipped.
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

    /// The card was declined: the stock goes back.
    pub(super) async fn release(&self, id: OrderId, order: &PlaceOrder) -> Result<()> {
        let wanted = wanted(order);
        let (skus, quantities): (Vec<&str>, Vec<i64>) = wanted.into_iter().unzip();
        let connection = self.0.get().await?;
        let update = connection
            .prepare_cached(
                "WITH declined AS (
                     UPDATE synchronous.orders SET state = 'declined', decided_at = now()
                     WHERE order_id = $1 AND state = 'reserved' RETURNING order_id)
                 UPDATE synchronous.stock SET on_hand = on_hand + quantity
                 FROM unnest($2::text[], $3::bigint[]) AS taken (its, quantity)
                 WHERE sku = its AND EXISTS (SELECT FROM declined)",
            )
            .await?;
        let id = row_id(id);
        connection.execute(&update, &[&id, &skus, &quantities]).await?;
        Ok(())
    }
}

/// A connection in the middle of a transaction goes back into the pool only after its end.
async fn given_up<T>(connection: &Object, done: Result<T, tokio_postgres::Error>) -> Result<T> {
    if done.is_err() {
        connection.batch_execute("ROLLBACK").await?;
    }
    Ok(done?)
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
    // A repeat finds its row and takes nothing.
    let take = connection
        .prepare_cached(
            "WITH new AS (
                 INSERT INTO synchronous.orders
                     (order_id, state, customer_id, currency, total, lines, placed_at)
                 VALUES ($1, 'reserved', $2, $3, $4, $5, now())
                 ON CONFLICT DO NOTHING RETURNING order_id)
             UPDATE synchronous.stock SET on_hand = on_hand - quantity
             FROM unnest($6::text[], $7::bigint[]) AS taken (its, quantity)
             WHERE sku = its AND EXISTS (SELECT FROM new)",
        )
        .await?;
    Ok((lock, take))
}

/// How many of each SKU, in the order in which all lock them.
fn wanted(order: &PlaceOrder) -> BTreeMap<&str, i64> {
    let mut wanted = BTreeMap::new();
    for line in &order.lines {
        *wanted.entry(line.sku.as_str()).or_default() += i64::from(line.quantity.get());
    }
    wanted
}

/// Whether `rows` have all that is wanted, at the prices that the order names.
fn fits(order: &PlaceOrder, wanted: &BTreeMap<&str, i64>, rows: &[Row]) -> Result<bool> {
    let mut prices = BTreeMap::new();
    for row in rows {
        let (sku, currency): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let mut good: Vec<i64> = row.try_get(3)?;
        good.push(row.try_get(2)?);
        let there_are: i64 = row.try_get(4)?;
        let is_there = wanted.get(sku).is_some_and(|quantity| *quantity <= there_are);
        if is_there && currency == order.total.currency.as_str() {
            prices.insert(sku, good);
        }
    }
    let is_good = |line: &orders::OrderLine| {
        prices.get(line.sku.as_str()).is_some_and(|good| good.contains(&line.unit_price))
    };
    Ok(order.lines.iter().all(is_good))
}
