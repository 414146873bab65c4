//! The payment provider hangs, fails, closes connections or is away: orders are taken all the same,
//! wait in `reserved`, and are paid when it is back, each once. Nothing becomes a dead letter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millrace::status;
use orders::{EventKind, OrderId, Status};
use serde_json::{Value, json};
use streams::{Pool, Profile, names};

use super::events::{cancel_requested, id, line};
use super::fixtures::{basket, item, rows};
use super::test_cluster::{Shop, plan, until};

/// Enough for several calls to the provider at once.
const ORDERS: usize = 30;
/// Longer than an order waits until it is shown as delayed; a minute would show no more.
const AWAY: &str = "away_ms=30000";

#[tokio::test]
async fn that_hangs() {
    // Half of the calls capture the money and are not answered.
    outlasts("fail=hang").await;
}

#[tokio::test]
async fn that_answers_with_errors() {
    outlasts("fail=5xx").await;
}

#[tokio::test]
async fn that_closes_connections() {
    outlasts("fail=close").await;
}

#[tokio::test]
async fn that_is_away() {
    outlasts(AWAY).await;
}

#[tokio::test]
async fn an_order_that_was_not_charged_is_released_without_it() {
    let shop = open().await;
    let openings = shop.count_openings().await;
    shop.provider_behaves("fail=5xx").await;
    let others = place(&shop, "before").await;
    shop.until_breaker_is("open").await;
    let cancelled = shop.place("not-charged", &basket(&[("PAY", 1)])).await;
    shop.until_all_are_reserved(&[cancelled]).await;
    // Its id is that of the key, under which the event is written.
    assert_eq!(cancelled, id("not-charged"));
    let request = line(&cancel_requested("not-charged"));
    shop.publish(EventKind::CancelRequested, &[request]).await;
    assert_eq!(shop.until_final(&[cancelled]).await[0].status, Status::Cancelled);
    shop.until_breaker_is("open").await;
    assert_eq!(openings.load(Ordering::Relaxed), 1, "it was open all the time");

    shop.provider_behaves("fail=none").await;
    shop.until_final(&others).await;
    shop.close(&[&others[..], &[cancelled]].concat()).await;
}

#[tokio::test]
async fn that_fails_every_third_call() {
    let shop = open().await;
    shop.provider_behaves("fail=close&rate=0.33").await;
    let ids = place(&shop, "third").await;
    let views = shop.until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    shop.provider_behaves("fail=none").await;
    shop.close(&ids).await;
}

async fn outlasts(fault: &str) {
    let shop = open().await;
    let before = shop.place("before", &basket(&[("PAY", 1)])).await;
    shop.until_final(&[before]).await;
    let openings = shop.count_openings().await;

    shop.provider_behaves(fault).await;
    let waiting = shop.post(0, "waiting", &basket(&[("PAY", 1)])).await;
    let mut ids = place(&shop, "during").await;
    ids.push(waiting.order_id());
    shop.until_breaker_is("open").await;
    shop.until_all_are_reserved(&ids).await;
    until("a waiting order is shown as delayed", async || {
        let shown = shop.shown(waiting.proven_id()).await;
        assert_eq!(shown["status"], "reserved");
        shown["payment_delayed"] == json!(true)
    })
    .await;
    assert_eq!(openings.load(Ordering::Relaxed), 1, "one notice for each opening");

    if fault == AWAY {
        assert!(shop.messages(names::RETRIES).await.is_empty(), "an absence is not a try");
    } else {
        shop.provider_behaves("fail=none").await;
    }
    let views = shop.until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    shop.until_breaker_is("closed").await;
    assert_eq!(shop.shown(waiting.proven_id()).await.get("payment_delayed"), None::<&Value>);
    ids.push(before);
    shop.close(&ids).await;
}

async fn open() -> Shop {
    let mut plan = plan(Profile::Single);
    plan.workers = Pool::ALL.map(|pool| (pool, 1)).to_vec();
    let shop = Shop::open(plan).await;
    shop.sell(&[item("PAY", 1_000)]).await;
    shop
}

async fn place(shop: &Shop, key: &str) -> Vec<OrderId> {
    shop.place_all(&rows(key, ORDERS, |_| basket(&[("PAY", 1)]))).await
}

impl Shop {
    async fn until_all_are_reserved(&self, ids: &[OrderId]) {
        until("all orders are reserved", async || {
            let views = self.views(ids).await;
            views.iter().flatten().filter(|view| view.status == Status::Reserved).count()
                == ids.len()
        })
        .await;
    }

    async fn until_breaker_is(&self, state: &str) {
        until(&format!("the breaker is {state}"), async || self.is_breaker(state).await).await;
    }

    /// Whether `millrace status` shows the one breaker in this state; half-open counts as open.
    async fn is_breaker(&self, state: &str) -> bool {
        let status = status::Status::look(&self.books.connection).await.unwrap();
        let breakers = status.present.breakers;
        let shown = |state: &str| breakers.get(state) == Some(&1);
        shown(state) || (state == "open" && shown("half_open"))
    }

    /// Counts the notices that payments are delayed, from now on.
    async fn count_openings(&self) -> Arc<AtomicU64> {
        let mut notices = self.books.connection.listen(names::PAYMENT_DELAYED).await.unwrap();
        let count = Arc::new(AtomicU64::new(0));
        let counting = count.clone();
        tokio::spawn(async move {
            while notices.next().await.is_some() {
                counting.fetch_add(1, Ordering::Relaxed);
            }
        });
        count
    }
}
