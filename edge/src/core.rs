//! What one core serves with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use orders::SigningKeys;
use streams::{Connection, GroupLimits, GroupSender, Profile, Publisher, batch, group_commit};
use tokio::task::JoinSet;

use crate::admission::AdmissionGate;
use crate::body::Bodies;
use crate::cache::Cache;
use crate::cancel::{Request, take_requests};
use crate::config::Config;
use crate::durability::DurabilityGate;
use crate::intake::{Submission, take_in};
use crate::limits::{CANCELLATIONS_WAITING_MAX, ORDERS_WAITING_MAX};
use crate::repeats::Repeats;
use crate::serve::EdgeError;
use crate::status::StatusDesk;
use crate::stock::StockDesk;

/// What a process's cores have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) admission: AdmissionGate,
    pub(crate) durability: DurabilityGate,
    pub(crate) bodies: Bodies,
    pub(crate) statuses: StatusDesk,
    pub(crate) stock: StockDesk,
}

/// What the connections of one core have in common.
pub(crate) struct Core {
    pub(crate) secrets: SigningKeys,
    pub(crate) profile: Profile,
    pub(crate) admission: AdmissionGate,
    pub(crate) durability: DurabilityGate,
    pub(crate) bodies: Bodies,
    pub(crate) intake: GroupSender<Submission>,
    pub(crate) cancellations: GroupSender<Request>,
    pub(crate) statuses: StatusDesk,
    pub(crate) stock: StockDesk,
    pub(crate) cache: Arc<Cache>,
    broker: Connection,
    draining: AtomicBool,
}

impl Core {
    /// Connects, and starts what takes orders and requests in: it ends after the last sender is gone.
    pub(crate) async fn open(shared: Shared) -> Result<(Arc<Self>, JoinSet<()>), EdgeError> {
        let Shared { config, admission, durability, bodies, statuses, stock } = shared;
        let broker = Connection::open(&config.brokers.nats_url, "edge").await?;
        let cache = Arc::new(Cache::open(&config.redis_url)?);
        let items = config.batch.max_batch;
        let limits = |waiting| GroupLimits { items, bytes: batch::BYTES_MAX, waiting };
        let (intake, submissions) = group_commit(limits(ORDERS_WAITING_MAX));
        let (cancellations, requests) = group_commit(limits(CANCELLATIONS_WAITING_MAX));
        let (publisher, repeats) = (Publisher::new(broker.clone()), Repeats::new(cache.clone()));
        let mut taking_in = JoinSet::new();
        taking_in.spawn(take_in(submissions, publisher.clone(), repeats));
        taking_in.spawn(take_requests(requests, publisher));
        let core = Self {
            secrets: config.secrets,
            profile: config.brokers.profile,
            admission,
            durability,
            bodies,
            intake,
            cancellations,
            statuses,
            stock,
            cache,
            broker,
            draining: AtomicBool::new(false),
        };
        Ok((Arc::new(core), taking_in))
    }

    /// Whether a broker is connected right now.
    pub(crate) fn reaches_broker(&self) -> bool {
        self.broker.is_connected()
    }

    /// From now on every answer asks its client to go elsewhere.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
