//! Steps straight on the database: whatever is repeated, and in whatever sets, has one effect and is
//! told in the same bytes.

use futures_util::future::join;
use orders::{CancelReason, CancelledBy, Event, EventBody, EventKind, Money};
use workers::database::Database;
use workers::fulfilment::{ship, withdraw};
use workers::inventory::{release, reserve, stock};
use workers::task::{StepError, StepOutcome};

use super::events::{cancel_requested, created, event, line, tasks};
use super::fixtures::{PRICE, basket, item};
use super::test_cluster::in_the_shared_shop;

#[test]
fn what_is_reserved_again_is_held_once() {
    in_the_shared_shop(async |shop| {
        let database =
            Database::open(&shop.empty_database("reserved_again", &[item("SKU", 10)]).await)
                .unwrap();
        let [a, b, c] = [("a", 4), ("b", 5), ("c", 2)]
            .map(|(key, quantity)| created(key, &basket(&[("SKU", quantity)])));
        let first = told(reserve(&database, &tasks([&a, &b, &c])).await);
        assert_eq!(kinds(&first), [EventKind::Reserved, EventKind::Reserved, EventKind::Rejected]);
        assert_eq!(told(reserve(&database, &tasks([&a, &b, &c])).await), first);
        let regrouped = told(reserve(&database, &tasks([&c, &b])).await);
        assert_eq!(regrouped, [first[2].clone(), first[1].clone()]);
        assert_eq!(told(reserve(&database, &tasks([&a])).await), first[..1]);
        assert_eq!(on_hand(&database).await, 1);
    });
}

#[test]
fn the_same_order_twice_in_one_set_is_decided_once_and_another_body_is_conflicted() {
    in_the_shared_shop(async |shop| {
        let database =
            Database::open(&shop.empty_database("twice_in_one_set", &[item("SKU", 10)]).await)
                .unwrap();
        let one = created("order", &basket(&[("SKU", 1)]));
        let other = created("order", &basket(&[("SKU", 2)]));
        let set = tasks([&one, &other, &one]);
        let first = told(reserve(&database, &set).await);
        assert_eq!(
            kinds(&first),
            [EventKind::Reserved, EventKind::Conflicted, EventKind::Reserved]
        );
        assert_eq!(first[0], first[2]);
        assert_eq!(told(reserve(&database, &set).await), first);
        let alone = told(reserve(&database, &tasks([&other])).await);
        assert_eq!(alone, [first[1].clone()]);
        assert_eq!(on_hand(&database).await, 9);
    });
}

#[test]
fn the_same_orders_taken_by_two_workers_at_the_same_moment_are_held_once() {
    in_the_shared_shop(async |shop| {
        let url = shop.empty_database("same_moment", &[item("SKU", 1_000)]).await;
        let [one, other] = [(); 2].map(|()| Database::open(&url).unwrap());
        let orders: Vec<Event> = (0..50)
            .map(|number| created(&format!("same-{number}"), &basket(&[("SKU", 1)])))
            .collect();
        let (forwards, backwards) = (tasks(&orders), tasks(orders.iter().rev()));
        let (first, second) = join(reserve(&one, &forwards), reserve(&other, &backwards)).await;
        let (first, mut second) = (told(first), told(second));
        second.reverse();
        assert_eq!(first, second);
        assert_eq!(on_hand(&one).await, 950);
    });
}

#[test]
fn of_two_bodies_taken_by_two_workers_at_the_same_moment_one_stands() {
    in_the_shared_shop(async |shop| {
        let items = [item("SKU", 1_000), item("OTHER", 1_000)];
        let url = shop.empty_database("two_bodies", &items).await;
        let [one, other] = [(); 2].map(|()| Database::open(&url).unwrap());
        // The locks on the SKUs do not keep these two apart: the orders' rows do.
        let [bodies, others] = ["SKU", "OTHER"].map(|sku| {
            let order = |number| created(&format!("two-{number}"), &basket(&[(sku, 1)]));
            (0..50).map(order).collect::<Vec<_>>()
        });
        let (bodies, others) = (tasks(&bodies), tasks(others.iter().rev()));
        let (first, second) = join(reserve(&one, &bodies), reserve(&other, &others)).await;
        let (first, mut second) = (kinds(&told(first)), kinds(&told(second)));
        second.reverse();
        for pair in first.into_iter().zip(second) {
            let (reserved, conflicted) = (EventKind::Reserved, EventKind::Conflicted);
            assert!([(reserved, conflicted), (conflicted, reserved)].contains(&pair), "{pair:?}");
        }
        let views = stock::look_up(&one, &["SKU", "OTHER"].map(|sku| sku.parse().unwrap())).await;
        let on_hand = views.unwrap().iter().flatten().map(|view| view.on_hand).sum::<i64>();
        assert_eq!(on_hand, 1_950);
    });
}

#[test]
fn what_is_released_again_comes_back_once() {
    in_the_shared_shop(async |shop| {
        let database =
            Database::open(&shop.empty_database("released_again", &[item("SKU", 10)]).await)
                .unwrap();
        let orders = ["a", "b"].map(|key| created(key, &basket(&[("SKU", 3)])));
        told(reserve(&database, &tasks(&orders)).await);
        let [a, b] = ["a", "b"].map(declined);
        let first = told(release(&database, &tasks([&a, &b, &a])).await);
        assert_eq!(kinds(&first), [EventKind::Cancelled; 3]);
        assert_eq!(first[0], first[2]);
        let regrouped = told(release(&database, &tasks([&b, &a])).await);
        assert_eq!(regrouped, [first[1].clone(), first[0].clone()]);
        assert_eq!(on_hand(&database).await, 10);
        // An order that was reserved stays told as reserved, and holds nothing again.
        assert_eq!(
            kinds(&told(reserve(&database, &tasks(&orders)).await)),
            [EventKind::Reserved; 2]
        );
        assert_eq!(on_hand(&database).await, 10);
    });
}

#[test]
fn what_is_released_before_it_is_reserved_will_never_be() {
    in_the_shared_shop(async |shop| {
        let database =
            Database::open(&shop.empty_database("released_before", &[item("SKU", 10)]).await)
                .unwrap();
        let reason = CancelReason::Requested { by: CancelledBy::Buyer };
        let refunded = event("early", EventBody::Refunded { amount: None, reason });
        let order = created("early", &basket(&[("SKU", 3)]));
        let first = told(release(&database, &tasks([&refunded])).await);
        assert_eq!(kinds(&first), [EventKind::Cancelled]);
        assert_eq!(
            told(reserve(&database, &tasks([&order, &order])).await),
            [&first[..]; 2].concat()
        );
        assert_eq!(told(release(&database, &tasks([&refunded])).await), first);
        assert_eq!(on_hand(&database).await, 10);
    });
}

#[test]
fn an_order_is_shipped_or_withdrawn_and_the_first_decision_stands() {
    in_the_shared_shop(async |shop| {
        let database =
            Database::open(&shop.empty_database("ship_or_withdraw", &[item("SKU", 0)]).await)
                .unwrap();
        let [shipped, withdrawn] = ["shipped", "withdrawn"].map(paid);
        let [too_late, in_time] = ["shipped", "withdrawn"].map(cancel_requested);
        let fulfilled = told(ship(&database, None, &tasks([&shipped])).await);
        assert_eq!(kinds(&fulfilled), [EventKind::Fulfilled]);
        let decided = told(withdraw(&database, &tasks([&too_late, &in_time])).await);
        assert_eq!(kinds(&decided), [EventKind::CancelRefused, EventKind::Withdrawn]);

        assert_eq!(
            told(ship(&database, None, &tasks([&withdrawn, &shipped, &shipped])).await),
            [fulfilled[0].clone(), fulfilled[0].clone()]
        );
        assert_eq!(told(withdraw(&database, &tasks([&in_time])).await), decided[1..]);
    });
}

#[test]
fn what_cannot_be_shipped_is_withdrawn_with_the_skus_and_the_first_decision_stands() {
    in_the_shared_shop(async |shop| {
        let database =
            Database::open(&shop.empty_database("unshippable", &[item("SKU", 10)]).await).unwrap();
        let order = created("order", &basket(&[("SKU", 1)]));
        told(reserve(&database, &tasks([&order])).await);
        let paid = paid("order");
        let first = told(ship(&database, Some("SK"), &tasks([&paid, &paid])).await);
        let reason = CancelReason::Unshippable { skus: vec!["SKU".parse().unwrap()] };
        let event: Event = serde_json::from_str(&first[0]).unwrap();
        assert_eq!(event.body, EventBody::Withdrawn { reason });
        assert_eq!(first[0], first[1]);
        // Whatever the rule is by then, and whoever asks.
        assert_eq!(told(ship(&database, None, &tasks([&paid])).await), first[..1]);
        let cancel = tasks([&cancel_requested("order")]);
        assert_eq!(told(withdraw(&database, &cancel).await), first[..1]);
    });
}

async fn on_hand(database: &Database) -> i64 {
    let found = stock::look_up(database, &["SKU".parse().unwrap()]).await.unwrap();
    found[0].as_ref().unwrap().on_hand
}

/// The lines that the verdicts put into the stream.
fn told(verdicts: Result<Vec<StepOutcome>, StepError>) -> Vec<String> {
    let outcomes = verdicts.unwrap().into_iter().flat_map(|verdict| match verdict {
        StepOutcome::Completed(outcomes) => outcomes,
        other => panic!("not done: {other:?}"),
    });
    outcomes.map(|event| String::from_utf8(line(&event)).unwrap()).collect()
}

fn kinds(lines: &[String]) -> Vec<EventKind> {
    let events = lines.iter().map(|line| serde_json::from_str::<Event>(line).unwrap());
    events.map(|event| event.body.kind()).collect()
}

fn declined(key: &str) -> Event {
    event(key, EventBody::Declined { decline_code: "generic_decline".to_owned() })
}

fn paid(key: &str) -> Event {
    let amount = Money { amount: PRICE, currency: "GBP".parse().unwrap() };
    event(key, EventBody::Paid { amount, payment_intent: "pi_1".to_owned() })
}
