//! Ingest: what clients submit waits in a queue, goes to the brokers in batches, and is answered when
//! its batch is stored. While one batch is in flight, the next one fills.

mod batch;
mod batch_slots;
mod idempotency;
mod order_requests;
mod submissions;

use orders::EventKind;
use streams::{GroupLimits, GroupSender, Publisher, group_commit};
use tokio::task::JoinSet;

pub(crate) use batch::SubmitResult;
pub(crate) use batch_slots::BatchSlots;
pub(crate) use idempotency::IdempotencyCache;
pub(crate) use order_requests::OrderRequest;
pub(crate) use submissions::Submission;

use crate::limits::{ORDER_REQUESTS_WAITING_MAX, ORDERS_WAITING_MAX};
use crate::order_counts::OrderCounts;
use order_requests::run_order_requests;

/// The events that an edge publishes.
pub const PUBLISHED_EVENTS: &[EventKind] =
    &[EventKind::Created, EventKind::CancelRequested, EventKind::PaymentSubmitted];

/// The queues of one shard.
pub(crate) struct IngestQueues {
    pub(crate) orders: GroupSender<Submission>,
    pub(crate) cancellations: GroupSender<OrderRequest>,
    pub(crate) payments: GroupSender<OrderRequest>,
}

impl IngestQueues {
    /// Starts the tasks that store what is in the queues, up to `batch_max` items in a message. They
    /// finish after the queues are dropped.
    pub(crate) fn start(
        publisher: &Publisher,
        idempotency_cache: IdempotencyCache,
        batch_max: usize,
        counts: OrderCounts,
    ) -> (Self, JoinSet<()>) {
        let limits =
            |waiting| GroupLimits { items: batch_max, bytes: streams::batch::BYTES_MAX, waiting };
        let (orders, submissions) = group_commit(limits(ORDERS_WAITING_MAX));
        let (cancellations, cancel_requests) = group_commit(limits(ORDER_REQUESTS_WAITING_MAX));
        let (payments, payment_requests) = group_commit(limits(ORDER_REQUESTS_WAITING_MAX));
        let mut tasks = JoinSet::new();
        tasks.spawn(submissions::run_submissions(
            submissions,
            publisher.clone(),
            idempotency_cache,
            counts,
        ));
        for (kind, queue) in [
            (EventKind::CancelRequested, cancel_requests),
            (EventKind::PaymentSubmitted, payment_requests),
        ] {
            tasks.spawn(run_order_requests(kind, queue, publisher.clone()));
        }
        (Self { orders, cancellations, payments }, tasks)
    }
}
