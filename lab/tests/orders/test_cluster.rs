//! A real cluster: started, waited for, and stopped after an audit.

use std::sync::LazyLock;
use std::time::Duration;

use lab::up::{Cluster, Plan};
use millrace::audit::AuditSources;
use millrace::keys::Role;
use orders::{OrderId, OrderView};
use streams::{Connection, Profile};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use workers::database::Database;
use workers::inventory::stock::{self, CatalogItem};
use workers::order_view;
use workers::payment::provider::{Limits, Provider};
use workers::{fulfilment, inventory, payment};

use super::http_client::HttpClient;
use crate::test_servers::{self, wait_until_within};
use crate::time_limit::TimeLimit;

/// Longer than any wait of a test, also where a message is redelivered after the 30 s of production and the
/// machine is busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(100);
/// Long enough for a worker on a busy machine to report progress, short enough to wait for.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// The page size that the payment simulator allows: more intents than any test makes.
const PAGE: u16 = 10_000;
/// The simulator's secret key of these tests.
pub(crate) const PROVIDER_KEY: &str = "sk_test_shop";

/// A cluster, and clients of its parts.
pub(crate) struct TestCluster {
    pub(crate) processes: Cluster,
    pub(crate) sources: AuditSources,
    pub(crate) http: HttpClient,
    _time_limit: Option<TimeLimit>,
}

/// Two edges and a worker for each pool, all of them the binary under test.
pub(crate) fn plan(profile: Profile) -> Plan {
    let mut plan = test_servers::plan(profile);
    plan.ack_wait = Some(ACK_WAIT);
    plan
}

/// Runs `test` on a cluster that it shares with others that do not disturb it: each has its own
/// SKUs and keys. The cluster ends with the process.
pub(crate) fn with_shared_cluster(test: impl AsyncFnOnce(&TestCluster)) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    static CLUSTER: OnceCell<TestCluster> = OnceCell::const_new();
    RUNTIME.block_on(async {
        let start = async || {
            let mut plan = plan(Profile::Single);
            plan.workers = vec![(inventory::POOL, 2), (payment::POOL, 1), (fulfilment::POOL, 1)];
            TestCluster { _time_limit: None, ..TestCluster::start(plan).await }
        };
        let _time_limit = TimeLimit::start();
        test(CLUSTER.get_or_init(start).await).await;
    });
}

impl TestCluster {
    pub(crate) async fn start(plan: Plan) -> Self {
        let time_limit = Some(TimeLimit::start());
        let processes = Cluster::start(plan, &[]).await.unwrap();
        let limits = Limits { attempt_timeout: DEADLINE, page: PAGE, ..Limits::default() };
        let access = processes.servers.brokers.access(Role::Lab);
        let sources = AuditSources {
            connection: Connection::open(&access, "test").await.unwrap(),
            database: processes.database.clone(),
            provider: Provider::new(processes.provider.url(), PROVIDER_KEY, limits).unwrap(),
        };
        Self { processes, sources, http: HttpClient::default(), _time_limit: time_limit }
    }

    /// Three brokers and no workers: stored messages wait for the test.
    pub(crate) async fn without_workers() -> Self {
        let mut plan = plan(Profile::Durable);
        // What the test fetches is redelivered only after the 30 s of production.
        plan.ack_wait = None;
        plan.workers = Vec::new();
        plan.edges = 0;
        Self::start(plan).await
    }

    /// Loads `items` into the catalogue, with their stock.
    pub(crate) async fn load_catalog(&self, items: &[CatalogItem]) {
        stock::load(&self.sources.database, items).await.unwrap();
    }

    pub(crate) async fn on_hand(&self, sku: &str) -> i64 {
        let skus = [sku.parse().unwrap()];
        let found = stock::look_up(&self.sources.database, &skus).await.unwrap();
        found[0].as_ref().unwrap().on_hand
    }

    /// Waits until all orders are final, and returns their states.
    pub(crate) async fn wait_until_final(&self, ids: &[OrderId]) -> Vec<OrderView> {
        let mut views = Vec::new();
        wait_until("all orders are final", async || {
            views = self.views(ids).await.into_iter().flatten().collect();
            views.len() == ids.len() && views.iter().all(|view| view.status.is_final())
        })
        .await;
        views
    }

    /// The states of the orders; none is known while the database is down.
    pub(crate) async fn views(&self, ids: &[OrderId]) -> Vec<Option<OrderView>> {
        match order_view::order_views(&self.sources.database, ids).await {
            Ok(views) => views.into_iter().map(|view| view.unwrap()).collect(),
            Err(_) => vec![None; ids.len()],
        }
    }

    /// Creates a database on the cluster's server, with the tables of every stage and `items`, for
    /// steps that run without the rest of the cluster. Returns its URL.
    pub(crate) async fn create_database(&self, name: &str, items: &[CatalogItem]) -> String {
        let connection = self.sources.database.connection().await.unwrap();
        connection.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = self.processes.servers.postgres.url();
        let url = url.replacen("/millrace?", &format!("/{name}?"), 1);
        let database = Database::open(&url).unwrap();
        workers::migrate(&database).await.unwrap();
        stock::load(&database, items).await.unwrap();
        url
    }

    /// Asserts that the cluster is quiescent and consistent, and stops it.
    pub(crate) async fn verify_and_stop(self, ids: &[OrderId]) {
        self.assert_quiescent_and_consistent(ids).await;
        self.processes.stop().await.unwrap();
    }
}

/// Waits until `condition` holds; panics with its `description` after [`DEADLINE`].
pub(crate) async fn wait_until(description: &str, condition: impl AsyncFnMut() -> bool) {
    wait_until_within(DEADLINE, description, condition).await;
}
