//! `GET /v1/stock/{sku}` and `GET /v1/stock?sku=A&sku=B`: what is on hand, at most two seconds old.

mod cache;
mod desk;

use orders::{Currency, Sku, StockView};
use percent_encoding::percent_decode_str;
use serde::Serialize;

pub(crate) use desk::StockDesk;

use crate::core::Core;
use crate::limits::SKUS_MAX;
use crate::problem::Problem;
use crate::response::{Answer, json};

/// The stock of one SKU, as a buyer is shown it.
#[derive(Serialize)]
struct Shown {
    sku: Sku,
    on_hand: i64,
    /// Minor units.
    unit_price: i64,
    currency: Currency,
}

/// The stock of several.
#[derive(Serialize)]
struct ShownList {
    stock: Vec<Shown>,
    unknown: Vec<Sku>,
}

/// Shows the stock of the SKU that is percent-encoded in `segment`.
pub(crate) async fn one(core: &Core, segment: &str) -> Result<Answer, Problem> {
    let text = percent_decode_str(segment).decode_utf8_lossy();
    let unknown = || Problem::NoSuchSku(text.clone().into_owned());
    let sku: Sku = text.parse().map_err(|_| unknown())?;
    let found = look_up(core, &[sku]).await?;
    let view = found.into_iter().flatten().next().ok_or_else(unknown)?;
    Ok(json(&Shown::from(view)))
}

/// Shows the stock of the SKUs that `query` names.
pub(crate) async fn several(core: &Core, query: &str) -> Result<Answer, Problem> {
    let skus = named_skus(query)?;
    let found = look_up(core, &skus).await?;
    let mut list = ShownList { stock: Vec::new(), unknown: Vec::new() };
    for (sku, view) in skus.into_iter().zip(found) {
        match view {
            Some(view) => list.stock.push(view.into()),
            None => list.unknown.push(sku),
        }
    }
    Ok(json(&list))
}

/// The stock of each of `skus`; `None` where the catalogue does not know it.
async fn look_up(core: &Core, skus: &[Sku]) -> Result<Vec<Option<StockView>>, Problem> {
    let mut found = cache::read(&core.cache, skus).await;
    let missing = || skus.iter().zip(&found).filter(|(_, view)| view.is_none());
    let missing: Vec<Sku> = missing().map(|(sku, _)| sku.clone()).collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let asked = core.stock.ask(missing).await.ok_or(Problem::StockUnavailable)?;
    for (place, view) in found.iter_mut().filter(|view| view.is_none()).zip(asked) {
        *place = view;
    }
    Ok(found)
}

fn named_skus(query: &str) -> Result<Vec<Sku>, Problem> {
    let mut skus = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "sku" {
            return Err(Problem::StockQuery("A parameter is not `sku`"));
        }
        let sku = value.parse().map_err(|_| Problem::StockQuery("A `sku` is no SKU"))?;
        if skus.len() == SKUS_MAX {
            return Err(Problem::StockQuery("There are too many SKUs"));
        }
        if !skus.contains(&sku) {
            skus.push(sku);
        }
    }
    if skus.is_empty() { Err(Problem::StockQuery("There is no `sku`")) } else { Ok(skus) }
}

impl From<StockView> for Shown {
    fn from(view: StockView) -> Self {
        let StockView { sku, on_hand, unit_price, .. } = view;
        Self { sku, on_hand, unit_price: unit_price.amount, currency: unit_price.currency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_each_sku_once_in_its_order() {
        let skus = named_skus("sku=B&sku=A%20B&sku=B&sku=C+D").unwrap();
        let skus: Vec<_> = skus.iter().map(Sku::as_str).collect();
        assert_eq!(skus, ["B", "A B", "C D"]);
    }

    #[test]
    fn a_query_without_skus_or_with_something_else_is_none() {
        for query in ["", "sku=", "sku=%00", "page=1", "sku=A&limit=3"] {
            assert!(named_skus(query).is_err(), "{query}");
        }
        let distinct = (0..SKUS_MAX).map(|sku| ("sku", sku.to_string()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(distinct).finish();
        assert_eq!(named_skus(&query).unwrap().len(), SKUS_MAX);
        assert!(named_skus(&(query + "&sku=more")).is_err());
    }
}
