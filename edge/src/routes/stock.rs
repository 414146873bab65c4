//! `GET /v1/stock/{sku}` and `GET /v1/stock?sku=A&sku=B`: stock levels, at most two seconds old.

use orders::{Currency, Sku, StockView};
use serde::Serialize;

use crate::limits::SKUS_MAX;
use crate::problem::Problem;
use crate::response::{HttpResponse, json};
use crate::state::ShardState;

/// The stock of one SKU.
#[derive(Serialize)]
struct StockResponse<'a> {
    sku: &'a Sku,
    on_hand: i64,
    /// Minor units of `currency`.
    unit_price: i64,
    currency: Currency,
    /// The decimals of its minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    exponent: Option<u8>,
}

/// The stock of several SKUs.
#[derive(Serialize)]
struct StockListResponse<'a> {
    stock: Vec<StockResponse<'a>>,
    /// SKUs that are not in the catalogue.
    unknown: Vec<&'a Sku>,
}

/// Returns the stock of the SKU that `text` names.
pub(super) async fn get_stock(state: &ShardState, text: &str) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::NoSuchSku(text.to_owned());
    let sku: Sku = text.parse().map_err(|_| unknown())?;
    let stock = state.lookups.stock.get(&sku).await.ok_or(Problem::StockUnavailable)?;
    let view = stock.ok_or_else(unknown)?;
    Ok(json(&StockResponse::from(&*view)))
}

/// Returns the stock of the SKUs in the query string.
pub(super) async fn list_stock(state: &ShardState, query: &str) -> Result<HttpResponse, Problem> {
    let skus = parse_skus(query)?;
    let stock = state.lookups.stock.get_all(&skus).await.ok_or(Problem::StockUnavailable)?;
    let mut list = StockListResponse { stock: Vec::new(), unknown: Vec::new() };
    for (sku, view) in skus.iter().zip(&stock) {
        match view {
            Some(view) => list.stock.push(StockResponse::from(&**view)),
            None => list.unknown.push(sku),
        }
    }
    Ok(json(&list))
}

/// The SKUs of a query string without duplicates, in their first order.
fn parse_skus(query: &str) -> Result<Vec<Sku>, Problem> {
    let mut skus = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "sku" {
            return Err(Problem::InvalidStockQuery("Unknown parameter, expected `sku`"));
        }
        let sku = value.parse().map_err(|_| Problem::InvalidStockQuery("Invalid SKU"))?;
        if skus.len() == SKUS_MAX {
            return Err(Problem::InvalidStockQuery("Too many SKUs"));
        }
        if !skus.contains(&sku) {
            skus.push(sku);
        }
    }
    if skus.is_empty() {
        return Err(Problem::InvalidStockQuery("Missing parameter `sku`"));
    }
    Ok(skus)
}

impl<'a> From<&'a StockView> for StockResponse<'a> {
    fn from(view: &'a StockView) -> Self {
        let StockView { sku, on_hand, unit_price, .. } = view;
        Self {
            sku,
            on_hand: *on_hand,
            unit_price: unit_price.amount,
            currency: unit_price.currency,
            exponent: unit_price.currency.exponent(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_query_yields_each_sku_once_in_the_order_of_its_first_mention() {
        let skus = parse_skus("sku=B&sku=A%20B&sku=B&sku=C+D").unwrap();
        let skus: Vec<_> = skus.iter().map(Sku::as_str).collect();
        assert_eq!(skus, ["B", "A B", "C D"]);
    }

    #[test]
    fn a_stock_query_with_no_or_too_many_skus_or_another_parameter_is_invalid() {
        for query in ["", "sku=", "sku=%00", "page=1", "sku=A&limit=3"] {
            assert!(parse_skus(query).is_err(), "{query}");
        }
        let distinct = (0..SKUS_MAX).map(|sku| ("sku", sku.to_string()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(distinct).finish();
        assert_eq!(parse_skus(&query).unwrap().len(), SKUS_MAX);
        assert!(parse_skus(&(query + "&sku=more")).is_err());
    }
}
