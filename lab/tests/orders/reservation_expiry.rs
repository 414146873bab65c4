//! A reservation that is not paid in time is cancelled, whatever happens to its charge meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use orders::{Event, EventBody, EventKind, OrderView, Status};
use serde_json::json;
use streams::{Pool, Profile, Step, names, position};

use super::fixtures::{basket, item, rows};
use super::http_client::Answer;
use super::test_cluster::{Shop, plan, until};

/// In seconds: an order is paid well within it where nothing is in the way.
const PAYMENT_TIMEOUT: &str = "5s";
const PAYMENT_TIMEOUT_MILLIS: i64 = 5_000;
const STOCK: i64 = 1_000;

async fn open() -> Shop {
    let mut plan = plan(Profile::Single);
    // Both inventory workers sweep.
    plan.workers = vec![(Pool::Inventory, 2), (Pool::Payment, 1), (Pool::Fulfilment, 1)];
    plan.envs.push(("MILLRACE_PAYMENT_TIMEOUT".to_owned(), PAYMENT_TIMEOUT.to_owned()));
    let shop = Shop::open(plan).await;
    shop.sell(&[item("PATIENCE", STOCK)]).await;
    shop
}

#[tokio::test]
async fn and_a_payment_that_comes_too_late_is_not_made() {
    let mut shop = open().await;
    shop.send_home(Pool::Payment).await;
    shop.send_home(Pool::Fulfilment).await;
    let mut ids = shop.place_all(&rows("late", 300, |_| basket(&[("PATIENCE", 1)]))).await;
    let late = shop.post(0, "late", &basket(&[("PATIENCE", 1)])).await;
    ids.push(late.order_id());
    shop.until_told(late.order_id(), EventKind::CancelRequested).await;
    assert_eq!(shop.on_hand("PATIENCE").await, STOCK - 301);
    // Payment hears of the orders before fulfilment has decided about them.
    shop.call_back(Pool::Payment).await;
    until("payment has heard of all", async || {
        position(&shop.books.connection, &Step::Charge.events()).await.unwrap().is_at_end()
    })
    .await;
    assert!(shop.views(&ids).await.iter().flatten().all(|view| view.status == Status::Reserved));
    let intents = shop.books.provider.list_intents(None).await.unwrap();
    assert!(intents.data.is_empty(), "{intents:?}");

    shop.call_back(Pool::Fulfilment).await;
    let views = shop.until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Cancelled));
    shop.expired(&late, &views[300]).await;
    shop.asked_in_the_same_bytes(ids.len()).await;
    assert_eq!(shop.on_hand("PATIENCE").await, STOCK);
    shop.close(&ids).await;
}

#[tokio::test]
async fn and_money_that_was_captured_meanwhile_is_refunded() {
    let mut shop = open().await;
    shop.restart(Pool::Payment, &format!("{}:Confirmed", Step::Charge)).await;
    let placed = shop.post(0, "captured", &basket(&[("PATIENCE", 1)])).await;
    shop.until_crashed(Pool::Payment).await;
    shop.until_told(placed.order_id(), EventKind::Withdrawn).await;
    let intents = shop.books.provider.list_intents(None).await.unwrap().data;
    assert!(intents[0].amount_received > 0);
    shop.call_back(Pool::Payment).await;
    let views = shop.until_final(&[placed.order_id()]).await;
    shop.expired(&placed, &views[0]).await;
    assert_eq!(shop.on_hand("PATIENCE").await, STOCK);
    shop.close(&[placed.order_id()]).await;
}

#[tokio::test]
async fn and_one_that_was_paid_in_time_is_left_alone() {
    let mut shop = open().await;
    let paid = shop.place("paid", &basket(&[("PATIENCE", 1)])).await;
    shop.until_stands(paid, Status::Fulfilled).await;
    // When a later one is asked for, the sweep has looked at the first.
    shop.send_home(Pool::Payment).await;
    let late = shop.place("unpaid", &basket(&[("PATIENCE", 1)])).await;
    shop.until_told(late, EventKind::CancelRequested).await;
    assert!(!shop.told(paid).await.contains(&EventKind::CancelRequested));
    shop.call_back(Pool::Payment).await;
    shop.close(&[paid, late]).await;
}

impl Shop {
    /// Makes sure that the requests for so many orders have the times of their reservations,
    /// whichever worker made them.
    async fn asked_in_the_same_bytes(&self, orders: usize) {
        let messages = self.messages(names::ORDERS).await;
        let lines: BTreeSet<_> = messages.into_iter().flat_map(|message| message.lines).collect();
        let events = lines.iter().map(|line| serde_json::from_slice::<Event>(line).unwrap());
        let (mut reserved, mut asked) = (BTreeMap::new(), Vec::new());
        for event in events {
            match event.body {
                EventBody::Reserved { .. } => drop(reserved.insert(event.order_id, event.at)),
                EventBody::CancelRequested { .. } => asked.push(event),
                _ => {}
            }
        }
        assert_eq!(asked.len(), orders);
        for event in asked {
            let waited = event.at.as_millis() - reserved[&event.order_id].as_millis();
            assert_eq!(waited, PAYMENT_TIMEOUT_MILLIS);
        }
    }

    /// Makes sure that a buyer is told that the time was over.
    async fn expired(&self, placed: &Answer, view: &OrderView) {
        assert_eq!(view.status, Status::Cancelled);
        let shown = self.shown(placed.proven_id()).await;
        assert_eq!(shown["reason"], json!({"code": "requested", "by": "expiry"}));
        let told = self.told(placed.order_id()).await;
        assert!(told.contains(&EventKind::CancelRequested), "{told:?}");
    }
}
