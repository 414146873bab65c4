//! `GET /v1/orders/{id}`: the status of an order, as any worker reports it.

use std::time::SystemTime;

use orders::{OrderId, OrderView, Reason, Status, StatusChange};
use serde::Serialize;
use streams::subjects::STATUS_GET;
use streams::{Connection, GroupLimits, GroupReceiver, GroupSender, group_commit};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::limits::{LOOKUP_BATCH_MAX, LOOKUPS_WAITING_MAX, PAYMENT_DELAYED_AFTER, STATUS_TIMEOUT};
use crate::lookup;
use crate::problem::Problem;
use crate::response::{HttpResponse, json};
use crate::shard::Shard;

/// Batches status lookups: while one request is in flight, the next one fills. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusLookup(GroupSender<LookupRequest>);

struct LookupRequest {
    id: OrderId,
    /// Dropped if no worker replies.
    reply: oneshot::Sender<Option<OrderView>>,
}

#[derive(Serialize)]
struct StatusResponse<'a> {
    order_id: &'a str,
    status: Status,
    reason: Option<Reason>,
    history: Vec<StatusChangeResponse>,
    /// Whether a worker replied from the database.
    current: bool,
    /// Whether the order waits longer than usual to be paid, for any reason.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    payment_delayed: bool,
}

#[derive(Serialize)]
struct StatusChangeResponse {
    status: Status,
    at: String,
}

/// Returns the status of the order whose signed id is `signed_id`.
pub(crate) async fn get_order_status(
    shard: &Shard,
    signed_id: &str,
) -> Result<HttpResponse, Problem> {
    let order_id = shard.signing_keys.verify(signed_id).ok_or(Problem::NoSuchOrder)?.id();
    let found = shard.status_lookup.get(order_id).await;
    let current = found.is_some();
    // An order without rows is accepted: the signature of its id proves that an edge issued it.
    let view = found.flatten().unwrap_or_else(|| OrderView {
        status: Status::Accepted,
        reason: None,
        history: Vec::new(),
    });
    let payment_delayed = is_payment_delayed(&view, SystemTime::now());
    let OrderView { status, reason, history } = view;
    let history = history.into_iter().map(StatusChangeResponse::from).collect();
    let order_id = signed_id;
    Ok(json(&StatusResponse { order_id, status, reason, history, current, payment_delayed }))
}

/// A charge follows the reservation within moments, unless the provider or the payment workers are
/// unavailable.
fn is_payment_delayed(view: &OrderView, now: SystemTime) -> bool {
    match view.history.last() {
        Some(&StatusChange { status: Status::Reserved, at }) => {
            now.duration_since(at.into()).is_ok_and(|waited| waited > PAYMENT_DELAYED_AFTER)
        }
        _ => false,
    }
}

impl StatusLookup {
    /// Starts the task that sends lookups over `broker`, until every clone is dropped.
    pub(crate) fn start(broker: Connection) -> Self {
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
        let views = lookup::request_batch(&broker, STATUS_GET, &ids, STATUS_TIMEOUT).await;
        for (request, view) in requests.into_iter().zip(views.into_iter().flatten()) {
            // The receiver is gone if the client has disconnected.
            request.reply.send(view).ok();
        }
    }
}

impl From<StatusChange> for StatusChangeResponse {
    fn from(change: StatusChange) -> Self {
        Self { status: change.status, at: change.at.to_string() }
    }
}
