//! Looks up stock: among the recent lookups of the process, or else in Redis, or else in the database. However
//! many requests and edges ask for a SKU, the database is asked once in the time for which its stock is shown.

use std::sync::Arc;

use futures_util::future::try_join_all;
use orders::{Sku, StockView};
use streams::subjects::STOCK_GET;
use streams::{GroupLimits, GroupReceiver, GroupSender, Requester, group_commit};
use tokio::time::{sleep, timeout};

use super::recent_lookups::{Lookup, RecentLookups, SharedAnswer, Stock};
use super::stock_cache::{self, Cached, Claim};
use super::worker_request::request_batch;
use crate::cache::Cache;
use crate::limits::{LOOKUP_BATCH_MAX, STOCK_CLAIM_POLL, STOCK_LOOKUPS_WAITING_MAX, STOCK_TIMEOUT};

/// Looks up stock for the whole process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StockLookup {
    recent: Arc<RecentLookups>,
    queue: GroupSender<Lookup>,
}

/// A lookup that Redis has nothing for.
struct Missing {
    lookup: Lookup,
    claim: Option<Claim>,
}

impl StockLookup {
    /// Starts the tasks that look up stock in `cache` and ask `workers`, until every clone is dropped.
    pub(super) fn start(workers: Requester, cache: Cache) -> Self {
        let cache = Arc::new(cache);
        let (queue, lookups) = queue();
        let (claimed, waiting) = self::queue();
        let (missing, requests) = self::queue();
        let reader = CacheReader { cache: cache.clone(), missing };
        tokio::spawn(read_cache(lookups, reader.clone(), claimed));
        tokio::spawn(wait_for_others(waiting, reader));
        tokio::spawn(request_missing(requests, workers, cache));
        Self { recent: Arc::default(), queue }
    }

    /// The stock of `sku`; `None` if no worker replies in time.
    pub(crate) async fn get(&self, sku: &Sku) -> Option<Stock> {
        timeout(STOCK_TIMEOUT, self.answer(sku)).await.ok()?.ok()
    }

    /// The stock of each of `skus`; `None` if no worker replies in time.
    pub(crate) async fn get_all(&self, skus: &[Sku]) -> Option<Vec<Stock>> {
        let answers = try_join_all(skus.iter().map(|sku| self.answer(sku)));
        timeout(STOCK_TIMEOUT, answers).await.ok()?.ok()
    }

    fn answer(&self, sku: &Sku) -> SharedAnswer {
        self.recent.get_or_begin(sku, |lookup| enqueue(&self.queue, lookup))
    }
}

fn queue<T>() -> (GroupSender<T>, GroupReceiver<T>) {
    group_commit(GroupLimits {
        items: LOOKUP_BATCH_MAX,
        bytes: usize::MAX,
        waiting: STOCK_LOOKUPS_WAITING_MAX,
    })
}

/// Without a place in the queue a lookup is dropped, and so unanswered.
fn enqueue<T>(queue: &GroupSender<T>, lookup: T) {
    queue.try_enqueue(lookup, 0).ok();
}

/// Answers from Redis, and passes on what is missing there.
#[derive(Clone)]
struct CacheReader {
    cache: Arc<Cache>,
    missing: GroupSender<Missing>,
}

impl CacheReader {
    /// Returns the lookups of which others are in flight.
    async fn read(&self, lookups: Vec<Lookup>) -> Vec<Lookup> {
        let skus: Vec<_> = lookups.iter().map(|lookup| &lookup.sku).collect();
        let cached = stock_cache::read_or_claim(&self.cache, &skus).await;
        let mut claimed = Vec::new();
        for (lookup, cached) in lookups.into_iter().zip(cached) {
            match cached {
                Cached::Found(stock) => lookup.answer(stock),
                Cached::Missing(claim) => enqueue(&self.missing, Missing { lookup, claim }),
                Cached::Claimed => claimed.push(lookup),
            }
        }
        claimed
    }
}

async fn read_cache(
    mut queue: GroupReceiver<Lookup>,
    reader: CacheReader,
    claimed: GroupSender<Lookup>,
) {
    while let Some(lookups) = queue.next().await {
        for lookup in reader.read(lookups).await {
            enqueue(&claimed, lookup);
        }
    }
}

/// Reads again what others look up until it is there, or is claimed here because they have failed.
async fn wait_for_others(mut queue: GroupReceiver<Lookup>, reader: CacheReader) {
    while let Some(mut lookups) = queue.next().await {
        while !lookups.is_empty() {
            sleep(STOCK_CLAIM_POLL).await;
            lookups.retain(|lookup| !lookup.is_abandoned());
            lookups = reader.read(lookups).await;
        }
    }
}

async fn request_missing(mut queue: GroupReceiver<Missing>, workers: Requester, cache: Arc<Cache>) {
    while let Some(missing) = queue.next().await {
        let skus: Vec<_> = missing.iter().map(|missing| &missing.lookup.sku).collect();
        let answers = request_batch::<StockView>(&workers, STOCK_GET, &skus, STOCK_TIMEOUT).await;
        // A SKU without an answer must not be taken for one that is not in the catalogue.
        let answered = missing.into_iter().zip(answers.into_iter().flatten());
        let answered: Vec<_> =
            answered.filter_map(|(missing, answer)| Some((missing, answer.ok()?))).collect();
        let entries = answered.iter().filter_map(|(Missing { lookup, claim }, stock)| {
            Some((&lookup.sku, claim.as_ref()?, stock))
        });
        stock_cache::fulfil(&cache, &entries.collect::<Vec<_>>()).await;
        for (missing, stock) in answered {
            missing.lookup.answer(stock);
        }
    }
}
