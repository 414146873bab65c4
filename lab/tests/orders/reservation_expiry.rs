//! A reservation that is not paid before its timeout is cancelled, whatever happens to its charge.

use std::collections::{BTreeMap, BTreeSet};

use orders::{Event, EventBody, EventKind, OrderView, Status};
use serde_json::json;
use streams::{Profile, consumer_progress};
use workers::{fulfilment, inventory, payment};

use super::fixtures::{basket, item, rows};
use super::http_client::HttpResponse;
use super::test_cluster::{TestCluster, plan, wait_until};

/// An order is paid well within it if nothing delays it.
const PAYMENT_TIMEOUT: &str = "5s";
const PAYMENT_TIMEOUT_MILLIS: i64 = 5_000;
const STOCK: i64 = 1_000;

async fn start() -> TestCluster {
    let mut plan = plan(Profile::Single);
    // Both inventory workers sweep expired reservations.
    plan.workers = vec![(inventory::POOL, 2), (payment::POOL, 1), (fulfilment::POOL, 1)];
    plan.envs.push(("MILLRACE_PAYMENT_TIMEOUT".to_owned(), PAYMENT_TIMEOUT.to_owned()));
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("EXPIRING", STOCK)]).await;
    cluster
}

#[tokio::test]
async fn an_order_that_has_expired_is_not_charged() {
    let mut cluster = start().await;
    cluster.stop_worker(payment::POOL).await;
    cluster.stop_worker(fulfilment::POOL).await;
    let mut ids = cluster.place_all(&rows("late", 300, |_| basket(&[("EXPIRING", 1)]))).await;
    let late = cluster.post(0, "late", &basket(&[("EXPIRING", 1)])).await;
    ids.push(late.order_id());
    cluster.wait_for_event(late.order_id(), EventKind::CancelRequested).await;
    assert_eq!(cluster.on_hand("EXPIRING").await, STOCK - 301);
    // Payment receives the orders before fulfilment has decided whether to withdraw them.
    cluster.start_worker(payment::POOL).await;
    wait_until("payment has processed all orders", async || {
        consumer_progress(&cluster.sources.connection, &payment::CHARGE.events())
            .await
            .unwrap()
            .is_at_end()
    })
    .await;
    assert!(cluster.views(&ids).await.iter().flatten().all(|view| view.status == Status::Reserved));
    let intents = cluster.sources.provider.list_intents(None).await.unwrap();
    assert!(intents.data.is_empty(), "{intents:?}");

    cluster.start_worker(fulfilment::POOL).await;
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Cancelled));
    cluster.assert_expired(&late, &views[300]).await;
    cluster.assert_identical_cancel_requests(ids.len()).await;
    assert_eq!(cluster.on_hand("EXPIRING").await, STOCK);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn money_captured_before_the_expiry_is_refunded() {
    let mut cluster = start().await;
    cluster.restart_worker_with_failpoint(payment::POOL, "charge.confirmed").await;
    let placed = cluster.post(0, "captured", &basket(&[("EXPIRING", 1)])).await;
    cluster.wait_for_worker_crash(payment::POOL).await;
    cluster.wait_for_event(placed.order_id(), EventKind::Withdrawn).await;
    let intents = cluster.sources.provider.list_intents(None).await.unwrap().data;
    assert!(intents[0].amount_received > 0);
    cluster.start_worker(payment::POOL).await;
    let views = cluster.wait_until_final(&[placed.order_id()]).await;
    cluster.assert_expired(&placed, &views[0]).await;
    assert_eq!(cluster.on_hand("EXPIRING").await, STOCK);
    cluster.verify_and_stop(&[placed.order_id()]).await;
}

#[tokio::test]
async fn an_order_that_is_paid_in_time_does_not_expire() {
    let mut cluster = start().await;
    let paid = cluster.place("paid", &basket(&[("EXPIRING", 1)])).await;
    cluster.wait_for_status(paid, Status::Fulfilled).await;
    // Once the later order has expired, the sweep has seen the first one.
    cluster.stop_worker(payment::POOL).await;
    let late = cluster.place("unpaid", &basket(&[("EXPIRING", 1)])).await;
    cluster.wait_for_event(late, EventKind::CancelRequested).await;
    assert!(!cluster.events_of(paid).await.contains(&EventKind::CancelRequested));
    cluster.start_worker(payment::POOL).await;
    cluster.verify_and_stop(&[paid, late]).await;
}

impl TestCluster {
    /// Asserts that there is one cancel request for each of `orders` orders, whichever worker made
    /// it, and that its time follows from the reservation's.
    async fn assert_identical_cancel_requests(&self, orders: usize) {
        let messages = self.order_messages().await;
        let lines: BTreeSet<_> = messages.into_iter().flat_map(|message| message.lines).collect();
        let events = lines.iter().map(|line| serde_json::from_slice::<Event>(line).unwrap());
        let mut reserved = BTreeMap::new();
        let mut requests = Vec::new();
        for event in events {
            match event.body {
                EventBody::Reserved { .. } => drop(reserved.insert(event.order_id, event.at)),
                EventBody::CancelRequested { .. } => requests.push(event),
                _ => {}
            }
        }
        assert_eq!(requests.len(), orders);
        for event in requests {
            let waited = event.at.as_millis() - reserved[&event.order_id].as_millis();
            assert_eq!(waited, PAYMENT_TIMEOUT_MILLIS);
        }
    }

    /// Asserts that an order is cancelled, and that its status gives expiry as the reason.
    async fn assert_expired(&self, placed: &HttpResponse, view: &OrderView) {
        assert_eq!(view.status, Status::Cancelled);
        let status = self.current_status(placed.signed_id()).await;
        assert_eq!(status["reason"], json!({"code": "requested", "by": "expiry"}));
        let events = self.events_of(placed.order_id()).await;
        assert!(events.contains(&EventKind::CancelRequested), "{events:?}");
    }
}
