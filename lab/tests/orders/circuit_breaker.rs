//! The payment provider hangs, fails, closes connections or is unavailable: orders are accepted all
//! the same, wait in `reserved`, and are paid once each when it recovers. No dead letter is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millrace::status;
use orders::{EventKind, OrderId, Status};
use serde_json::{Value, json};
use streams::{Profile, subjects};
use workers::{payment, stages};

use super::events::{cancel_requested, ndjson_line, order_id};
use super::fixtures::{basket, item, rows};
use super::test_cluster::{TestCluster, plan, wait_until};

/// Enough for several concurrent calls to the provider.
const ORDERS: usize = 30;
/// Longer than the time after which a payment is shown as delayed; a minute would show no more.
const UNAVAILABLE: &str = "away_ms=30000";

#[tokio::test]
async fn orders_survive_a_provider_that_hangs() {
    // Half of the calls capture the money and are not answered.
    assert_orders_survive("fail=hang").await;
}

#[tokio::test]
async fn orders_survive_a_provider_that_responds_with_errors() {
    assert_orders_survive("fail=5xx").await;
}

#[tokio::test]
async fn orders_survive_a_provider_that_closes_connections() {
    assert_orders_survive("fail=close").await;
}

#[tokio::test]
async fn orders_survive_a_provider_that_is_unavailable() {
    assert_orders_survive(UNAVAILABLE).await;
}

#[tokio::test]
async fn an_order_that_is_not_charged_is_cancelled_while_the_breaker_is_open() {
    let cluster = start().await;
    let openings = cluster.count_openings().await;
    cluster.set_provider_faults("fail=5xx").await;
    let others = place(&cluster, "before").await;
    cluster.wait_for_breaker("open").await;
    let cancelled = cluster.place("not-charged", &basket(&[("PAY", 1)])).await;
    cluster.wait_until_all_reserved(&[cancelled]).await;
    // The cancel request below has the id of this key.
    assert_eq!(cancelled, order_id("not-charged"));
    let request = ndjson_line(&cancel_requested("not-charged"));
    cluster.publish(EventKind::CancelRequested, &[request]).await;
    assert_eq!(cluster.wait_until_final(&[cancelled]).await[0].status, Status::Cancelled);
    cluster.wait_for_breaker("open").await;
    assert_eq!(openings.load(Ordering::Relaxed), 1, "the breaker has stayed open");

    cluster.set_provider_faults("fail=none").await;
    cluster.wait_until_final(&others).await;
    cluster.verify_and_stop(&[&others[..], &[cancelled]].concat()).await;
}

#[tokio::test]
async fn orders_survive_a_provider_that_fails_every_third_call() {
    let cluster = start().await;
    cluster.set_provider_faults("fail=close&rate=0.33").await;
    let ids = place(&cluster, "third").await;
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    cluster.set_provider_faults("fail=none").await;
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn an_outage_counts_no_attempt_however_many_workers_meet_it() {
    let cluster = start_with(4).await;
    let (openings, schedules) = (cluster.count_openings().await, cluster.collect_schedules().await);
    cluster.set_provider_faults("fail=5xx").await;
    let ids = place(&cluster, "outage").await;
    wait_until("two workers make no calls", async || openings.load(Ordering::Relaxed) >= 2).await;
    cluster.set_provider_faults("fail=none").await;
    cluster.wait_until_final(&ids).await;
    assert_eq!(schedules.failed_attempts(), 0);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn a_provider_that_fails_at_one_kind_of_call_costs_no_order_its_attempts() {
    let cluster = start().await;
    let (openings, schedules) = (cluster.count_openings().await, cluster.collect_schedules().await);
    cluster.set_provider_faults("fail=5xx&calls=confirms").await;
    let ids = place(&cluster, "confirms").await;
    wait_until("calls were tried again", async || openings.load(Ordering::Relaxed) >= 3).await;
    cluster.set_provider_faults("fail=none").await;
    cluster.wait_until_final(&ids).await;
    // The first ones to fail cannot know that others do.
    let attempts = schedules.failed_attempts();
    assert!(attempts <= 3, "{attempts}");
    cluster.verify_and_stop(&ids).await;
}

async fn assert_orders_survive(fault: &str) {
    let cluster = start().await;
    let before = cluster.place("before", &basket(&[("PAY", 1)])).await;
    cluster.wait_until_final(&[before]).await;
    let openings = cluster.count_openings().await;

    cluster.set_provider_faults(fault).await;
    let waiting = cluster.post(0, "waiting", &basket(&[("PAY", 1)])).await;
    let mut ids = place(&cluster, "during").await;
    ids.push(waiting.order_id());
    cluster.wait_for_breaker("open").await;
    cluster.wait_until_all_reserved(&ids).await;
    wait_until("a waiting order is shown as delayed", async || {
        let status = cluster.current_status(waiting.signed_id()).await;
        assert_eq!(status["status"], "reserved");
        status["payment_delayed"] == json!(true)
    })
    .await;
    assert_eq!(openings.load(Ordering::Relaxed), 1, "one notification for each opening");

    if fault == UNAVAILABLE {
        assert!(
            cluster.messages(subjects::RETRIES).await.is_empty(),
            "an unavailable provider costs no attempt"
        );
    } else {
        cluster.set_provider_faults("fail=none").await;
    }
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    cluster.wait_for_breaker("closed").await;
    assert_eq!(
        cluster.current_status(waiting.signed_id()).await.get("payment_delayed"),
        None::<&Value>
    );
    ids.push(before);
    cluster.verify_and_stop(&ids).await;
}

async fn start() -> TestCluster {
    start_with(1).await
}

/// A cluster with this many payment workers.
async fn start_with(payment_workers: usize) -> TestCluster {
    let mut plan = plan(Profile::Single);
    let count = |pool| if pool == payment::POOL { payment_workers } else { 1 };
    plan.workers = stages::order_pools().into_iter().map(|pool| (pool, count(pool))).collect();
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("PAY", 1_000)]).await;
    cluster
}

async fn place(cluster: &TestCluster, key: &str) -> Vec<OrderId> {
    cluster.place_all(&rows(key, ORDERS, |_| basket(&[("PAY", 1)]))).await
}

impl TestCluster {
    async fn wait_until_all_reserved(&self, ids: &[OrderId]) {
        wait_until("all orders are reserved", async || {
            let views = self.views(ids).await;
            views.iter().flatten().filter(|view| view.status == Status::Reserved).count()
                == ids.len()
        })
        .await;
    }

    async fn wait_for_breaker(&self, state: &str) {
        wait_until(&format!("the breaker is {state}"), async || self.is_breaker(state).await).await;
    }

    /// Whether `millrace status` shows the one breaker in this state; half-open counts as open.
    async fn is_breaker(&self, state: &str) -> bool {
        let status =
            status::Status::query(&self.sources.connection, Profile::Single).await.unwrap();
        let breakers = status.present.breakers;
        let is_shown = |state: &str| breakers.get(state) == Some(&1);
        is_shown(state) || (state == "open" && is_shown("half_open"))
    }

    /// Counts the notifications that payments are delayed, from now on.
    async fn count_openings(&self) -> Arc<AtomicU64> {
        let mut notifications =
            self.sources.connection.listen(subjects::PAYMENT_DELAYED).await.unwrap();
        let count = Arc::new(AtomicU64::new(0));
        let counting = count.clone();
        tokio::spawn(async move {
            while notifications.next().await.is_some() {
                counting.fetch_add(1, Ordering::Relaxed);
            }
        });
        count
    }
}
