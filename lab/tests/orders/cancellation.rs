//! A buyer's request to cancel, at every place on the way of an order: stock and money are back
//! whenever it comes before the shipment, and it is refused after.

use hyper::StatusCode;
use orders::{EventKind, OrderId, Status};
use serde_json::json;
use streams::{Pool, Profile, Step};
use workers::fulfilment::withdraw;

use super::events::{cancel_requested, id, line, tasks};
use super::fixtures::{basket, item, paid_with};
use super::test_cluster::{Shop, plan};

const STOCK: i64 = 100;

async fn open() -> Shop {
    let shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("REGRET", STOCK)]).await;
    shop
}

#[tokio::test]
async fn before_it_is_reserved() {
    let mut shop = open().await;
    shop.send_home(Pool::Inventory).await;
    let placed = shop.post(0, "unseen", &basket(&[("REGRET", 1)])).await;
    shop.cancel_at_both_edges(placed.proven_id(), Status::Accepted).await;
    shop.until_told(placed.order_id(), EventKind::Refunded).await;
    shop.call_back(Pool::Inventory).await;
    shop.is_cancelled(placed.proven_id(), &[]).await;
    shop.close(&[placed.order_id()]).await;
}

#[tokio::test]
async fn between_reserve_and_charge() {
    let mut shop = open().await;
    shop.send_home(Pool::Payment).await;
    let placed = shop.post(0, "uncharged", &basket(&[("REGRET", 1)])).await;
    shop.until_stands(placed.order_id(), Status::Reserved).await;
    shop.cancel_at_both_edges(placed.proven_id(), Status::Reserved).await;
    shop.until_told(placed.order_id(), EventKind::Withdrawn).await;
    // Charge and refund begin at the same moment; whichever is first, no money is held.
    shop.call_back(Pool::Payment).await;
    shop.is_cancelled(placed.proven_id(), &[Status::Reserved, Status::Withdrawn]).await;
    shop.close(&[placed.order_id()]).await;
}

#[tokio::test]
async fn during_a_charge_that_hangs_and_has_captured() {
    let mut shop = open().await;
    shop.send_home(Pool::Fulfilment).await;
    let body = paid_with(basket(&[("REGRET", 1)]), "tok_hang");
    let placed = shop.post(0, "hangs", &body).await;
    let id = placed.order_id();
    shop.until_captured(id).await;
    // Whether the answer about the charge is there by now or not, fulfilment has decided.
    withdraw(&shop.books.database, &tasks([&cancel_requested("hangs")])).await.unwrap();
    shop.call_back(Pool::Fulfilment).await;
    shop.publish(EventKind::CancelRequested, &[line(&cancel_requested("hangs"))]).await;
    shop.is_cancelled(placed.proven_id(), &[]).await;
    shop.close(&[id]).await;
}

#[tokio::test]
async fn after_a_charge_that_died_when_it_had_captured() {
    let mut shop = open().await;
    shop.restart(Pool::Payment, &format!("{}:Confirmed", Step::Charge)).await;
    let placed = shop.post(0, "captured", &basket(&[("REGRET", 1)])).await;
    shop.until_crashed(Pool::Payment).await;
    shop.cancel_at_both_edges(placed.proven_id(), Status::Reserved).await;
    shop.until_told(placed.order_id(), EventKind::Withdrawn).await;
    shop.call_back(Pool::Payment).await;
    shop.is_cancelled(placed.proven_id(), &[Status::Reserved, Status::Withdrawn]).await;
    // The charge comes again and finds that it was made, and undone.
    shop.books_close(&[placed.order_id()]).await;
    assert!(shop.told(placed.order_id()).await.contains(&EventKind::Paid));
    shop.close(&[placed.order_id()]).await;
}

#[tokio::test]
async fn between_paid_and_ship_but_not_after() {
    let mut shop = open().await;
    shop.send_home(Pool::Fulfilment).await;
    let placed = shop.post(0, "unshipped", &basket(&[("REGRET", 1)])).await;
    shop.until_stands(placed.order_id(), Status::Paid).await;
    // Of the two that wait for fulfilment, the request is taken first.
    withdraw(&shop.books.database, &tasks([&cancel_requested("unshipped")])).await.unwrap();
    shop.publish(EventKind::CancelRequested, &[line(&cancel_requested("unshipped"))]).await;
    shop.call_back(Pool::Fulfilment).await;
    shop.is_cancelled(placed.proven_id(), &[Status::Reserved, Status::Paid, Status::Withdrawn])
        .await;

    let late = shop.post(0, "late", &basket(&[("REGRET", 1)])).await;
    shop.until_final(&[late.order_id()]).await;
    let refused = shop.cancel(1, late.proven_id()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.body["type"], "/problems/too-late");
    // An edge that does not know it asks fulfilment.
    shop.publish(EventKind::CancelRequested, &[line(&cancel_requested("late"))]).await;
    shop.until_told(id("late"), EventKind::CancelRefused).await;
    assert_eq!(shop.shown(late.proven_id()).await["status"], "fulfilled");
    assert_eq!(shop.on_hand("REGRET").await, STOCK - 1);
    shop.close(&[placed.order_id(), late.order_id()]).await;
}

impl Shop {
    /// Asks twice for an order to be cancelled that stands at `known`.
    async fn cancel_at_both_edges(&self, proven_id: &str, known: Status) {
        let answer = self.cancel(0, proven_id).await;
        let expected = json!({"order_id": proven_id, "status": known});
        assert_eq!((answer.status, answer.body), (StatusCode::ACCEPTED, expected));
        // The first request may have been heard by now.
        assert_eq!(self.cancel(1, proven_id).await.status, StatusCode::ACCEPTED);
    }

    /// Waits until an order is cancelled, and makes sure that its buyer is told how and why, that
    /// its stock is back, and that nothing changes when it is asked for again.
    async fn is_cancelled(&self, proven_id: &str, way: &[Status]) {
        let id: OrderId = proven_id[..32].parse().unwrap();
        assert_eq!(self.until_final(&[id]).await[0].status, Status::Cancelled);
        let shown = self.shown(proven_id).await;
        assert_eq!(shown["reason"], json!({"code": "requested", "by": "buyer"}));
        let reached = shown["history"].as_array().unwrap().iter().map(|it| &it["status"]);
        let reached: Vec<_> = reached.collect();
        let mut rest = reached.iter();
        for status in way.iter().chain(&[Status::Refunded, Status::Cancelled]) {
            let status = json!(status);
            assert!(rest.any(|it| **it == status), "{status} in {reached:?}");
        }
        assert_eq!(self.on_hand("REGRET").await, STOCK);
        let again = self.cancel(0, proven_id).await;
        assert_eq!(
            (again.status, &again.body["status"]),
            (StatusCode::ACCEPTED, &json!("cancelled"))
        );
    }

    /// Waits until the provider has the money for an order.
    async fn until_captured(&self, id: OrderId) {
        let id = id.to_string();
        super::test_cluster::until("the money is captured", async || {
            let intents = self.books.provider.list_intents(None).await.unwrap().data;
            intents.iter().any(|intent| {
                intent.metadata.order_id.as_deref() == Some(&id) && intent.amount_received > 0
            })
        })
        .await;
    }
}
