//! Stock that many want: never below zero, never held up, with two inventory workers.

use futures_util::future::try_join_all;
use orders::{EventKind, Status};
use workers::database::Database;
use workers::inventory::reserve;
use workers::task::StepOutcome;

use super::events::{created, tasks};
use super::fixtures::{basket, item, rows};
use super::test_cluster::in_the_shared_shop;

#[test]
fn fifty_in_stock_are_sold_fifty_times_to_two_hundred_buyers() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("FIFTY", 50)]).await;
        let ids = shop.place_all(&rows("fifty", 200, |_| basket(&[("FIFTY", 1)]))).await;
        let views = shop.until_final(&ids).await;
        let ended = |end| views.iter().filter(|view| view.status == end).count();
        assert_eq!((ended(Status::Fulfilled), ended(Status::Rejected)), (50, 150));
        assert_eq!(shop.on_hand("FIFTY").await, 0);
        shop.books_balance(&ids).await;
    });
}

#[test]
fn orders_that_name_the_same_skus_in_opposite_order_do_not_hold_each_other_up() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("CROSS-A", 1_000), item("CROSS-B", 1_000), item("HOT", 1_000)]).await;
        let fill = |number: usize| match number % 2 {
            0 => basket(&[("CROSS-A", 1), ("HOT", 1), ("CROSS-B", 1)]),
            _ => basket(&[("CROSS-B", 1), ("HOT", 1), ("CROSS-A", 1)]),
        };
        let ids = shop.place_all(&rows("cross", 200, fill)).await;
        let views = shop.until_final(&ids).await;
        assert!(views.iter().all(|view| view.status == Status::Fulfilled));
        for sku in ["CROSS-A", "CROSS-B", "HOT"] {
            assert_eq!(shop.on_hand(sku).await, 800, "{sku}");
        }
        shop.books_balance(&ids).await;
    });
}

#[test]
fn workers_that_reserve_at_the_same_moment_hand_out_what_there_is_and_no_more() {
    in_the_shared_shop(async |shop| {
        let items = [item("A", 50), item("B", 1_000), item("C", 1_000)];
        let url = shop.empty_database("at_the_same_moment", &items).await;
        let workers = [Database::open(&url).unwrap(), Database::open(&url).unwrap()];
        let sets = (0..40).map(|set| {
            // Every set wants all SKUs; the orders in it name them in both directions.
            let there = created(&format!("there-{set}"), &basket(&[("A", 1), ("B", 1), ("C", 1)]));
            let back = created(&format!("back-{set}"), &basket(&[("C", 1), ("B", 1), ("A", 1)]));
            let worker = &workers[set % workers.len()];
            async move { reserve(worker, &tasks([&there, &back])).await }
        });
        let verdicts = try_join_all(sets).await.unwrap().into_iter().flatten();
        let reserved = verdicts.filter(|verdict| match verdict {
            StepOutcome::Completed(outcomes) => outcomes[0].body.kind() == EventKind::Reserved,
            other => panic!("not done: {other:?}"),
        });
        assert_eq!(reserved.count(), 50);
    });
}
