//! The state that handlers use. It knows none of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use orders::SigningKeys;
use streams::{Connection, Profile, Publisher, Routes, RoutesWatch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::body::BodyMemoryBudget;
use crate::cache::Cache;
use crate::config::Config;
use crate::cors_origins::CorsOrigins;
use crate::error::EdgeError;
use crate::failure_log::FailureLog;
use crate::follow::Follows;
use crate::gates::Gates;
use crate::identity::Issuer;
use crate::ingest::{BatchSlots, IdempotencyCache, IngestQueues};
use crate::lookup::Lookups;
use crate::quota::EdgeCount;
use crate::webhook_secrets::WebhookSecrets;

/// The state that all shards of the process share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EdgeState {
    pub(crate) config: Config,
    pub(crate) gates: Gates,
    pub(crate) body_budget: BodyMemoryBudget,
    pub(crate) lookups: Lookups,
    pub(crate) issuer: Issuer,
    pub(crate) edges: EdgeCount,
    pub(crate) follows: Follows,
    /// Cancelled once the process is asked to end.
    pub(crate) leaving: CancellationToken,
    /// What is known of the lanes is shared by all shards.
    pub(crate) routes: Routes,
}

/// The state that the connections of one shard share.
pub(crate) struct ShardState {
    pub(crate) access: Access,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) webhook_secrets: Option<WebhookSecrets>,
    pub(crate) cors_origins: Option<CorsOrigins>,
    pub(crate) failure_log: FailureLog,
    pub(crate) profile: Profile,
    pub(crate) gates: Gates,
    pub(crate) body_budget: BodyMemoryBudget,
    pub(crate) ingest: IngestQueues,
    pub(crate) batch_slots: BatchSlots,
    pub(crate) lookups: Lookups,
    pub(crate) follows: Follows,
    pub(crate) idempotency_cache: IdempotencyCache,
    publisher: Publisher,
    _routes_watch: RoutesWatch,
    leaving: CancellationToken,
    draining: AtomicBool,
}

impl ShardState {
    /// Connects, and starts the tasks that publish orders and cancel requests, and count requests. They finish after
    /// the state is dropped.
    pub(crate) async fn open(edge: EdgeState) -> Result<(Arc<Self>, JoinSet<()>), EdgeError> {
        let EdgeState {
            config,
            gates,
            body_budget,
            lookups,
            issuer,
            edges,
            follows,
            leaving,
            routes,
        } = edge;
        let access = config.brokers.access();
        let broker = Connection::open(&access, "edge").await?;
        let cache = Arc::new(Cache::open(&config.redis)?);
        let idempotency_cache = IdempotencyCache::new(cache);
        let brokers = Routes::to_each_broker(broker, &access, "edge publisher").await?;
        let brokers = brokers.sharing_lanes_with(&routes);
        let routes_watch = brokers.watch_connections();
        let publisher = Publisher::new(brokers);
        let (digests, batch_max) = (idempotency_cache.clone(), config.batch.max_batch);
        let (ingest, mut tasks) =
            IngestQueues::start(&publisher, digests, batch_max, gates.counts());
        let access = Access::start(issuer, &config, edges, &mut tasks)?;
        let state = Self {
            access,
            signing_keys: config.secrets,
            webhook_secrets: config.webhook_secrets,
            cors_origins: config.cors_origins,
            failure_log: FailureLog::new(),
            profile: config.brokers.profile,
            gates,
            body_budget,
            ingest,
            batch_slots: BatchSlots::new(),
            lookups,
            follows,
            idempotency_cache,
            publisher,
            _routes_watch: routes_watch,
            leaving,
            draining: AtomicBool::new(false),
        };
        Ok((Arc::new(state), tasks))
    }

    pub(crate) fn is_answered_by_a_broker(&self) -> bool {
        self.publisher.is_answered()
    }

    /// From now on every HTTP/1.1 response asks its client to close the connection.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether a balancer must stop sending requests.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Whether clients are asked to close their connections.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
