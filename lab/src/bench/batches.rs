//! What PostgreSQL itself can take: orders in batches, a row each with its lines inside, and one
//! update of stock a batch. No streams, no events, no repeats.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// At this many a transaction PostgreSQL is near its best.
const ORDERS: usize = 500;
/// More writers than this were slower on two cores.
const WRITERS: usize = 2;
const SKUS: u64 = 10_000;
const LINES: usize = 3;
/// As long as the lines of a small order.
const ROW_LINES: &str = r#"[{"sku":"BENCH-00001","quantity":1,"unit_price":250},{"sku":"BENCH-00002","quantity":1,"unit_price":250},{"sku":"BENCH-00003","quantity":1,"unit_price":250}]"#;

const TABLES: &str = "
    CREATE SCHEMA yardstick;
    CREATE TABLE yardstick.stock (sku bigint PRIMARY KEY, on_hand bigint NOT NULL)
        WITH (fillfactor = 50);
    INSERT INTO yardstick.stock SELECT sku, 1000000000 FROM generate_series(0, 9999) AS sku;
    CREATE TABLE yardstick.orders (order_id uuid PRIMARY KEY, lines json);";

/// Orders written a second, for `time`. Leaves nothing behind.
pub(super) async fn write_batches(url: &str, time: Duration) -> Result<f64> {
    let clients = try_join_all((0..WRITERS).map(|_| connect(url))).await?;
    clients[0].batch_execute(TABLES).await?;
    let begun = Instant::now();
    let writers = clients.iter().enumerate();
    let written = writers.map(|(writer, client)| write(client, writer as u64, begun + time));
    let written: usize = try_join_all(written).await?.into_iter().sum();
    let took = begun.elapsed();
    clients[0].batch_execute("DROP SCHEMA yardstick CASCADE").await?;
    Ok(written as f64 / took.as_secs_f64())
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with its client.
    tokio::spawn(connection);
    Ok(client)
}

async fn write(client: &Client, writer: u64, end: Instant) -> Result<usize> {
    let lock = client
        .prepare("SELECT sku FROM yardstick.stock WHERE sku = ANY($1) ORDER BY sku FOR UPDATE")
        .await?;
    let insert = client
        .prepare(
            "INSERT INTO yardstick.orders SELECT id, $2::text::json FROM unnest($1::uuid[]) AS id
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let update = client
        .prepare(
            "UPDATE yardstick.stock SET on_hand = on_hand - 1
             FROM unnest($1::bigint[]) AS taken (its) WHERE sku = its",
        )
        .await?;
    let mut written = 0;
    while Instant::now() < end {
        let number = |index: usize| (writer << 48) + (written + index) as u64;
        let ids: Vec<Uuid> = (0..ORDERS).map(|index| id(number(index))).collect();
        let lines = 0..ORDERS * LINES;
        let mut skus: Vec<i64> =
            lines.map(|line| (scattered(number(line)) % SKUS) as i64).collect();
        skus.sort_unstable();
        skus.dedup();
        client.batch_execute("BEGIN").await?;
        client.query(&lock, &[&skus]).await?;
        client.execute(&insert, &[&ids, &ROW_LINES]).await?;
        client.execute(&update, &[&skus]).await?;
        client.batch_execute("COMMIT").await?;
        written += ORDERS;
    }
    Ok(written)
}

/// Ids as those of orders are: in no order.
fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(scattered(number), number)
}

/// The finishing steps of `SplitMix64`, which scatter numbers well.
const fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
