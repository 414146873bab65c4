//! Looks up what workers know of orders: requests that arrive while one lookup is in flight share the next.
//!
//! A reply has a limited size, and the smallest answers first. The others are asked for again, in
//! requests that the reply has room for, and beside the lookups of all other orders, which do not
//! wait for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use orders::{OrderId, Unanswered};
use serde::de::DeserializeOwned;
use streams::{GroupLimits, GroupReceiver, GroupSender, REPLY_BYTES_MAX, Requester, group_commit};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::worker_request::request_batch;
use crate::limits::{LOOKUP_BATCH_MAX, LOOKUPS_WAITING_MAX, STATUS_TIMEOUT};

/// Batches lookups: while one request is in flight, the next one fills. Cheap to clone.
pub(crate) struct OrderLookup<View>(GroupSender<LookupRequest<View>>);

struct LookupRequest<View> {
    id: OrderId,
    deadline: Instant,
    /// Dropped if no worker answers.
    reply: oneshot::Sender<Option<Arc<View>>>,
}

impl<View> Clone for OrderLookup<View> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<View: DeserializeOwned + Send + Sync + 'static> OrderLookup<View> {
    /// Starts the tasks that send lookups to the `workers` of `subject`, until every clone is dropped.
    pub(super) fn start(workers: Requester, subject: &'static str) -> Self {
        let queue = |bytes| {
            group_commit(GroupLimits {
                items: LOOKUP_BATCH_MAX,
                bytes,
                waiting: LOOKUPS_WAITING_MAX,
            })
        };
        // The size of an answer is not known before it is asked for.
        let (first, first_queue) = queue(usize::MAX);
        let (again, again_queue) = queue(REPLY_BYTES_MAX);
        tokio::spawn(run_lookups(first_queue, Some(again), workers.clone(), subject));
        tokio::spawn(run_lookups(again_queue, None, workers, subject));
        Self(first)
    }

    /// What the database knows of an order: `Some(None)` if it has no rows, `None` if no worker
    /// answers in time.
    pub(crate) async fn get(&self, id: OrderId) -> Option<Option<Arc<View>>> {
        let deadline = Instant::now() + STATUS_TIMEOUT;
        let (reply, receiver) = oneshot::channel();
        self.0.try_enqueue(LookupRequest { id, deadline, reply }, 0).ok()?;
        timeout_at(deadline, receiver).await.ok()?.ok()
    }
}

/// Sends what is in `queue`, and moves what did not fit into a reply to `again`.
async fn run_lookups<View: DeserializeOwned>(
    mut queue: GroupReceiver<LookupRequest<View>>,
    again: Option<GroupSender<LookupRequest<View>>>,
    workers: Requester,
    subject: &str,
) {
    while let Some(mut requests) = queue.next().await {
        requests.retain(|request| !request.reply.is_closed());
        let Some(deadline) = requests.iter().map(|request| request.deadline).max() else {
            continue;
        };
        let mut waiting: BTreeMap<OrderId, Vec<LookupRequest<View>>> = BTreeMap::new();
        for request in requests {
            waiting.entry(request.id).or_default().push(request);
        }
        let ids: Vec<_> = waiting.keys().collect();
        let timeout = deadline.saturating_duration_since(Instant::now());
        let answers = request_batch(&workers, subject, &ids, timeout).await;
        for (requests, answer) in waiting.into_values().zip(answers.into_iter().flatten()) {
            let answer = answer.map(|view| view.map(Arc::new));
            for request in requests {
                match &answer {
                    // The receiver is gone if the client has disconnected.
                    Ok(view) => drop(request.reply.send(view.clone())),
                    Err(Unanswered::TooLarge { bytes }) => {
                        // Without a place in the queue the request is dropped, and so unanswered.
                        again.as_ref().map(|again| again.try_enqueue(request, *bytes));
                    }
                    Err(Unanswered::Unreadable) => {}
                }
            }
        }
    }
}
