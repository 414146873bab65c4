//! Locked rows of stock, and whether they suffice for an order: decided in memory, order by order.

use std::collections::{BTreeMap, HashMap};

#[cfg(test)]
use orders::Money;
use orders::{Currency, OrderLine, PlaceOrder, Rejection, Sku};
use tokio_postgres::Row;

use crate::database::DatabaseError;

/// The locked rows of stock, and the quantities reserved from them so far.
pub(super) struct LockedStock {
    rows: HashMap<String, StockRow>,
    reserved: BTreeMap<String, i64>,
}

struct StockRow {
    currency: String,
    unit_price: i64,
    other_prices: Vec<i64>,
    on_hand: i64,
}

impl LockedStock {
    /// Reads `sku, currency, unit_price, other_prices, on_hand`.
    pub(super) fn read(result: &[Row]) -> Result<Self, DatabaseError> {
        let mut rows = HashMap::with_capacity(result.len());
        for row in result {
            let stock = StockRow {
                currency: row.try_get("currency")?,
                unit_price: row.try_get("unit_price")?,
                other_prices: row.try_get("other_prices")?,
                on_hand: row.try_get("on_hand")?,
            };
            rows.insert(row.try_get("sku")?, stock);
        }
        Ok(Self { rows, reserved: BTreeMap::new() })
    }

    /// Reserves all lines of `order`, or none.
    pub(super) fn try_reserve(&mut self, order: &PlaceOrder) -> Result<(), Rejection> {
        self.check(order)?;
        for (sku, quantity) in quantity_by_sku(&order.lines) {
            if let Some(row) = self.rows.get_mut(sku) {
                row.on_hand -= quantity;
            }
            *self.reserved.entry(sku.to_owned()).or_default() += quantity;
        }
        Ok(())
    }

    /// The quantity reserved of each SKU, in SKU order.
    pub(super) fn reserved(&self) -> (Vec<&str>, Vec<i64>) {
        self.reserved.iter().map(|(sku, quantity)| (sku.as_str(), *quantity)).unzip()
    }

    /// Checks the rules for `order`. The rejection names the first rule that fails, and all SKUs
    /// for which it fails.
    fn check(&self, order: &PlaceOrder) -> Result<(), Rejection> {
        let skus = self.skus_where(order, |row| row.is_none());
        if !skus.is_empty() {
            return Err(Rejection::UnknownSku { skus });
        }
        let other_currency = |row: &StockRow, currency: Currency| row.currency != currency.as_str();
        let skus = self.skus_where(order, |row| {
            row.is_some_and(|row| other_currency(row, order.total.currency))
        });
        if !skus.is_empty() {
            return Err(Rejection::CurrencyMismatch { skus });
        }
        let skus = self.mispriced(order);
        if !skus.is_empty() {
            return Err(Rejection::PriceChanged { skus });
        }
        let quantities = quantity_by_sku(&order.lines);
        let is_short = |row: Option<&StockRow>, sku: &str| {
            row.is_some_and(|row| row.on_hand < quantities[sku])
        };
        let skus = distinct(
            order
                .lines
                .iter()
                .map(|line| &line.sku)
                .filter(|sku| is_short(self.rows.get(sku.as_str()), sku.as_str())),
        );
        if skus.is_empty() { Ok(()) } else { Err(Rejection::OutOfStock { skus }) }
    }

    fn skus_where(
        &self,
        order: &PlaceOrder,
        is_violated: impl Fn(Option<&StockRow>) -> bool,
    ) -> Vec<Sku> {
        let skus = order.lines.iter().map(|line| &line.sku);
        distinct(skus.filter(|sku| is_violated(self.rows.get(sku.as_str()))))
    }

    fn mispriced(&self, order: &PlaceOrder) -> Vec<Sku> {
        let mispriced = order.lines.iter().filter(|line| {
            self.rows.get(line.sku.as_str()).is_some_and(|row| {
                line.unit_price != row.unit_price && !row.other_prices.contains(&line.unit_price)
            })
        });
        distinct(mispriced.map(|line| &line.sku))
    }
}

#[cfg(test)]
impl LockedStock {
    /// The row of one SKU.
    pub(super) fn of_one_sku(sku: &Sku, price: Money, on_hand: i64) -> Self {
        let currency = price.currency.as_str().to_owned();
        let row =
            StockRow { currency, unit_price: price.amount, other_prices: Vec::new(), on_hand };
        Self { rows: HashMap::from([(sku.as_str().to_owned(), row)]), reserved: BTreeMap::new() }
    }
}

fn distinct<'a>(skus: impl Iterator<Item = &'a Sku>) -> Vec<Sku> {
    skus.collect::<std::collections::BTreeSet<_>>().into_iter().cloned().collect()
}

/// The total quantity of each SKU over all lines, in SKU order.
pub(super) fn quantity_by_sku<'a>(
    lines: impl IntoIterator<Item = &'a OrderLine>,
) -> BTreeMap<&'a str, i64> {
    let mut quantities = BTreeMap::new();
    for line in lines {
        *quantities.entry(line.sku.as_str()).or_default() += i64::from(line.quantity.get());
    }
    quantities
}
