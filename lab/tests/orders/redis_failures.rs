//! Redis is emptied or killed: responses say less, and every guarantee holds.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{join, join_all};
use hyper::StatusCode;
use orders::{EventKind, OrderId, Status};
use streams::Profile;

use super::fixtures::{basket, item, rows};
use super::http_client::place_through;
use super::test_cluster::{TestCluster, plan, wait_until};

/// Keys under each of which two different orders are placed.
const KEYS: usize = 20;
/// Enough for Redis to be killed and started while they are placed.
const ORDERS: usize = 1_000;

#[tokio::test]
async fn of_two_orders_under_one_key_one_is_kept_and_the_other_becomes_conflicted() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ONE-WINS", 1_000)]).await;
    let first = cluster.place("forgotten", &basket(&[("ONE-WINS", 1)])).await;
    cluster.flush_redis().await;
    let second = cluster.place("forgotten", &basket(&[("ONE-WINS", 2)])).await;
    assert_eq!(first, second);

    cluster.processes.servers.redis.kill().await.unwrap();
    let mut ids =
        join_all((0..KEYS).map(|number| cluster.place_both(format!("dead-{number}")))).await;
    ids.push(first);
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    for id in &ids {
        cluster.wait_for_event(*id, EventKind::Conflicted).await;
    }

    cluster.processes.servers.redis.start().await.unwrap();
    let repeated = cluster.post(0, "forgotten", &basket(&[("ONE-WINS", 1)])).await;
    assert_eq!(cluster.current_status(repeated.signed_id()).await["status"], "fulfilled");
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn every_order_ends_when_redis_is_flushed_and_killed_under_load() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("NO-CACHE", 1_000)]).await;
    let orders = rows("no-cache", ORDERS, |_| basket(&[("NO-CACHE", 1)]));
    let accepted = AtomicU64::new(0);
    let placing = place_through(cluster.edge_urls(), &orders, &accepted);
    let interrupting = async {
        let after = async |count| {
            wait_until("orders are accepted", async || accepted.load(Ordering::Relaxed) >= count)
                .await;
        };
        after(50).await;
        cluster.flush_redis().await;
        after(100).await;
        cluster.processes.servers.redis.kill().await.unwrap();
        assert!(accepted.load(Ordering::Relaxed) < 900, "no order was placed without Redis");
        after(900).await;
        cluster.processes.servers.redis.start().await.unwrap();
    };
    let (ids, ()) = join(placing, interrupting).await;
    assert_eq!(ids.len(), ORDERS);
    cluster.verify_and_stop(&ids).await;
}

impl TestCluster {
    pub(super) async fn flush_redis(&self) {
        let client = self.processes.servers.admin_redis().client().unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    }

    /// Places two different orders under one key at the same time, each at another edge.
    async fn place_both(&self, key: String) -> OrderId {
        let (one, two) = (basket(&[("ONE-WINS", 1)]), basket(&[("ONE-WINS", 2)]));
        let (one, two) = join(self.post(0, &key, &one), self.post(1, &key, &two)).await;
        assert_eq!((one.status, two.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
        assert_eq!(one.order_id(), two.order_id());
        one.order_id()
    }
}
