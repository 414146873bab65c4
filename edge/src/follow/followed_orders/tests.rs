//! Which events reach followers, and which orders are looked up for them.

use orders::{EventBody, Status, StatusChange, Timestamp};
use tokio::time::advance;

use super::*;

const ID: OrderId = OrderId::from_bytes([1; 16]);
const OTHER: OrderId = OrderId::from_bytes([2; 16]);

fn lines(events: &[(OrderId, EventBody)]) -> Vec<u8> {
    let mut lines = Vec::new();
    for (order_id, body) in events {
        let at = Timestamp::from_millis(1);
        Event { order_id: *order_id, at, body: body.clone(), traceparent: None }
            .write_line(&mut lines);
    }
    lines
}

fn fulfilled() -> EventBody {
    EventBody::Fulfilled { shipment: "S".to_owned() }
}

fn view(status: Status) -> OrderView {
    let history = vec![StatusChange { status, at: Timestamp::from_millis(1) }];
    OrderView { status, reason: None, history, body_digest: None, next_action: None }
}

/// An order that is followed and was found in this status.
fn follow(orders: &FollowedOrders, status: Status) -> watch::Receiver<KnownOrder> {
    let mut known = orders.join(ID);
    let start = orders.begin_lookup(ID).unwrap();
    orders.learn(ID, start, Some(&view(status)));
    known.mark_unchanged();
    known
}

fn status(known: &watch::Receiver<KnownOrder>) -> Option<Status> {
    known.borrow().progress().map(|progress| progress.status)
}

#[tokio::test]
async fn an_event_reaches_the_followers_of_its_order_alone_and_is_not_looked_up() {
    let (orders, mut unclear) = FollowedOrders::new();
    let known = follow(&orders, Status::Paid);
    let mut other = orders.join(OTHER);
    other.mark_unchanged();
    let foreign = OrderId::from_bytes([3; 16]);
    orders.apply(&lines(&[(foreign, EventBody::RequiresAction), (ID, fulfilled())]));
    assert_eq!(status(&known), Some(Status::Fulfilled));
    assert!(known.has_changed().unwrap() && !other.has_changed().unwrap());
    assert!(unclear.try_recv().is_err());
}

#[tokio::test]
async fn what_is_unclear_is_looked_up_once_for_all_followers() {
    let (orders, mut unclear) = FollowedOrders::new();
    let known = follow(&orders, Status::Reserved);
    let _another = orders.join(ID);
    for _ in 0..3 {
        orders.apply(&lines(&[(ID, fulfilled()), (ID, fulfilled())]));
    }
    assert_eq!(unclear.try_recv(), Ok(ID));
    assert!(unclear.try_recv().is_err() && !known.has_changed().unwrap());
    orders.begin_lookup(ID).unwrap();
    orders.learn_nothing(ID);
    assert_eq!(status(&known), Some(Status::Fulfilled), "without an answer the event counts");
}

#[tokio::test]
async fn an_event_during_a_lookup_asks_for_no_other_unless_it_was_answered_too_early() {
    let (orders, mut unclear) = FollowedOrders::new();
    let known = orders.join(ID);
    let start = orders.begin_lookup(ID).unwrap();
    orders.apply(&lines(&[(ID, fulfilled())]));
    assert!(unclear.try_recv().is_err());
    orders.learn(ID, start, Some(&view(Status::Reserved)));
    assert_eq!((unclear.try_recv(), status(&known)), (Ok(ID), Some(Status::Reserved)));
}

#[tokio::test(start_paused = true)]
async fn each_order_that_is_not_final_is_looked_up_now_and_then_and_soon_after_a_gap() {
    let (orders, mut unclear) = FollowedOrders::new();
    let _known = follow(&orders, Status::Paid);
    advance(RECHECK_INTERVAL_MIN / 2).await;
    orders.recheck();
    assert!(unclear.try_recv().is_err());
    advance(RECHECK_INTERVAL_MAX).await;
    orders.recheck();
    assert_eq!(unclear.try_recv(), Ok(ID));
    orders.note_gap();
    advance(GAP_RECHECK_SPREAD + Duration::from_millis(1)).await;
    orders.recheck();
    orders.recheck();
    assert_eq!(unclear.try_recv(), Ok(ID));
    assert!(unclear.try_recv().is_err());
    orders.apply(&lines(&[(ID, fulfilled())]));
    orders.note_gap();
    advance(2 * RECHECK_INTERVAL_MAX).await;
    orders.recheck();
    assert!(unclear.try_recv().is_err(), "nothing follows what is final");
}

#[tokio::test(start_paused = true)]
async fn events_come_while_there_are_followers_and_a_little_longer() {
    let (orders, _unclear) = FollowedOrders::new();
    let _one = orders.join(ID);
    let _two = orders.join(ID);
    orders.wanted().await;
    orders.set_subscribed();
    orders.leave(ID);
    advance(2 * FEED_LINGER).await;
    assert!(!orders.end_if_unused(), "one is left");
    orders.leave(ID);
    assert!(orders.lock().by_id.is_empty());
    advance(FEED_LINGER / 2).await;
    assert!(!orders.end_if_unused());
    advance(FEED_LINGER).await;
    assert!(orders.end_if_unused());
    assert!(!*orders.subscribed.borrow(), "the next follower waits until they come again");
}
