//! May an order have what it asks for? Decided in memory, order by order, on locked rows.

use std::collections::{BTreeMap, HashMap};

use orders::{Currency, PlaceOrder, Rejection, Sku};
use tokio_postgres::Row;

use super::reservation::sums;
use crate::database::DatabaseError;

/// The locked rows of stock, and what has been taken from them.
pub(super) struct Shelf {
    items: HashMap<String, Item>,
    taken: BTreeMap<String, i64>,
}

struct Item {
    currency: String,
    unit_price: i64,
    other_prices: Vec<i64>,
    on_hand: i64,
}

impl Shelf {
    /// Reads `sku, currency, unit_price, other_prices, on_hand`.
    pub(super) fn read(rows: &[Row]) -> Result<Self, DatabaseError> {
        let mut items = HashMap::with_capacity(rows.len());
        for row in rows {
            let item = Item {
                currency: row.try_get("currency")?,
                unit_price: row.try_get("unit_price")?,
                other_prices: row.try_get("other_prices")?,
                on_hand: row.try_get("on_hand")?,
            };
            items.insert(row.try_get("sku")?, item);
        }
        Ok(Self { items, taken: BTreeMap::new() })
    }

    /// Takes all that `order` asks for, or nothing.
    pub(super) fn take(&mut self, order: &PlaceOrder) -> Result<(), Rejection> {
        self.check(order)?;
        for (sku, quantity) in sums(&order.lines) {
            if let Some(item) = self.items.get_mut(sku) {
                item.on_hand -= quantity;
            }
            *self.taken.entry(sku.to_owned()).or_default() += quantity;
        }
        Ok(())
    }

    /// What was taken from each SKU, in SKU order.
    pub(super) fn taken(&self) -> (Vec<&str>, Vec<i64>) {
        self.taken.iter().map(|(sku, quantity)| (sku.as_str(), *quantity)).unzip()
    }

    /// The first rule that an order breaks, with all SKUs that break it.
    fn check(&self, order: &PlaceOrder) -> Result<(), Rejection> {
        let skus = self.skus_where(order, |item| item.is_none());
        if !skus.is_empty() {
            return Err(Rejection::UnknownSku { skus });
        }
        let other_currency = |item: &Item, currency: Currency| item.currency != currency.as_str();
        let skus = self.skus_where(order, |item| {
            item.is_some_and(|item| other_currency(item, order.total.currency))
        });
        if !skus.is_empty() {
            return Err(Rejection::CurrencyMismatch { skus });
        }
        let skus = self.mispriced(order);
        if !skus.is_empty() {
            return Err(Rejection::PriceChanged { skus });
        }
        let sums = sums(&order.lines);
        let short = |item: Option<&Item>, sku: &str| item.is_some_and(|it| it.on_hand < sums[sku]);
        let skus = distinct(
            order
                .lines
                .iter()
                .map(|line| &line.sku)
                .filter(|sku| short(self.items.get(sku.as_str()), sku.as_str())),
        );
        if skus.is_empty() { Ok(()) } else { Err(Rejection::OutOfStock { skus }) }
    }

    fn skus_where(&self, order: &PlaceOrder, wrong: impl Fn(Option<&Item>) -> bool) -> Vec<Sku> {
        let skus = order.lines.iter().map(|line| &line.sku);
        distinct(skus.filter(|sku| wrong(self.items.get(sku.as_str()))))
    }

    fn mispriced(&self, order: &PlaceOrder) -> Vec<Sku> {
        let wrong = order.lines.iter().filter(|line| {
            self.items.get(line.sku.as_str()).is_some_and(|item| {
                line.unit_price != item.unit_price && !item.other_prices.contains(&line.unit_price)
            })
        });
        distinct(wrong.map(|line| &line.sku))
    }
}

fn distinct<'a>(skus: impl Iterator<Item = &'a Sku>) -> Vec<Sku> {
    skus.collect::<std::collections::BTreeSet<_>>().into_iter().cloned().collect()
}
