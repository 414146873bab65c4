//! A shard: the state that the connections of one core share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use orders::SigningKeys;
use streams::{Connection, GroupLimits, GroupSender, Profile, Publisher, batch, group_commit};
use tokio::task::JoinSet;

use crate::body::BodyMemoryBudget;
use crate::cache::Cache;
use crate::config::Config;
use crate::error::EdgeError;
use crate::gates::{AdmissionGate, DurabilityGate};
use crate::ingest::{CancelRequest, IdempotencyCache, Submission, run_cancellations, run_orders};
use crate::limits::{CANCELLATIONS_WAITING_MAX, ORDERS_WAITING_MAX};
use crate::lookup::{StatusLookup, StockLookup};

/// The state that all shards of the process share.
#[derive(Clone)]
pub(crate) struct EdgeState {
    pub(crate) config: Config,
    pub(crate) admission_gate: AdmissionGate,
    pub(crate) durability_gate: DurabilityGate,
    pub(crate) body_budget: BodyMemoryBudget,
    pub(crate) status_lookup: StatusLookup,
    pub(crate) stock_lookup: StockLookup,
}

/// The state that the connections of one core share.
pub(crate) struct Shard {
    pub(crate) signing_keys: SigningKeys,
    pub(crate) profile: Profile,
    pub(crate) admission_gate: AdmissionGate,
    pub(crate) durability_gate: DurabilityGate,
    pub(crate) body_budget: BodyMemoryBudget,
    pub(crate) order_queue: GroupSender<Submission>,
    pub(crate) cancel_queue: GroupSender<CancelRequest>,
    pub(crate) status_lookup: StatusLookup,
    pub(crate) stock_lookup: StockLookup,
    pub(crate) cache: Arc<Cache>,
    broker: Connection,
    draining: AtomicBool,
}

impl Shard {
    /// Connects, and starts the tasks that publish orders and cancel requests. They finish after
    /// the last sender is dropped.
    pub(crate) async fn open(state: EdgeState) -> Result<(Arc<Self>, JoinSet<()>), EdgeError> {
        let EdgeState {
            config,
            admission_gate,
            durability_gate,
            body_budget,
            status_lookup,
            stock_lookup,
        } = state;
        let broker = Connection::open(&config.brokers.nats_url, "edge").await?;
        let cache = Arc::new(Cache::open(&config.redis_url)?);
        let items = config.batch.max_batch;
        let limits = |waiting| GroupLimits { items, bytes: batch::BYTES_MAX, waiting };
        let (order_queue, submissions) = group_commit(limits(ORDERS_WAITING_MAX));
        let (cancel_queue, cancel_requests) = group_commit(limits(CANCELLATIONS_WAITING_MAX));
        let publisher = Publisher::new(broker.clone());
        let idempotency_cache = IdempotencyCache::new(cache.clone());
        let mut ingest_tasks = JoinSet::new();
        ingest_tasks.spawn(run_orders(submissions, publisher.clone(), idempotency_cache));
        ingest_tasks.spawn(run_cancellations(cancel_requests, publisher));
        let shard = Self {
            signing_keys: config.secrets,
            profile: config.brokers.profile,
            admission_gate,
            durability_gate,
            body_budget,
            order_queue,
            cancel_queue,
            status_lookup,
            stock_lookup,
            cache,
            broker,
            draining: AtomicBool::new(false),
        };
        Ok((Arc::new(shard), ingest_tasks))
    }

    pub(crate) fn is_connected_to_broker(&self) -> bool {
        self.broker.is_connected()
    }

    /// From now on every HTTP/1.1 response asks its client to close the connection.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
