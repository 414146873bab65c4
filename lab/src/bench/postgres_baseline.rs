//! What PostgreSQL itself can store: batches of orders, each order one row with its lines, and one
//! update of stock per batch. No streams, no events, no idempotent repeats.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio_postgres::Client;
use uuid::Uuid;

/// With this many orders per transaction PostgreSQL is near its best.
const ORDERS_PER_TRANSACTION: usize = 500;
/// More writers than this were slower on two cores.
const WRITERS: usize = 2;
const SKUS: u64 = 10_000;
const LINES_PER_ORDER: usize = 3;
/// As many bytes as the lines of a small order.
const ROW_LINES: &str = r#"[{"sku":"BENCH-00001","quantity":1,"unit_price":250},{"sku":"BENCH-00002","quantity":1,"unit_price":250},{"sku":"BENCH-00003","quantity":1,"unit_price":250}]"#;

const TABLES: &str = "
    CREATE SCHEMA baseline;
    CREATE TABLE baseline.stock (sku bigint PRIMARY KEY, on_hand bigint NOT NULL)
        WITH (fillfactor = 50);
    INSERT INTO baseline.stock SELECT sku, 1000000000 FROM generate_series(0, 9999) AS sku;
    CREATE TABLE baseline.orders (order_id uuid PRIMARY KEY, lines json);";

/// Writes orders for `time` and returns orders stored per second. Drops its tables at the end.
pub(super) async fn write_batches(url: &str, time: Duration) -> Result<f64> {
    let clients = try_join_all((0..WRITERS).map(|_| connect(url))).await?;
    clients[0].batch_execute(TABLES).await?;
    let started = Instant::now();
    let writers = clients.iter().enumerate();
    let counts = writers.map(|(writer, client)| write(client, writer as u64, started + time));
    let count: usize = try_join_all(counts).await?.into_iter().sum();
    let took = started.elapsed();
    clients[0].batch_execute("DROP SCHEMA baseline CASCADE").await?;
    Ok(count as f64 / took.as_secs_f64())
}

async fn connect(url: &str) -> Result<Client> {
    let (client, _) = workers::database::connect(url).await?;
    Ok(client)
}

async fn write(client: &Client, writer: u64, end: Instant) -> Result<usize> {
    let lock = client
        .prepare("SELECT sku FROM baseline.stock WHERE sku = ANY($1) ORDER BY sku FOR UPDATE")
        .await?;
    let insert = client
        .prepare(
            "INSERT INTO baseline.orders SELECT id, $2::text::json FROM unnest($1::uuid[]) AS id
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let update = client
        .prepare(
            "UPDATE baseline.stock SET on_hand = on_hand - 1
             FROM unnest($1::bigint[]) AS taken (taken_sku) WHERE sku = taken_sku",
        )
        .await?;
    let mut written = 0;
    while Instant::now() < end {
        let number = |index: usize| (writer << 48) + (written + index) as u64;
        let ids: Vec<Uuid> = (0..ORDERS_PER_TRANSACTION).map(|index| id(number(index))).collect();
        let lines = 0..ORDERS_PER_TRANSACTION * LINES_PER_ORDER;
        let mut skus: Vec<i64> = lines.map(|line| (mix(number(line)) % SKUS) as i64).collect();
        skus.sort_unstable();
        skus.dedup();
        client.batch_execute("BEGIN").await?;
        client.query(&lock, &[&skus]).await?;
        client.execute(&insert, &[&ids, &ROW_LINES]).await?;
        client.execute(&update, &[&skus]).await?;
        client.batch_execute("COMMIT").await?;
        written += ORDERS_PER_TRANSACTION;
    }
    Ok(written)
}

/// An id that is unique and, like an order id, in random order.
fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(mix(number), number)
}

/// The finalizer of `SplitMix64`, a hash that distributes numbers well.
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
