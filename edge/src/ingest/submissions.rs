//! Orders: a batch of them becomes one message, stored once, and every waiting request receives its
//! result.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use orders::{BodyDigest, EventKind, OrderId};
use streams::{GroupReceiver, Publisher};
use tokio::sync::oneshot;

use super::batch::{Batch, SubmitResult};
use super::idempotency::IdempotencyCache;
use crate::order_counts::OrderCounts;

/// An order that waits to be stored.
pub(crate) struct Submission {
    pub(crate) order_id: OrderId,
    /// The digest of the order's content.
    pub(crate) digest: BodyDigest,
    /// The order's event, as one line of the message.
    pub(crate) line: Vec<u8>,
    pub(crate) reply: oneshot::Sender<SubmitResult>,
}

/// Orders that are not in the idempotency cache yet.
type NewEntries = Vec<(OrderId, BodyDigest)>;

/// Stores orders, one batch at a time, until every sender is dropped.
pub(super) async fn run_submissions(
    mut queue: GroupReceiver<Submission>,
    publisher: Publisher,
    idempotency_cache: IdempotencyCache,
    counts: OrderCounts,
) {
    while let Some(mut submissions) = queue.next().await {
        // A client that has disconnected receives no 202, so its order need not be stored.
        submissions.retain(|submission| !submission.reply.is_closed());
        let ids = submissions.iter().map(|submission| submission.order_id);
        let cached_digests = idempotency_cache.get(ids).await;
        let (mut batch, new_entries) = build_batch(submissions, cached_digests);
        let is_stored = batch.store(EventKind::Created, &publisher).await;
        if is_stored {
            idempotency_cache.insert(&new_entries);
        }
        counts.count_batch(batch.pending.len(), is_stored);
        batch.send_results(is_stored);
    }
}

/// A batch with every order, since only inventory can decide which of two bodies under one id it
/// processes. A repeat in the batch of the first body under an id shares its record.
fn build_batch(
    submissions: Vec<Submission>,
    cached_digests: Vec<Option<BodyDigest>>,
) -> (Batch, NewEntries) {
    let mut batch = Batch::default();
    let mut new_entries = NewEntries::new();
    let mut first_digests = HashMap::with_capacity(submissions.len());
    for (submission, cached) in submissions.into_iter().zip(cached_digests) {
        let Submission { order_id, digest, line, reply } = submission;
        let first_digest = match first_digests.entry(order_id) {
            Entry::Vacant(entry) => {
                entry.insert(digest);
                if cached.is_none() {
                    new_entries.push((order_id, digest));
                }
                None
            }
            Entry::Occupied(entry) => Some(*entry.get()),
        };
        if first_digest != Some(digest) {
            batch.push(&line);
        }
        let known_digest = cached.or(first_digest);
        batch.on_stored(reply, SubmitResult::Stored { known_digest });
    }
    (batch, new_entries)
}

#[cfg(test)]
mod tests;
