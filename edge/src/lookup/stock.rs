//! Looks up stock, in Redis or else in the database. Concurrent requests for a SKU that is not in
//! Redis share one lookup.

use std::collections::{BTreeSet, HashMap};

use orders::{Sku, StockView};
use streams::subjects::STOCK_GET;
use streams::{GroupLimits, GroupReceiver, GroupSender, Requester, group_commit};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::stock_cache;
use super::worker_request::request_batch;
use crate::cache::Cache;
use crate::limits::{LOOKUP_BATCH_MAX, LOOKUPS_WAITING_MAX, STOCK_TIMEOUT};

/// Batches and coalesces stock lookups. One for the whole process, so that a SKU is looked up once
/// for all requests that wait for it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StockLookup(GroupSender<LookupRequest>);

struct LookupRequest {
    skus: Vec<Sku>,
    /// Dropped if no worker replies.
    reply: oneshot::Sender<Vec<Option<StockView>>>,
}

impl StockLookup {
    /// Starts the task that sends lookups to `workers`, until every clone is dropped.
    pub(super) fn start(workers: Requester, cache: Cache) -> Self {
        let (sender, queue) = group_commit(GroupLimits {
            items: LOOKUP_BATCH_MAX,
            // Each request counts as its number of SKUs instead of bytes.
            bytes: LOOKUP_BATCH_MAX,
            waiting: LOOKUPS_WAITING_MAX,
        });
        tokio::spawn(run_lookups(queue, workers, cache));
        Self(sender)
    }

    /// The stock of each of `skus`, with `None` for one that is not in the catalogue. `None` for
    /// all if no worker replies in time. `cache` is the connection to Redis of the calling shard.
    pub(crate) async fn get(&self, cache: &Cache, skus: &[Sku]) -> Option<Vec<Option<StockView>>> {
        let mut views = stock_cache::read(cache, skus).await;
        let missing = skus.iter().zip(&views).filter(|(_, view)| view.is_none());
        let missing: Vec<Sku> = missing.map(|(sku, _)| sku.clone()).collect();
        if missing.is_empty() {
            return Some(views);
        }
        let fetched = self.request(missing).await?;
        for (slot, view) in views.iter_mut().filter(|view| view.is_none()).zip(fetched) {
            *slot = view;
        }
        Some(views)
    }

    async fn request(&self, skus: Vec<Sku>) -> Option<Vec<Option<StockView>>> {
        let (reply, receiver) = oneshot::channel();
        let count = skus.len();
        self.0.try_enqueue(LookupRequest { skus, reply }, count).ok()?;
        timeout(STOCK_TIMEOUT, receiver).await.ok()?.ok()
    }
}

async fn run_lookups(mut queue: GroupReceiver<LookupRequest>, workers: Requester, cache: Cache) {
    while let Some(mut requests) = queue.next().await {
        requests.retain(|request| !request.reply.is_closed());
        let skus: BTreeSet<_> = requests.iter().flat_map(|request| &request.skus).collect();
        let skus: Vec<_> = skus.into_iter().cloned().collect();
        let Some(views) = fetch(&skus, &workers, &cache).await else { continue };
        for LookupRequest { skus, reply } in requests {
            // The receiver is gone if the client has disconnected.
            reply.send(skus.iter().map(|sku| views.get(sku).cloned()).collect()).ok();
        }
    }
}

async fn fetch(
    skus: &[Sku],
    workers: &Requester,
    cache: &Cache,
) -> Option<HashMap<Sku, StockView>> {
    // The previous lookup may have cached the same SKUs.
    let cached = stock_cache::read(cache, skus).await;
    let missing = skus.iter().zip(&cached).filter(|(_, view)| view.is_none());
    let missing: Vec<_> = missing.map(|(sku, _)| sku).collect();
    let fetched = if missing.is_empty() {
        Vec::new()
    } else {
        let answers = request_batch(workers, STOCK_GET, &missing, STOCK_TIMEOUT).await?;
        // A SKU without an answer must not be taken for one that is not in the catalogue. Each fits
        // into the reply, so that is an error.
        let views: Vec<Option<_>> = answers.into_iter().collect::<Result<_, _>>().ok()?;
        views.into_iter().flatten().collect()
    };
    stock_cache::write(cache, &fetched).await;
    let views = cached.into_iter().flatten().chain(fetched);
    Some(views.map(|view| (view.sku.clone(), view)).collect())
}
