//! Looks up the status of orders: requests that arrive while one lookup is in flight share the next.

use orders::{OrderId, OrderView};
use streams::subjects::STATUS_GET;
use streams::{Connection, GroupLimits, GroupReceiver, GroupSender, group_commit};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::worker_request::request_batch;
use crate::limits::{LOOKUP_BATCH_MAX, LOOKUPS_WAITING_MAX, STATUS_TIMEOUT};

/// Batches status lookups: while one request is in flight, the next one fills. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusLookup(GroupSender<LookupRequest>);

struct LookupRequest {
    id: OrderId,
    /// Dropped if no worker replies.
    reply: oneshot::Sender<Option<OrderView>>,
}

impl StatusLookup {
    /// Starts the task that sends lookups over `broker`, until every clone is dropped.
    pub(super) fn start(broker: Connection) -> Self {
        let (sender, queue) = group_commit(GroupLimits {
            items: LOOKUP_BATCH_MAX,
            bytes: usize::MAX,
            waiting: LOOKUPS_WAITING_MAX,
        });
        tokio::spawn(run_lookups(queue, broker));
        Self(sender)
    }

    /// What the database knows of an order: `Some(None)` if it has no rows, `None` if no worker
    /// replies in time.
    pub(crate) async fn get(&self, id: OrderId) -> Option<Option<OrderView>> {
        let (reply, receiver) = oneshot::channel();
        self.0.try_enqueue(LookupRequest { id, reply }, 0).ok()?;
        timeout(STATUS_TIMEOUT, receiver).await.ok()?.ok()
    }
}

async fn run_lookups(mut queue: GroupReceiver<LookupRequest>, broker: Connection) {
    while let Some(mut requests) = queue.next().await {
        requests.retain(|request| !request.reply.is_closed());
        if requests.is_empty() {
            continue;
        }
        let ids: Vec<_> = requests.iter().map(|request| request.id).collect();
        let views = request_batch(&broker, STATUS_GET, &ids, STATUS_TIMEOUT).await;
        for (request, view) in requests.into_iter().zip(views.into_iter().flatten()) {
            // The receiver is gone if the client has disconnected.
            request.reply.send(view).ok();
        }
    }
}
