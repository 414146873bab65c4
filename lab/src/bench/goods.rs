//! What is ordered: small orders over a made-up catalogue, the same with one SKU on all of them, and
//! the real baskets of the sample.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_postgres::types::ToSql;
use workers::database::Database;
use workers::inventory::stock::CatalogItem;

use crate::input;

/// SKUs of the made-up catalogue: small orders hardly ever meet in one.
const SKUS: u32 = 10_000;
/// SKUs that one run each sells out, in the order in which they are used.
pub(super) const HOT_SKUS: u32 = 16;
/// Small orders that are told apart before the cycle begins again.
const SMALL_ORDERS: u32 = 8_192;
const LINES: u32 = 3;
/// What one of anything costs, in pence.
const PRICE: i64 = 250;
/// More of everything than a whole day of benchmarks orders.
const PLENTY: i64 = 1_000_000_000_000;
/// The provider's card that succeeds; its tokens are not used up.
const TOKEN: &str = "tok_visa";
/// The bodies are the same in every run.
const SEED: u64 = 1;

/// The files of bodies that the generator posts.
pub(super) struct Goods {
    folder: PathBuf,
    /// Small orders: three lines, SKUs by chance.
    pub(super) small: PathBuf,
    /// The real baskets.
    pub(super) baskets: PathBuf,
}

/// Everything that any bench orders, and plenty of it; the hot SKUs have none until some is put in.
/// What the baskets need is in `file`, or in the sample's catalogue.
pub(super) fn catalog(file: Option<&Path>) -> Result<Vec<CatalogItem>> {
    let made_up = (0..SKUS).map(|number| item(sku(number), PLENTY));
    let hot = (0..HOT_SKUS).map(|number| item(hot_sku(number), 0));
    let real =
        input::catalog(file)?.into_iter().map(|it| Ok(CatalogItem { on_hand: PLENTY, ..it }));
    made_up.chain(hot).chain(real).collect()
}

/// Puts all of it into a new cluster's stock, in one statement: no order is there yet that would have
/// to wait for it.
pub(super) async fn stock_up(database: &Database, catalog: &[CatalogItem]) -> Result<()> {
    let text = |of: fn(&CatalogItem) -> &str| catalog.iter().map(of).collect::<Vec<_>>();
    let number = |of: fn(&CatalogItem) -> i64| catalog.iter().map(of).collect::<Vec<_>>();
    // Arrays in a column cannot be unnested by rows: they travel as text.
    let other_prices: Vec<String> = catalog.iter().map(|it| braced(&it.other_prices)).collect();
    let statement = "INSERT INTO inventory.stock
             (sku, name, currency, unit_price, other_prices, loaded, on_hand)
         SELECT sku, name, currency, price, others::bigint[], stocked, stocked
         FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[])
             AS new (sku, name, currency, price, others, stocked)";
    let columns: [&(dyn ToSql + Sync); 6] = [
        &text(|it| it.sku.as_str()),
        &text(|it| &it.name),
        &text(|it| it.currency.as_str()),
        &number(|it| it.unit_price),
        &other_prices,
        &number(|it| it.on_hand),
    ];
    database.connection().await?.execute(statement, &columns).await?;
    Ok(())
}

impl Goods {
    /// Writes the bodies into `folder`; the baskets are those of `orders`, or the sample's.
    pub(super) fn write(folder: &Path, orders: Option<&Path>) -> Result<Self> {
        let rows = input::orders(orders)?.into_iter();
        let baskets = rows.map(|row| if row.has_token() { row } else { row.paid_with(TOKEN) });
        let baskets: Vec<Vec<u8>> = baskets.map(|row| row.body()).collect();
        let goods = Self {
            folder: folder.to_path_buf(),
            small: folder.join("small.jsonl"),
            baskets: folder.join("baskets.jsonl"),
        };
        write(&goods.small, &small(None))?;
        write(&goods.baskets, &baskets.join(&b'\n'))?;
        Ok(goods)
    }

    /// Small orders with the hot SKU `number` on each.
    pub(super) fn hot(&self, number: u32) -> Result<PathBuf> {
        let file = self.folder.join(format!("hot-{number}.jsonl"));
        write(&file, &small(Some(&hot_sku(number))))?;
        Ok(file)
    }
}

/// The name of the hot SKU `number`.
pub(super) fn hot_sku(number: u32) -> String {
    format!("HOT-{number}")
}

/// As PostgreSQL writes an array.
fn braced(numbers: &[i64]) -> String {
    let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

fn sku(number: u32) -> String {
    format!("BENCH-{number:05}")
}

fn item(sku: String, on_hand: i64) -> Result<CatalogItem> {
    Ok(CatalogItem {
        sku: sku.parse().context("a made-up SKU")?,
        name: sku,
        currency: "GBP".parse().context("a currency")?,
        unit_price: PRICE,
        other_prices: Vec::new(),
        on_hand,
    })
}

/// Small orders, one a line, with `hot` in the place of each first line's SKU.
fn small(hot: Option<&str>) -> Vec<u8> {
    let (mut rng, mut text) = (StdRng::seed_from_u64(SEED), String::new());
    for number in 0..SMALL_ORDERS {
        let line = |index: u32| {
            let drawn = sku(rng.random_range(0..SKUS));
            let sku = hot.filter(|_| index == 0).unwrap_or(&drawn);
            format!(r#"{{"sku":"{sku}","quantity":1,"unit_price":{PRICE}}}"#)
        };
        let lines: Vec<_> = (0..LINES).map(line).collect();
        let (lines, total) = (lines.join(","), PRICE * i64::from(LINES));
        writeln!(
            text,
            r#"{{"customer_id":"{number}","currency":"GBP","lines":[{lines}],"expected_total":{total},"payment":{{"token":"{TOKEN}"}}}}"#
        )
        .expect("a String takes every text");
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
    fn every_body_is_an_order_over_the_catalogue() {
        let folder = tempfile::tempdir().unwrap();
        let goods = Goods::write(folder.path(), None).unwrap();
        let known: std::collections::HashSet<String> =
            catalog(None).unwrap().into_iter().map(|it| it.sku.as_str().to_owned()).collect();
        for file in [&goods.small, &goods.baskets, &goods.hot(3).unwrap()] {
            for body in fs::read_to_string(file).unwrap().lines() {
                let order = PlaceOrder::parse(body.as_bytes()).unwrap();
                assert!(order.payment_token.is_some(), "{body}");
                assert!(order.lines.iter().all(|line| known.contains(line.sku.as_str())), "{body}");
            }
        }
    }
}
