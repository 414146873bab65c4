//! Looks up pages of the orders of a caller, each with a question of its own: no two ask for the same.

use std::sync::Arc;

use orders::{ListingQuery, OrderListing};
use streams::Requester;
use streams::subjects::LISTING_GET;
use tokio::sync::Semaphore;

use super::worker_request::request_batch;
use crate::limits::{LISTINGS_MAX, STATUS_TIMEOUT};
use crate::problem::Problem;

/// Asks workers for listings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ListingLookup {
    workers: Requester,
    slots: Arc<Semaphore>,
}

impl ListingLookup {
    pub(super) fn new(workers: Requester) -> Self {
        Self { workers, slots: Arc::new(Semaphore::new(LISTINGS_MAX)) }
    }

    /// The page that `query` asks for, if a worker answers in time.
    pub(crate) async fn get(&self, query: &ListingQuery) -> Result<OrderListing, Problem> {
        let _slot = self.slots.try_acquire().map_err(|_| Problem::Overloaded)?;
        let queries = std::slice::from_ref(query);
        let answers = request_batch(&self.workers, LISTING_GET, queries, STATUS_TIMEOUT).await;
        let page = answers.and_then(|mut answers| answers.pop()?.ok()?);
        page.ok_or(Problem::ListingUnavailable)
    }
}
