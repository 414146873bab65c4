//! The lookups of stock that have begun a moment ago. All requests for a SKU share one lookup in that time, be it
//! in flight or answered.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::FutureExt;
use futures_util::future::Shared;
use orders::{Sku, StockView};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::limits::{RECENT_LOOKUPS_MAX, STOCK_RECENT_TTL};

/// The stock of a SKU; `None` if it is not in the catalogue.
pub(crate) type Stock = Option<Arc<StockView>>;
/// The answer of a lookup; an error if it has none.
pub(super) type SharedAnswer = Shared<oneshot::Receiver<Stock>>;

/// The recent lookups of the process.
#[derive(Default)]
pub(super) struct RecentLookups(RwLock<HashMap<Sku, Recent>>);

struct Recent {
    began: Instant,
    answer: SharedAnswer,
}

/// A lookup that has begun. Without an answer, it fails when it is dropped.
pub(super) struct Lookup {
    pub(super) sku: Sku,
    answer: oneshot::Sender<Stock>,
}

impl RecentLookups {
    /// The answer of the recent lookup of `sku`. If there is none, a new one goes to `begin`.
    pub(super) fn get_or_begin(&self, sku: &Sku, begin: impl FnOnce(Lookup)) -> SharedAnswer {
        let now = Instant::now();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = find(&known, sku, now) {
            return answer;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Another shard may have begun it since.
        if let Some(answer) = find(&known, sku, now) {
            return answer;
        }
        // Each is soon too old in any case.
        if known.len() >= RECENT_LOOKUPS_MAX {
            known.clear();
        }
        let (sender, receiver) = oneshot::channel();
        let answer = receiver.shared();
        known.insert(sku.clone(), Recent { began: now, answer: answer.clone() });
        drop(known);
        begin(Lookup { sku: sku.clone(), answer: sender });
        answer
    }
}

fn find(known: &HashMap<Sku, Recent>, sku: &Sku, now: Instant) -> Option<SharedAnswer> {
    let recent = known.get(sku).filter(|recent| now - recent.began < STOCK_RECENT_TTL)?;
    Some(recent.answer.clone())
}

impl Lookup {
    pub(super) fn answer(self, stock: Option<StockView>) {
        // The receivers are gone if all clients have disconnected.
        self.answer.send(stock.map(Arc::new)).ok();
    }

    /// Whether an answer would reach no request any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku(number: usize) -> Sku {
        number.to_string().parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_is_shared_until_it_is_too_old_also_once_it_is_answered() {
        let recent = RecentLookups::default();
        let mut begun = Vec::new();
        let first = recent.get_or_begin(&sku(1), |lookup| begun.push(lookup));
        tokio::time::advance(STOCK_RECENT_TTL / 2).await;
        let second = recent.get_or_begin(&sku(1), |lookup| begun.push(lookup));
        begun.pop().unwrap().answer(None);
        assert_eq!((first.await, second.await), (Ok(None), Ok(None)));
        let third = recent.get_or_begin(&sku(1), |lookup| begun.push(lookup));
        assert_eq!((third.await, begun.len()), (Ok(None), 0));
        // The age counts from the beginning, since the stock is not older than that.
        tokio::time::advance(STOCK_RECENT_TTL / 2).await;
        let fourth = recent.get_or_begin(&sku(1), |lookup| begun.push(lookup));
        assert_eq!((fourth.peek(), begun.len()), (None, 1));
    }

    #[tokio::test]
    async fn a_lookup_without_an_answer_fails() {
        let recent = RecentLookups::default();
        assert!(recent.get_or_begin(&sku(1), drop).await.is_err());
    }

    #[tokio::test]
    async fn the_number_of_recent_lookups_is_bounded() {
        let recent = RecentLookups::default();
        for number in 0..=RECENT_LOOKUPS_MAX {
            drop(recent.get_or_begin(&sku(number), drop));
            assert!(recent.0.read().unwrap().len() <= RECENT_LOOKUPS_MAX);
        }
    }
}
