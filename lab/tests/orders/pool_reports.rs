//! What a pool says about itself to persons and programs with nothing but NATS: where its workers run, what they have
//! done, and how far it is behind.

use std::fs;

use millrace::keys::Role;
use orders::Status;
use serde_json::{Value, json};
use streams::{PoolLag, Profile, worker_presence};
use workers::payment;

use super::fixtures::{basket, item, rows, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::RawNats;

#[tokio::test]
async fn a_worker_says_where_it_runs_and_counts_its_orders_by_their_outcome() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("COUNTED", 100)]).await;
    let mut nats = cluster.nats().await;
    let info = nats.request("$SRV.INFO.millrace-payment", "").await;
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let expected = json!({
        "host": host.trim(),
        "pid": cluster.worker(payment::POOL).pid().unwrap().to_string(),
        "pool": "payment",
        "profile": "single",
        "version": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(info["metadata"], expected, "{info}");

    let mut orders = rows("good", 5, |_| basket(&[("COUNTED", 1)]));
    orders.extend(rows("declined", 2, |_| {
        with_payment_token(basket(&[("COUNTED", 1)]), "tok_chargeDeclined")
    }));
    // It fails three times.
    orders
        .extend(rows("flaky", 1, |_| with_payment_token(basket(&[("COUNTED", 1)]), "tok_flaky_3")));
    let placed = cluster.place_all(&orders).await;
    nats.publish("orders.1.reserved", "garbage", 1).await;
    cluster.wait_until_final(&placed).await;
    let mut work = streams::WorkReport::default();
    wait_until("all outcomes are counted", async || {
        let present = worker_presence(&cluster.sources.connection, &[payment::POOL]).await.unwrap();
        work = present.reports[0].1.work;
        // The undo of a declined order is inventory's alone.
        work.done == 6 && work.held == 0
    })
    .await;
    assert_eq!((work.refused, work.retried, work.dead), (2, 3, 1), "{work:?}");
    assert!(work.held_seconds == 0.0, "{work:?}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn the_backlog_of_a_pool_is_answered_in_orders_also_without_a_worker_of_it() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("BEHIND", 100)]).await;
    let access = cluster.processes.servers.brokers.access(Role::Lab);
    let mut nats = RawNats::connect(&access).await;
    let idle = cluster.wait_for_lag(&mut nats, |lag| lag.workers == 1).await;
    assert_eq!((idle.orders, idle.messages, idle.paused), (0, 0, false), "{idle:?}");

    cluster.set_pool_in_time(payment::POOL, r#"{"paused":true}"#, 1).await;
    cluster.wait_until_nothing_is_pulled(payment::POOL).await;
    let placed = cluster.place_all(&rows("behind", 30, |_| basket(&[("BEHIND", 1)]))).await;
    for id in &placed {
        cluster.wait_for_status(*id, Status::Reserved).await;
    }
    let behind = cluster.wait_for_lag(&mut nats, |lag| lag.orders == 30).await;
    assert!(behind.paused && behind.workers == 1 && behind.messages <= 30, "{behind:?}");
    let older = cluster.wait_for_lag(&mut nats, |lag| lag.seconds > behind.seconds + 1.0).await;
    assert_eq!(older.orders, 30);

    cluster.stop_worker(payment::POOL).await;
    cluster.wait_for_lag(&mut nats, |lag| lag.workers == 0 && lag.orders == 30).await;
    cluster.start_worker(payment::POOL).await;
    cluster.set_pool_in_time(payment::POOL, "{}", 1).await;
    let done = cluster.wait_for_lag(&mut nats, |lag| lag.orders == 0 && !lag.paused).await;
    assert!(done.seconds == 0.0, "{done:?}");

    let pause = json!({"pause_until": "2100-01-01T00:00:00Z"});
    nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &pause).await;
    cluster.wait_for_lag(&mut nats, |lag| lag.paused).await;
    nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &json!({})).await;
    cluster.wait_for_lag(&mut nats, |lag| !lag.paused).await;
    cluster.verify_and_stop(&placed).await;
}

impl TestCluster {
    /// Waits until the backlog of payment is as expected.
    async fn wait_for_lag(
        &self,
        nats: &mut RawNats,
        is_expected: impl Fn(&PoolLag) -> bool,
    ) -> PoolLag {
        let mut found = None;
        let mut last = Value::Null;
        wait_until("the backlog is as expected", async || {
            last = nats.request("pool.payment.lag", "").await;
            let lag: PoolLag = serde_json::from_value(last.clone()).unwrap();
            found = is_expected(&lag).then_some(lag);
            found.is_some()
        })
        .await;
        found.unwrap_or_else(|| panic!("{last}"))
    }
}
