//! `GET /v1/orders`: the caller's own orders, the newest first, and the order under a key whose response was lost.

use orders::{Currency, ListedOrder, OrderListing, Status};
use serde::Serialize;

use super::listing_query::{Cursor, parse};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::response::{HttpResponse, json};
use crate::state::ShardState;

#[derive(Serialize)]
struct ListingResponse<'a> {
    orders: Vec<ListedOrderResponse<'a>>,
    /// What the next page is asked for with; null at the end.
    next: Option<String>,
}

/// An order in a listing, without anything about a person.
#[derive(Serialize)]
struct ListedOrderResponse<'a> {
    order_id: String,
    status: Status,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    exponent: Option<u8>,
    total: i64,
}

/// Returns a page of the orders of `caller` that the query string asks for.
pub(super) async fn list_orders(
    state: &ShardState,
    caller: &Caller,
    query: &str,
) -> Result<HttpResponse, Problem> {
    if caller.name.is_public() {
        return Err(Problem::CallerRequired);
    }
    let query = parse(query, &caller.name, state.signing_keys.caller_hashes(&caller.name))?;
    let OrderListing { orders, next } = state.lookups.listings.get(&query).await?;
    let show = |order| ListedOrderResponse::of(order, state, caller);
    let next = next.map(|place| Cursor(place).to_string());
    Ok(json(&ListingResponse { orders: orders.iter().map(show).collect(), next }))
}

impl<'a> ListedOrderResponse<'a> {
    fn of(order: &'a ListedOrder, state: &ShardState, caller: &Caller) -> Self {
        let ListedOrder { place, status, reference, total } = order;
        Self {
            order_id: state.signing_keys.sign(place.id, &caller.name).to_string(),
            status: *status,
            created_at: place.at.to_string(),
            reference: reference.as_deref(),
            currency: total.currency,
            exponent: total.currency.exponent(),
            total: total.amount,
        }
    }
}
