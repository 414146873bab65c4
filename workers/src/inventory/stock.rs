//! Stock: loads a catalogue, adds stock, and looks it up.

use std::collections::HashMap;

use orders::{Currency, Money, Sku, StockView};
use serde::Deserialize;

use crate::database::{Database, DatabaseError};

/// One row of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogItem {
    /// The SKU.
    pub sku: Sku,
    /// The item's name.
    pub name: String,
    /// The currency of all its prices.
    pub currency: Currency,
    /// The regular price, in minor units: 0 for what is given away.
    pub unit_price: i64,
    /// Other valid prices, in minor units.
    #[serde(default)]
    pub other_prices: Vec<i64>,
    /// Initial quantity: at least 0.
    pub on_hand: i64,
}

/// Loads a catalogue. A SKU that exists already gets its new name and prices and keeps its stock:
/// `on_hand` applies to new SKUs only. Returns the number of new SKUs.
pub async fn load(database: &Database, items: &[CatalogItem]) -> Result<u64, DatabaseError> {
    let before = count(database).await?;
    let connection = database.connection().await?;
    let statement = connection
        .prepare_cached(
            "INSERT INTO inventory.stock
                 (sku, name, currency, unit_price, other_prices, loaded, on_hand)
             VALUES ($1, $2, $3, $4, $5, $6, $6)
             ON CONFLICT (sku) DO UPDATE SET name = excluded.name, currency = excluded.currency,
                 unit_price = excluded.unit_price, other_prices = excluded.other_prices,
                 version = stock.version + 1",
        )
        .await?;
    let inserts = items.iter().map(async |item| {
        let (sku, currency) = (item.sku.as_str(), item.currency.as_str());
        let CatalogItem { name, unit_price, other_prices, on_hand, .. } = item;
        connection
            .execute(&statement, &[&sku, name, &currency, unit_price, other_prices, on_hand])
            .await
    });
    futures_util::future::try_join_all(inserts).await?;
    Ok(count(database).await? - before)
}

/// Adds `quantity` to the stock of `sku`, or removes stock if it is negative. Returns the new
/// quantity on hand; `None` if the SKU is unknown or less is on hand than is to be removed.
pub async fn add(
    database: &Database,
    sku: &Sku,
    quantity: i64,
) -> Result<Option<i64>, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection
        .query_opt(
            "UPDATE inventory.stock SET on_hand = on_hand + $2, loaded = loaded + $2,
                 version = version + 1
             WHERE sku = $1 AND on_hand + $2 >= 0 RETURNING on_hand",
            &[&sku.as_str(), &quantity],
        )
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The stock of each SKU: one entry for each SKU, in the same order; `None` for an unknown SKU.
pub async fn look_up(
    database: &Database,
    skus: &[Sku],
) -> Result<Vec<Option<StockView>>, DatabaseError> {
    let connection = database.connection().await?;
    let statement = connection
        .prepare_cached(
            "SELECT sku, on_hand, unit_price, currency, version FROM inventory.stock
             WHERE sku = ANY($1)",
        )
        .await?;
    let names: Vec<&str> = skus.iter().map(Sku::as_str).collect();
    let mut found = HashMap::new();
    for row in connection.query(&statement, &[&names]).await? {
        let currency: &str = row.try_get("currency")?;
        let (Ok(sku), Ok(currency)) = (row.try_get::<_, &str>("sku")?.parse(), currency.parse())
        else {
            continue;
        };
        let view = StockView {
            sku,
            on_hand: row.try_get("on_hand")?,
            unit_price: Money { amount: row.try_get("unit_price")?, currency },
            version: row.try_get("version")?,
        };
        found.insert(view.sku.clone(), view);
    }
    Ok(skus.iter().map(|sku| found.get(sku).cloned()).collect())
}

async fn count(database: &Database) -> Result<u64, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection.query_one("SELECT count(*) FROM inventory.stock", &[]).await?;
    Ok(row.try_get::<_, i64>(0)? as u64)
}
