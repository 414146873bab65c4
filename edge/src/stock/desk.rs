//! Asks for stock that Redis does not know: once for all who wait.

use std::collections::{BTreeSet, HashMap};

use orders::{Sku, StockView};
use streams::names::STOCK_GET;
use streams::{Connection, GroupLimits, GroupReceiver, GroupSender, group_commit};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::cache;
use crate::cache::Cache;
use crate::limits::{QUESTIONS_MAX, QUESTIONS_WAITING_MAX, STOCK_PATIENCE};
use crate::question;

/// One for the whole process, so that a SKU is asked for once, however many wait for it.
#[derive(Clone)]
pub(crate) struct StockDesk(GroupSender<Wanted>);

struct Wanted {
    skus: Vec<Sku>,
    /// Dropped where nobody answers.
    views: oneshot::Sender<Vec<Option<StockView>>>,
}

impl StockDesk {
    /// A desk that asks over `broker`, for as long as somebody can ask it.
    pub(crate) fn open(broker: Connection, cache: Cache) -> Self {
        let (sender, wanted) = group_commit(GroupLimits {
            items: QUESTIONS_MAX,
            // Counted in SKUs here.
            bytes: QUESTIONS_MAX,
            waiting: QUESTIONS_WAITING_MAX,
        });
        tokio::spawn(answer(wanted, broker, cache));
        Self(sender)
    }

    /// The stock of each of `skus`, `None` where the catalogue does not know it; `None` for all
    /// where nobody answers in time.
    pub(super) async fn ask(&self, skus: Vec<Sku>) -> Option<Vec<Option<StockView>>> {
        let (views, heard) = oneshot::channel();
        let count = skus.len();
        self.0.join(Wanted { skus, views }, count).ok()?;
        timeout(STOCK_PATIENCE, heard).await.ok()?.ok()
    }
}

async fn answer(mut wanted: GroupReceiver<Wanted>, broker: Connection, cache: Cache) {
    while let Some(mut wanted) = wanted.next().await {
        wanted.retain(|wanted| !wanted.views.is_closed());
        let skus: BTreeSet<_> = wanted.iter().flat_map(|wanted| &wanted.skus).cloned().collect();
        let skus: Vec<_> = skus.into_iter().collect();
        let Some(found) = find(&skus, &broker, &cache).await else { continue };
        for Wanted { skus, views } in wanted {
            // Who has gone needs no answer.
            views.send(skus.iter().map(|sku| found.get(sku).cloned()).collect()).ok();
        }
    }
}

async fn find(skus: &[Sku], broker: &Connection, cache: &Cache) -> Option<HashMap<Sku, StockView>> {
    // The question before this one may have been about the same SKUs.
    let held = cache::read(cache, skus).await;
    let missing = skus.iter().zip(&held).filter(|(_, view)| view.is_none());
    let missing: Vec<_> = missing.map(|(sku, _)| sku).collect();
    let asked = if missing.is_empty() {
        Vec::new()
    } else {
        let answers = question::ask(broker, STOCK_GET, &missing, STOCK_PATIENCE).await?;
        answers.into_iter().flatten().collect()
    };
    cache::write(cache, &asked).await;
    let found = held.into_iter().flatten().chain(asked);
    Some(found.map(|view| (view.sku.clone(), view)).collect())
}
