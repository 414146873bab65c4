//! Lookups: what the workers know, asked for in batches. While one request is in flight, the next one
//! fills.

mod recent_lookups;
mod status;
mod stock;
mod stock_cache;
mod worker_request;

use streams::Requester;

use crate::cache::Cache;
use status::StatusLookup;
use stock::StockLookup;

/// All lookups of the process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lookups {
    pub(crate) status: StatusLookup,
    pub(crate) stock: StockLookup,
}

impl Lookups {
    /// Starts the tasks that send lookups to `workers`, until every clone is dropped.
    pub(crate) fn start(workers: Requester, cache: Cache) -> Self {
        Self {
            status: StatusLookup::start(workers.clone()),
            stock: StockLookup::start(workers, cache),
        }
    }
}
