//! Lookups: what the workers know, asked for in batches. While one request is in flight, the next one
//! fills.

mod listing;
mod order_lookup;
mod recent_lookups;
mod stock;
mod stock_cache;
mod worker_request;

use orders::{OrderContents, OrderView};
use streams::Requester;
use streams::subjects::{CONTENTS_GET, STATUS_GET};

use crate::cache::Cache;
use listing::ListingLookup;
pub(crate) use order_lookup::OrderLookup;
use stock::StockLookup;

/// All lookups of the process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lookups {
    pub(crate) status: OrderLookup<OrderView>,
    /// Inventory alone knows what orders say.
    pub(crate) contents: OrderLookup<OrderContents>,
    pub(crate) listings: ListingLookup,
    pub(crate) stock: StockLookup,
}

impl Lookups {
    /// Starts the tasks that send lookups to `workers`, until every clone is dropped.
    pub(crate) fn start(workers: Requester, cache: Cache) -> Self {
        Self {
            status: OrderLookup::start(workers.clone(), STATUS_GET),
            contents: OrderLookup::start(workers.clone(), CONTENTS_GET),
            listings: ListingLookup::new(workers.clone()),
            stock: StockLookup::start(workers, cache),
        }
    }
}
