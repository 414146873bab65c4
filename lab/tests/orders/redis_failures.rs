//! Redis forgets, or dies: answers say less, and every promise is kept.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{join, join_all};
use hyper::StatusCode;
use orders::{EventKind, OrderId, Status};
use streams::Profile;

use super::fixtures::{basket, item, rows};
use super::http_client::place_over;
use super::test_cluster::{Shop, plan, until};

/// Keys under each of which two different orders are placed.
const KEYS: usize = 20;
/// Enough for Redis to come and go while they are placed.
const ORDERS: usize = 1_000;

#[tokio::test]
async fn of_two_orders_under_one_key_one_stands_and_the_other_is_told_as_conflicted() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("ONE-STANDS", 1_000)]).await;
    let first = shop.place("forgotten", &basket(&[("ONE-STANDS", 1)])).await;
    shop.forget_everything().await;
    let second = shop.place("forgotten", &basket(&[("ONE-STANDS", 2)])).await;
    assert_eq!(first, second);

    shop.cluster.servers.redis.kill().await.unwrap();
    let mut ids = join_all((0..KEYS).map(|number| shop.place_both(format!("dead-{number}")))).await;
    ids.push(first);
    let views = shop.until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    for id in &ids {
        shop.until_told(*id, EventKind::Conflicted).await;
    }

    shop.cluster.servers.redis.start().await.unwrap();
    let repeated = shop.post(0, "forgotten", &basket(&[("ONE-STANDS", 1)])).await;
    assert_eq!(shop.shown(repeated.proven_id()).await["status"], "fulfilled");
    shop.close(&ids).await;
}

#[tokio::test]
async fn every_order_ends_though_redis_is_emptied_and_killed_while_they_come() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("NO-CACHE", 1_000)]).await;
    let orders = rows("no-cache", ORDERS, |_| basket(&[("NO-CACHE", 1)]));
    let accepted = AtomicU64::new(0);
    let placing = place_over(shop.edges(), &orders, &accepted);
    let interrupting = async {
        let after = async |count| {
            until("orders come", async || accepted.load(Ordering::Relaxed) >= count).await;
        };
        after(50).await;
        shop.forget_everything().await;
        after(100).await;
        shop.cluster.servers.redis.kill().await.unwrap();
        assert!(accepted.load(Ordering::Relaxed) < 900, "no order came without Redis");
        after(900).await;
        shop.cluster.servers.redis.start().await.unwrap();
    };
    let (ids, ()) = join(placing, interrupting).await;
    assert_eq!(ids.len(), ORDERS);
    shop.close(&ids).await;
}

impl Shop {
    async fn forget_everything(&self) {
        let client = redis::Client::open(self.cluster.servers.redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    }

    /// Places two different orders under one key at the same time, each over another edge.
    async fn place_both(&self, key: String) -> OrderId {
        let (one, two) = (basket(&[("ONE-STANDS", 1)]), basket(&[("ONE-STANDS", 2)]));
        let (one, two) = join(self.post(0, &key, &one), self.post(1, &key, &two)).await;
        assert_eq!((one.status, two.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
        assert_eq!(one.order_id(), two.order_id());
        one.order_id()
    }
}
