//! Stock in high demand, with two inventory workers: it never goes below zero, and never deadlocks.

use futures_util::future::try_join_all;
use orders::{EventKind, Status};
use workers::database::Database;
use workers::inventory::reserve;
use workers::step_input::StepOutcome;

use super::events::{created, step_inputs};
use super::fixtures::{basket, item, rows};
use super::test_cluster::with_shared_cluster;

#[test]
fn of_two_hundred_orders_for_fifty_units_exactly_fifty_are_fulfilled() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("FIFTY", 50)]).await;
        let ids = cluster.place_all(&rows("fifty", 200, |_| basket(&[("FIFTY", 1)]))).await;
        let views = cluster.wait_until_final(&ids).await;
        let count = |status| views.iter().filter(|view| view.status == status).count();
        assert_eq!((count(Status::Fulfilled), count(Status::Rejected)), (50, 150));
        assert_eq!(cluster.on_hand("FIFTY").await, 0);
        cluster.assert_consistent(&ids).await;
    });
}

#[test]
fn orders_that_list_the_same_skus_in_opposite_order_do_not_deadlock() {
    with_shared_cluster(async |cluster| {
        cluster
            .load_catalog(&[item("CROSS-A", 1_000), item("CROSS-B", 1_000), item("HOT", 1_000)])
            .await;
        let fill = |number: usize| match number % 2 {
            0 => basket(&[("CROSS-A", 1), ("HOT", 1), ("CROSS-B", 1)]),
            _ => basket(&[("CROSS-B", 1), ("HOT", 1), ("CROSS-A", 1)]),
        };
        let ids = cluster.place_all(&rows("cross", 200, fill)).await;
        let views = cluster.wait_until_final(&ids).await;
        assert!(views.iter().all(|view| view.status == Status::Fulfilled));
        for sku in ["CROSS-A", "CROSS-B", "HOT"] {
            assert_eq!(cluster.on_hand(sku).await, 800, "{sku}");
        }
        cluster.assert_consistent(&ids).await;
    });
}

#[test]
fn a_worker_that_is_paused_within_a_transaction_does_not_hold_the_stock_of_its_orders() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("HELD", 9)]).await;
        let paused = cluster.sources.database.connection().await.unwrap();
        let lock = "BEGIN; SELECT FROM inventory.stock WHERE sku = 'HELD' FOR UPDATE";
        paused.batch_execute(lock).await.unwrap();
        let id = cluster.place("held", &basket(&[("HELD", 1)])).await;
        assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
        assert!(paused.batch_execute("COMMIT").await.is_err(), "the session has ended");
        cluster.assert_consistent(&[id]).await;
    });
}

#[test]
fn workers_that_reserve_concurrently_do_not_oversell() {
    with_shared_cluster(async |cluster| {
        let items = [item("A", 50), item("B", 1_000), item("C", 1_000)];
        let url = cluster.create_database("concurrent_reservations", &items).await;
        let workers = [Database::open(&url).unwrap(), Database::open(&url).unwrap()];
        let sets = (0..40).map(|set| {
            // Every set needs all SKUs; its orders list them in both directions.
            let forward =
                created(&format!("forward-{set}"), &basket(&[("A", 1), ("B", 1), ("C", 1)]));
            let backward =
                created(&format!("backward-{set}"), &basket(&[("C", 1), ("B", 1), ("A", 1)]));
            let worker = &workers[set % workers.len()];
            async move { reserve(worker, &step_inputs([&forward, &backward])).await }
        });
        let outcomes = try_join_all(sets).await.unwrap().into_iter().flatten();
        let reserved = outcomes.filter(|outcome| match outcome {
            StepOutcome::Completed(events) => events[0].body.kind() == EventKind::Reserved,
            other => panic!("not completed: {other:?}"),
        });
        assert_eq!(reserved.count(), 50);
    });
}
