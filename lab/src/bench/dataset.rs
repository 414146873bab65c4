//! The orders of the benchmarks: small orders over a generated catalogue, the same with one SKU on
//! all of them, and the real baskets of the sample.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_postgres::types::ToSql;
use workers::database::Database;
use workers::inventory::stock::CatalogItem;

use crate::input::{self, GOOD_CARD};

/// SKUs of the generated catalogue: enough that small orders rarely contend for one.
const SKUS: u32 = 10_000;
/// Hot SKUs: each is sold out by one run, in order of their numbers.
pub(super) const HOT_SKUS: u32 = 16;
/// Distinct small orders; then the cycle starts again.
const SMALL_ORDERS: u32 = 8_192;
const LINES_PER_ORDER: u32 = 3;
/// The price of every item, in pence.
const PRICE: i64 = 250;
/// More stock than a whole day of benchmarks orders.
const AMPLE_STOCK: i64 = 1_000_000_000_000;
/// A fixed seed: the bodies are the same in every run.
const SEED: u64 = 1;

/// The files of request bodies that the generator posts.
pub(super) struct Dataset {
    folder: PathBuf,
    /// Small orders: three lines with random SKUs.
    pub(super) small: PathBuf,
    /// The real baskets.
    pub(super) baskets: PathBuf,
}

/// Every SKU that a benchmark orders, with ample stock; hot SKUs have none until a benchmark adds
/// some. The SKUs of the baskets are read from `file`, or from the sample's catalogue.
pub(super) fn catalog(file: Option<&Path>) -> Result<Vec<CatalogItem>> {
    let generated = (0..SKUS).map(|number| item(sku(number), AMPLE_STOCK));
    let hot = (0..HOT_SKUS).map(|number| item(hot_sku(number), 0));
    let real = input::catalog(file)?.into_iter();
    let real = real.map(|item| Ok(CatalogItem { on_hand: AMPLE_STOCK, ..item }));
    generated.chain(hot).chain(real).collect()
}

/// Inserts the whole catalogue into the stock of a new cluster, in one statement: there is no order
/// yet that would have to wait for its locks.
pub(super) async fn load_catalog(database: &Database, catalog: &[CatalogItem]) -> Result<()> {
    let texts = |field: fn(&CatalogItem) -> &str| catalog.iter().map(field).collect::<Vec<_>>();
    let numbers = |field: fn(&CatalogItem) -> i64| catalog.iter().map(field).collect::<Vec<_>>();
    // unnest flattens an array of arrays, so each inner array is sent as text.
    let other_prices: Vec<String> =
        catalog.iter().map(|item| array_literal(&item.other_prices)).collect();
    let statement = "INSERT INTO inventory.stock
             (sku, name, currency, unit_price, other_prices, loaded, on_hand)
         SELECT sku, name, currency, price, others::bigint[], stocked, stocked
         FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[])
             AS new (sku, name, currency, price, others, stocked)";
    let columns: [&(dyn ToSql + Sync); 6] = [
        &texts(|item| item.sku.as_str()),
        &texts(|item| &item.name),
        &texts(|item| item.currency.as_str()),
        &numbers(|item| item.unit_price),
        &other_prices,
        &numbers(|item| item.on_hand),
    ];
    database.connection().await?.execute(statement, &columns).await?;
    Ok(())
}

impl Dataset {
    /// Writes the bodies into `folder`. The baskets are read from the file `orders`, or from the
    /// sample.
    pub(super) fn write(folder: &Path, orders: Option<&Path>) -> Result<Self> {
        let baskets = input::orders(orders)?.into_iter();
        let baskets: Vec<Vec<u8>> = baskets.map(|row| row.body()).collect();
        let dataset = Self {
            folder: folder.to_path_buf(),
            small: folder.join("small.jsonl"),
            baskets: folder.join("baskets.jsonl"),
        };
        write(&dataset.small, &small(None))?;
        write(&dataset.baskets, &baskets.join(&b'\n'))?;
        Ok(dataset)
    }

    /// Paths that read the stock of `skus` random SKUs each. With one path, all reads are of the same ones.
    pub(super) fn stock_paths(&self, skus: usize, paths: usize) -> Result<PathBuf> {
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut path = || {
            let drawn: Vec<_> = (0..skus).map(|_| sku(rng.random_range(0..SKUS))).collect();
            match &drawn[..] {
                [sku] => format!("/v1/stock/{sku}\n"),
                skus => format!("/v1/stock?sku={}\n", skus.join("&sku=")),
            }
        };
        let file = self.folder.join(format!("stock-{skus}-{paths}.txt"));
        let text: String = (0..paths).map(|_| path()).collect();
        write(&file, text.as_bytes())?;
        Ok(file)
    }

    /// Small orders with the hot SKU `number` on each.
    pub(super) fn hot(&self, number: u32) -> Result<PathBuf> {
        let file = self.folder.join(format!("hot-{number}.jsonl"));
        write(&file, &small(Some(&hot_sku(number))))?;
        Ok(file)
    }
}

/// The hot SKU `number`.
pub(super) fn hot_sku(number: u32) -> String {
    format!("HOT-{number}")
}

/// `numbers` as a PostgreSQL array literal.
fn array_literal(numbers: &[i64]) -> String {
    let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

/// The SKU `number` of the generated catalogue.
pub(super) fn sku(number: u32) -> String {
    format!("BENCH-{number:05}")
}

fn item(sku: String, on_hand: i64) -> Result<CatalogItem> {
    Ok(CatalogItem {
        sku: sku.parse().context("invalid generated SKU")?,
        name: sku,
        currency: "GBP".parse().context("invalid currency")?,
        unit_price: PRICE,
        other_prices: Vec::new(),
        on_hand,
    })
}

/// Small orders, one per line. `hot` replaces the SKU of each order's first line.
fn small(hot: Option<&str>) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut text = String::new();
    for number in 0..SMALL_ORDERS {
        let line = |index: u32| {
            let drawn = sku(rng.random_range(0..SKUS));
            let sku = hot.filter(|_| index == 0).unwrap_or(&drawn);
            format!(r#"{{"sku":"{sku}","quantity":1,"unit_price":{PRICE}}}"#)
        };
        let lines: Vec<_> = (0..LINES_PER_ORDER).map(line).collect();
        let lines = lines.join(",");
        let total = PRICE * i64::from(LINES_PER_ORDER);
        writeln!(
            text,
            r#"{{"customer_id":"{number}","currency":"GBP","lines":[{lines}],"expected_total":{total},"payment":{{"token":"{GOOD_CARD}"}}}}"#
        )
        .expect("writing to a String cannot fail");
    }
    text.into_bytes()
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use orders::PlaceOrder;

    use super::*;

    #[test]
    fn every_body_is_a_valid_order_of_skus_in_the_catalogue() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::write(folder.path(), None).unwrap();
        let known: std::collections::HashSet<String> =
            catalog(None).unwrap().into_iter().map(|item| item.sku.as_str().to_owned()).collect();
        for file in [&dataset.small, &dataset.baskets, &dataset.hot(3).unwrap()] {
            for body in fs::read_to_string(file).unwrap().lines() {
                let order = PlaceOrder::parse(body.as_bytes()).unwrap();
                assert!(order.payment_token.is_some(), "{body}");
                assert!(order.lines.iter().all(|line| known.contains(line.sku.as_str())), "{body}");
            }
        }
    }
}
