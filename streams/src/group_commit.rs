//! Batches that form by themselves: while one is in flight, the next one fills.
//!
//! There is no timer. The receiver asks for the next batch when it has done with the last one, and
//! gets what has come meanwhile: alone, an item travels alone and at once; under load, batches
//! grow. As databases do with group commit.

use thiserror::Error;
use tokio::sync::mpsc;

/// How large a batch and the queue before it may grow.
#[derive(Debug, Clone, Copy)]
pub struct GroupLimits {
    /// Items in a batch.
    pub items: usize,
    /// Bytes in a batch. A single larger item travels alone.
    pub bytes: usize,
    /// Items that wait for a batch. More are refused at once.
    pub waiting: usize,
}

/// Puts items into the next batch. Cheap to clone.
pub struct GroupSender<T>(mpsc::Sender<Weighted<T>>);

/// Takes batches out.
pub struct GroupReceiver<T> {
    arrivals: mpsc::Receiver<Weighted<T>>,
    /// The item that no longer fitted into the last batch.
    held_over: Option<Weighted<T>>,
    limits: GroupLimits,
}

/// Too many items wait already, or nobody takes them any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many items wait for a batch")]
pub struct QueueFull;

struct Weighted<T> {
    bytes: usize,
    item: T,
}

/// A queue that hands its items out in batches.
pub fn group_commit<T>(limits: GroupLimits) -> (GroupSender<T>, GroupReceiver<T>) {
    let (sender, arrivals) = mpsc::channel(limits.waiting);
    (GroupSender(sender), GroupReceiver { arrivals, held_over: None, limits })
}

impl<T> GroupSender<T> {
    /// Puts `item`, which counts as `bytes`, into the next batch that has room for it.
    pub fn join(&self, item: T, bytes: usize) -> Result<(), QueueFull> {
        self.0.try_send(Weighted { bytes, item }).map_err(|_| QueueFull)
    }

    /// Whether another item would be taken right now.
    pub fn has_room(&self) -> bool {
        self.0.capacity() > 0 && !self.0.is_closed()
    }
}

impl<T> Clone for GroupSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> GroupReceiver<T> {
    /// Waits for an item and takes all that wait with it, as far as they fit into one batch.
    /// `None` when every sender is gone and nothing is left.
    pub async fn next(&mut self) -> Option<Vec<T>> {
        let first = match self.held_over.take() {
            Some(held_over) => held_over,
            None => self.arrivals.recv().await?,
        };
        let mut bytes = first.bytes;
        let mut batch = vec![first.item];
        while batch.len() < self.limits.items {
            match self.arrivals.try_recv() {
                Ok(next) if bytes + next.bytes > self.limits.bytes => {
                    self.held_over = Some(next);
                    break;
                }
                Ok(next) => {
                    bytes += next.bytes;
                    batch.push(next.item);
                }
                Err(_) => break,
            }
        }
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GroupLimits = GroupLimits { items: 3, bytes: 100, waiting: 5 };

    #[tokio::test]
    async fn alone_an_item_travels_alone() {
        let (sender, mut receiver) = group_commit(LIMITS);
        sender.join("a", 1).unwrap();
        assert_eq!(receiver.next().await, Some(vec!["a"]));
    }

    #[tokio::test]
    async fn what_comes_meanwhile_travels_together_up_to_the_limits() {
        let (sender, mut receiver) = group_commit(LIMITS);
        for (item, bytes) in [("a", 1), ("b", 1), ("c", 1), ("d", 60), ("e", 60)] {
            sender.join(item, bytes).unwrap();
        }
        drop(sender);
        assert_eq!(receiver.next().await, Some(vec!["a", "b", "c"]));
        assert_eq!(receiver.next().await, Some(vec!["d"]));
        assert_eq!(receiver.next().await, Some(vec!["e"]));
        assert_eq!(receiver.next().await, None);
    }

    #[tokio::test]
    async fn an_item_larger_than_a_batch_travels_alone() {
        let (sender, mut receiver) = group_commit(LIMITS);
        sender.join("large", 1_000).unwrap();
        sender.join("small", 1).unwrap();
        assert_eq!(receiver.next().await, Some(vec!["large"]));
        assert_eq!(receiver.next().await, Some(vec!["small"]));
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_at_once() {
        let (sender, _receiver) = group_commit(LIMITS);
        for _ in 0..LIMITS.waiting {
            sender.join((), 1).unwrap();
        }
        assert_eq!(sender.join((), 1), Err(QueueFull));
    }
}
