//! Group commit, as in databases: while one batch is in flight, the next one fills.
//!
//! There is no timer. The receiver takes the next batch when the last one is complete, and gets all
//! items that arrived in the meantime. When idle, an item is sent by itself, immediately; under
//! load, batches grow.

use thiserror::Error;
use tokio::sync::mpsc;

/// The limits of a batch and of the queue in front of it.
#[derive(Debug, Clone, Copy)]
pub struct GroupLimits {
    /// The most items in a batch.
    pub items: usize,
    /// The most bytes in a batch. A single larger item forms a batch by itself.
    pub bytes: usize,
    /// The most items in the queue. Further ones are rejected immediately.
    pub waiting: usize,
}

/// Enqueues items for the next batch. Cheap to clone.
pub struct GroupSender<T>(mpsc::Sender<Weighted<T>>);

/// Dequeues batches.
pub struct GroupReceiver<T> {
    queue: mpsc::Receiver<Weighted<T>>,
    /// The item that did not fit into the last batch.
    carried_over: Option<Weighted<T>>,
    limits: GroupLimits,
}

/// The queue is full, or its receiver is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue is full")]
pub struct QueueFull;

struct Weighted<T> {
    bytes: usize,
    item: T,
}

/// Creates a queue whose items are dequeued in batches.
pub fn group_commit<T>(limits: GroupLimits) -> (GroupSender<T>, GroupReceiver<T>) {
    let (sender, queue) = mpsc::channel(limits.waiting);
    (GroupSender(sender), GroupReceiver { queue, carried_over: None, limits })
}

impl<T> GroupSender<T> {
    /// Enqueues `item`, which counts as `bytes` bytes, without waiting.
    pub fn try_enqueue(&self, item: T, bytes: usize) -> Result<(), QueueFull> {
        self.0.try_send(Weighted { bytes, item }).map_err(|_| QueueFull)
    }

    /// Whether the queue would accept another item now.
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
    /// Waits for an item, and takes all others in the queue that fit into the same batch.
    /// `None` when every sender is gone and the queue is empty.
    pub async fn next(&mut self) -> Option<Vec<T>> {
        let first = match self.carried_over.take() {
            Some(item) => item,
            None => self.queue.recv().await?,
        };
        let mut bytes = first.bytes;
        let mut batch = vec![first.item];
        while batch.len() < self.limits.items {
            match self.queue.try_recv() {
                Ok(next) if bytes + next.bytes > self.limits.bytes => {
                    self.carried_over = Some(next);
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
    async fn a_single_queued_item_forms_a_batch_by_itself() {
        let (sender, mut receiver) = group_commit(LIMITS);
        sender.try_enqueue("a", 1).unwrap();
        assert_eq!(receiver.next().await, Some(vec!["a"]));
    }

    #[tokio::test]
    async fn queued_items_form_batches_up_to_the_limits_of_items_and_bytes() {
        let (sender, mut receiver) = group_commit(LIMITS);
        for (item, bytes) in [("a", 1), ("b", 1), ("c", 1), ("d", 60), ("e", 60)] {
            sender.try_enqueue(item, bytes).unwrap();
        }
        drop(sender);
        assert_eq!(receiver.next().await, Some(vec!["a", "b", "c"]));
        assert_eq!(receiver.next().await, Some(vec!["d"]));
        assert_eq!(receiver.next().await, Some(vec!["e"]));
        assert_eq!(receiver.next().await, None);
    }

    #[tokio::test]
    async fn an_item_larger_than_the_byte_limit_forms_a_batch_by_itself() {
        let (sender, mut receiver) = group_commit(LIMITS);
        sender.try_enqueue("large", 1_000).unwrap();
        sender.try_enqueue("small", 1).unwrap();
        assert_eq!(receiver.next().await, Some(vec!["large"]));
        assert_eq!(receiver.next().await, Some(vec!["small"]));
    }

    #[tokio::test]
    async fn a_full_queue_rejects_further_items_immediately() {
        let (sender, _receiver) = group_commit(LIMITS);
        for _ in 0..LIMITS.waiting {
            sender.try_enqueue((), 1).unwrap();
        }
        assert_eq!(sender.try_enqueue((), 1), Err(QueueFull));
    }
}
