//! Lookups of order status and stock, which workers answer from the database. While one request is in
//! flight, the next one fills.

mod request;
mod status;
mod stock;
mod stock_cache;

pub(crate) use status::StatusLookup;
pub(crate) use stock::StockLookup;
