//! The intake: orders become one message, stored once, and everybody who waits is answered.

mod batch;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use orders::{BodyDigest, EventKind, OrderId};
use streams::{GroupReceiver, Publisher};
use tokio::sync::oneshot;

use crate::repeats::Repeats;
pub(crate) use batch::{Batch, Outcome};

/// An order that waits to be taken in.
pub(crate) struct Submission {
    /// Whose it is.
    pub(crate) order_id: OrderId,
    /// What it says.
    pub(crate) digest: BodyDigest,
    /// Its event, as it will stand in the message.
    pub(crate) line: Vec<u8>,
    /// Where its client waits.
    pub(crate) outcome: oneshot::Sender<Outcome>,
}

/// What Redis does not know yet.
type News = Vec<(OrderId, BodyDigest)>;

/// Takes orders in, one batch at a time, until every sender is gone.
pub(crate) async fn take_in(
    mut arriving: GroupReceiver<Submission>,
    publisher: Publisher,
    repeats: Repeats,
) {
    while let Some(mut submissions) = arriving.next().await {
        // Whoever has gone is not waiting for an answer, so no promise is made.
        submissions.retain(|submission| !submission.outcome.is_closed());
        let known = repeats.known(submissions.iter().map(|submission| submission.order_id)).await;
        let (mut batch, news) = gather(submissions, known);
        let stored = batch.store(EventKind::Created, &publisher).await;
        if stored {
            repeats.remember(&news);
        }
        batch.answer(stored);
    }
}

/// Makes a batch with one record for each order. What is known to stand under an id refuses every
/// other order at once; between two that are new, the first one stands.
fn gather(submissions: Vec<Submission>, known: Vec<Option<BodyDigest>>) -> (Batch, News) {
    let (mut batch, mut news) = (Batch::default(), News::new());
    let mut standing = HashMap::with_capacity(submissions.len());
    for (Submission { order_id, digest, line, outcome }, known) in
        submissions.into_iter().zip(known)
    {
        if known.is_some_and(|known| known != digest) {
            outcome.send(Outcome::Conflict).ok();
            continue;
        }
        let once_stored = match standing.entry(order_id) {
            Entry::Vacant(place) => {
                place.insert(digest);
                batch.push(&line);
                if known.is_none() {
                    news.push((order_id, digest));
                }
                Outcome::Accepted { replayed: known.is_some() }
            }
            Entry::Occupied(place) if *place.get() == digest => {
                Outcome::Accepted { replayed: true }
            }
            Entry::Occupied(_) => Outcome::Conflict,
        };
        batch.wait(outcome, once_stored);
    }
    (batch, news)
}

#[cfg(test)]
mod tests;
