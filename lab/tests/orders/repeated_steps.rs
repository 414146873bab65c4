//! Steps called directly on the database: however they are repeated and grouped, each has one
//! effect, and its outcome is the same bytes.

use futures_util::future::join;
use orders::{CancelReason, CancelledBy, Event, EventBody, EventKind, Money};
use workers::database::Database;
use workers::fulfilment::{ship, withdraw};
use workers::inventory::{release, reserve, stock};
use workers::step_input::{StepError, StepOutcome};

use super::events::{cancel_requested, created, event, ndjson_line, step_inputs};
use super::fixtures::{PRICE, basket, item};
use super::test_cluster::with_shared_cluster;

#[test]
fn an_order_that_is_reserved_again_holds_its_stock_once() {
    with_shared_cluster(async |cluster| {
        let database =
            Database::open(&cluster.create_database("reserved_again", &[item("SKU", 10)]).await)
                .unwrap();
        let [a, b, c] = [("a", 4), ("b", 5), ("c", 2)]
            .map(|(key, quantity)| created(key, &basket(&[("SKU", quantity)])));
        let first = outcome_lines(reserve(&database, &step_inputs([&a, &b, &c])).await);
        assert_eq!(kinds(&first), [EventKind::Reserved, EventKind::Reserved, EventKind::Rejected]);
        assert_eq!(outcome_lines(reserve(&database, &step_inputs([&a, &b, &c])).await), first);
        let regrouped = outcome_lines(reserve(&database, &step_inputs([&c, &b])).await);
        assert_eq!(regrouped, [first[2].clone(), first[1].clone()]);
        assert_eq!(outcome_lines(reserve(&database, &step_inputs([&a])).await), first[..1]);
        assert_eq!(on_hand(&database).await, 1);
    });
}

#[test]
fn an_order_that_is_twice_in_one_set_is_reserved_once_and_another_body_conflicts() {
    with_shared_cluster(async |cluster| {
        let database =
            Database::open(&cluster.create_database("twice_in_one_set", &[item("SKU", 10)]).await)
                .unwrap();
        let one = created("order", &basket(&[("SKU", 1)]));
        let other = created("order", &basket(&[("SKU", 2)]));
        let set = step_inputs([&one, &other, &one]);
        let first = outcome_lines(reserve(&database, &set).await);
        assert_eq!(
            kinds(&first),
            [EventKind::Reserved, EventKind::Conflicted, EventKind::Reserved]
        );
        assert_eq!(first[0], first[2]);
        assert_eq!(outcome_lines(reserve(&database, &set).await), first);
        let alone = outcome_lines(reserve(&database, &step_inputs([&other])).await);
        assert_eq!(alone, [first[1].clone()]);
        assert_eq!(on_hand(&database).await, 9);
    });
}

#[test]
fn orders_that_two_workers_reserve_concurrently_hold_their_stock_once() {
    with_shared_cluster(async |cluster| {
        let url = cluster.create_database("concurrent_workers", &[item("SKU", 1_000)]).await;
        let [one, other] = [(); 2].map(|()| Database::open(&url).unwrap());
        let orders: Vec<Event> = (0..50)
            .map(|number| created(&format!("same-{number}"), &basket(&[("SKU", 1)])))
            .collect();
        let (forwards, backwards) = (step_inputs(&orders), step_inputs(orders.iter().rev()));
        let (first, second) = join(reserve(&one, &forwards), reserve(&other, &backwards)).await;
        let (first, mut second) = (outcome_lines(first), outcome_lines(second));
        second.reverse();
        assert_eq!(first, second);
        assert_eq!(on_hand(&one).await, 950);
    });
}

#[test]
fn of_two_bodies_that_two_workers_reserve_concurrently_exactly_one_wins() {
    with_shared_cluster(async |cluster| {
        let items = [item("SKU", 1_000), item("OTHER", 1_000)];
        let url = cluster.create_database("two_bodies", &items).await;
        let [one, other] = [(); 2].map(|()| Database::open(&url).unwrap());
        // The locks on the SKUs do not serialise these two: the orders' rows do.
        let [bodies, others] = ["SKU", "OTHER"].map(|sku| {
            let order = |number| created(&format!("two-{number}"), &basket(&[(sku, 1)]));
            (0..50).map(order).collect::<Vec<_>>()
        });
        let (bodies, others) = (step_inputs(&bodies), step_inputs(others.iter().rev()));
        let (first, second) = join(reserve(&one, &bodies), reserve(&other, &others)).await;
        let (first, mut second) = (kinds(&outcome_lines(first)), kinds(&outcome_lines(second)));
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
fn an_order_that_is_released_again_returns_its_stock_once() {
    with_shared_cluster(async |cluster| {
        let database =
            Database::open(&cluster.create_database("released_again", &[item("SKU", 10)]).await)
                .unwrap();
        let orders = ["a", "b"].map(|key| created(key, &basket(&[("SKU", 3)])));
        outcome_lines(reserve(&database, &step_inputs(&orders)).await);
        let [a, b] = ["a", "b"].map(declined);
        let first = outcome_lines(release(&database, &step_inputs([&a, &b, &a])).await);
        assert_eq!(kinds(&first), [EventKind::Cancelled; 3]);
        assert_eq!(first[0], first[2]);
        let regrouped = outcome_lines(release(&database, &step_inputs([&b, &a])).await);
        assert_eq!(regrouped, [first[1].clone(), first[0].clone()]);
        assert_eq!(on_hand(&database).await, 10);
        // A repeated reserve still returns `reserved`, and holds no stock again.
        assert_eq!(
            kinds(&outcome_lines(reserve(&database, &step_inputs(&orders)).await)),
            [EventKind::Reserved; 2]
        );
        assert_eq!(on_hand(&database).await, 10);
    });
}

#[test]
fn an_order_that_is_released_before_its_reservation_is_never_reserved() {
    with_shared_cluster(async |cluster| {
        let database =
            Database::open(&cluster.create_database("released_before", &[item("SKU", 10)]).await)
                .unwrap();
        let reason = CancelReason::Requested { by: CancelledBy::Buyer };
        let refunded = event("early", EventBody::Refunded { amount: None, reason });
        let order = created("early", &basket(&[("SKU", 3)]));
        let first = outcome_lines(release(&database, &step_inputs([&refunded])).await);
        assert_eq!(kinds(&first), [EventKind::Cancelled]);
        assert_eq!(
            outcome_lines(reserve(&database, &step_inputs([&order, &order])).await),
            [&first[..]; 2].concat()
        );
        assert_eq!(outcome_lines(release(&database, &step_inputs([&refunded])).await), first);
        assert_eq!(on_hand(&database).await, 10);
    });
}

#[test]
fn an_order_is_shipped_or_withdrawn_and_the_first_decision_wins() {
    with_shared_cluster(async |cluster| {
        let database =
            Database::open(&cluster.create_database("ship_or_withdraw", &[item("SKU", 0)]).await)
                .unwrap();
        let [shipped, withdrawn] = ["shipped", "withdrawn"].map(paid);
        let [too_late, in_time] = ["shipped", "withdrawn"].map(cancel_requested);
        let fulfilled = outcome_lines(ship(&database, None, &step_inputs([&shipped])).await);
        assert_eq!(kinds(&fulfilled), [EventKind::Fulfilled]);
        let decided = outcome_lines(withdraw(&database, &step_inputs([&too_late, &in_time])).await);
        assert_eq!(kinds(&decided), [EventKind::CancelRefused, EventKind::Withdrawn]);

        assert_eq!(
            outcome_lines(
                ship(&database, None, &step_inputs([&withdrawn, &shipped, &shipped])).await
            ),
            [fulfilled[0].clone(), fulfilled[0].clone()]
        );
        assert_eq!(
            outcome_lines(withdraw(&database, &step_inputs([&in_time])).await),
            decided[1..]
        );
    });
}

#[test]
fn an_unshippable_order_is_withdrawn_with_its_skus_and_the_first_decision_wins() {
    with_shared_cluster(async |cluster| {
        let database =
            Database::open(&cluster.create_database("unshippable", &[item("SKU", 10)]).await)
                .unwrap();
        let order = created("order", &basket(&[("SKU", 1)]));
        outcome_lines(reserve(&database, &step_inputs([&order])).await);
        let paid = paid("order");
        let first = outcome_lines(ship(&database, Some("SK"), &step_inputs([&paid, &paid])).await);
        let reason = CancelReason::Unshippable { skus: vec!["SKU".parse().unwrap()] };
        let event: Event = serde_json::from_str(&first[0]).unwrap();
        assert_eq!(event.body, EventBody::Withdrawn { reason });
        assert_eq!(first[0], first[1]);
        // Even if the rule has changed, and whichever step decides.
        assert_eq!(outcome_lines(ship(&database, None, &step_inputs([&paid])).await), first[..1]);
        let cancel = step_inputs([&cancel_requested("order")]);
        assert_eq!(outcome_lines(withdraw(&database, &cancel).await), first[..1]);
    });
}

async fn on_hand(database: &Database) -> i64 {
    let found = stock::look_up(database, &["SKU".parse().unwrap()]).await.unwrap();
    found[0].as_ref().unwrap().on_hand
}

/// The records that the outcomes add to the stream.
fn outcome_lines(outcomes: Result<Vec<StepOutcome>, StepError>) -> Vec<String> {
    let events = outcomes.unwrap().into_iter().flat_map(|outcome| match outcome {
        StepOutcome::Completed(events) => events,
        other => panic!("not completed: {other:?}"),
    });
    events.map(|event| String::from_utf8(ndjson_line(&event)).unwrap()).collect()
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
