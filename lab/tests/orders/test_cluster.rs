//! A shop on a real cluster: opened, waited for, and closed when its books balance.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use lab::up::{Cluster, Plan};
use millrace::audit::AuditSources;
use orders::{OrderId, OrderView};
use streams::{Connection, Pool, Profile};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use workers::database::Database;
use workers::inventory::stock::{self, CatalogItem};
use workers::payment::provider::{Limits, Provider};
use workers::view;

use super::http_client::Http;

/// A message of a killed worker is delivered again after 30 s; on a busy machine all takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(100);
/// Long enough for a worker on a busy machine to report progress, short enough to wait for.
const ACK_WAIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What our own provider gives in one page: more intents than any test makes.
const PAGE: u16 = 10_000;

/// A cluster, and a way to each part of it.
pub(crate) struct Shop {
    pub(crate) cluster: Cluster,
    pub(crate) books: AuditSources,
    pub(crate) http: Http,
}

/// Two edges and a worker for each pool, all of them the binary that is tested.
pub(crate) fn plan(profile: Profile) -> Plan {
    let mut plan = Plan::new(profile).unwrap();
    plan.millrace = PathBuf::from(env!("CARGO_BIN_EXE_millrace-lab"));
    plan.ack_wait = Some(ACK_WAIT);
    plan
}

/// Lets `promise` be kept in a shop that it shares with others which do not disturb it: each has
/// SKUs and keys of its own. The shop ends with the process.
pub(crate) fn in_the_shared_shop(promise: impl AsyncFnOnce(&Shop)) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    static SHOP: OnceCell<Shop> = OnceCell::const_new();
    RUNTIME.block_on(async {
        let open = async || {
            let mut plan = plan(Profile::Single);
            plan.workers = vec![(Pool::Inventory, 2), (Pool::Payment, 1), (Pool::Fulfilment, 1)];
            Shop::open(plan).await
        };
        promise(SHOP.get_or_init(open).await).await;
    });
}

impl Shop {
    pub(crate) async fn open(plan: Plan) -> Self {
        let cluster = Cluster::start(plan, &[]).await.unwrap();
        let limits = Limits { per_try: DEADLINE, page: PAGE, ..Limits::default() };
        let url = cluster.servers.brokers.url();
        let books = AuditSources {
            connection: Connection::open(&url, "test").await.unwrap(),
            database: cluster.database.clone(),
            provider: Provider::new(cluster.provider.url(), "sk_test_shop", limits).unwrap(),
        };
        Self { cluster, books, http: Http::default() }
    }

    /// Three brokers and nobody who works: what is stored waits for the test.
    pub(crate) async fn without_workers() -> Self {
        let mut plan = plan(Profile::Durable);
        (plan.workers, plan.edges) = (Vec::new(), 0);
        Self::open(plan).await
    }

    /// Puts goods on the shelves.
    pub(crate) async fn sell(&self, items: &[CatalogItem]) {
        stock::load(&self.books.database, items).await.unwrap();
    }

    pub(crate) async fn on_hand(&self, sku: &str) -> i64 {
        let found = stock::look_up(&self.books.database, &[sku.parse().unwrap()]).await.unwrap();
        found[0].as_ref().unwrap().on_hand
    }

    /// Where the orders stand, when all of them are final.
    pub(crate) async fn until_final(&self, ids: &[OrderId]) -> Vec<OrderView> {
        let mut views = Vec::new();
        until("all orders are final", async || {
            views = self.views(ids).await.into_iter().flatten().collect();
            views.len() == ids.len() && views.iter().all(|view| view.status.is_final())
        })
        .await;
        views
    }

    /// Where the orders stand; nothing is known of them while the database is away.
    pub(crate) async fn views(&self, ids: &[OrderId]) -> Vec<Option<OrderView>> {
        view::orders(&self.books.database, ids).await.unwrap_or_else(|_| vec![None; ids.len()])
    }

    /// The URL of a new database on the shop's server, with the tables of every stage and `items`:
    /// for steps that are taken without the rest of the shop.
    pub(crate) async fn empty_database(&self, name: &str, items: &[CatalogItem]) -> String {
        let connection = self.books.database.connection().await.unwrap();
        connection.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (server, _) = self.cluster.servers.postgres.url().rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        let database = Database::open(&url).unwrap();
        workers::migrate(&database).await.unwrap();
        stock::load(&database, items).await.unwrap();
        url
    }

    /// Makes sure of all books, and ends everything.
    pub(crate) async fn close(self, ids: &[OrderId]) {
        self.books_close(ids).await;
        self.cluster.stop().await.unwrap();
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(LOOK_EVERY).await;
    }
}
