//! The sweep of expired reservations passes none: neither one that is committed late, nor one whose time is
//! that of a database clock that went back.

use orders::{EventKind, OrderId};
use streams::Profile;
use workers::payment;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

#[tokio::test]
async fn a_reservation_that_is_committed_late_expires_and_no_other_is_swept_twice() {
    let cluster = start_without_payment().await;
    let first = cluster.place("first", &basket(&[("SWEPT", 1)])).await;
    cluster.wait_for_event(first, EventKind::CancelRequested).await;
    let late = OrderId::from_bytes([1; 16]);
    let before_first =
        format!("(SELECT decided_at FROM inventory.reservations WHERE order_id = '{first}')");
    cluster.commit_reservation(late, &format!("{before_first} - interval '5 s'")).await;
    cluster.wait_for_event(late, EventKind::CancelRequested).await;
    let requests = cluster.events_of(first).await.into_iter();
    assert_eq!(requests.filter(|kind| *kind == EventKind::CancelRequested).count(), 1);
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn the_sweep_passes_what_is_older_than_any_transaction() {
    let cluster = start_without_payment().await;
    let old = OrderId::from_bytes([2; 16]);
    cluster.commit_reservation(old, "now() - interval '2 min'").await;
    cluster.wait_for_event(old, EventKind::CancelRequested).await;
    cluster.wait_until_swept(&format!("order_id = '{old}'")).await;
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn reservations_expire_after_the_databases_clock_went_back() {
    let cluster = start_without_payment().await;
    let connection = cluster.sources.database.connection().await.unwrap();
    let update = "UPDATE inventory.sweep SET decided_at = now() + interval '1 day'";
    connection.execute(update, &[]).await.unwrap();
    let id = cluster.place("gone-back", &basket(&[("SWEPT", 1)])).await;
    cluster.wait_for_event(id, EventKind::CancelRequested).await;
    cluster.wait_until_swept("decided_at < now()").await;
    cluster.processes.stop().await.unwrap();
}

/// A cluster whose reservations expire after a second.
async fn start_without_payment() -> TestCluster {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_PAYMENT_TIMEOUT".to_owned(), "1s".to_owned()));
    plan.workers.retain(|(pool, _)| *pool != payment::POOL);
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("SWEPT", 10)]).await;
    cluster
}

impl TestCluster {
    /// Commits a reservation of nothing whose transaction began at `decided_at`, an SQL expression.
    async fn commit_reservation(&self, id: OrderId, decided_at: &str) {
        let connection = self.sources.database.connection().await.unwrap();
        let insert = format!(
            "INSERT INTO inventory.reservations (order_id, state, lines, placed_at, decided_at)
             SELECT '{id}', 'reserved', '[]', decided_at, decided_at
             FROM (SELECT {decided_at} AS decided_at) AS began"
        );
        connection.execute(&insert, &[]).await.unwrap();
    }

    /// Waits until the cursor of the sweep matches `condition`.
    async fn wait_until_swept(&self, condition: &str) {
        let connection = self.sources.database.connection().await.unwrap();
        let select = format!("SELECT {condition} FROM inventory.sweep");
        wait_until(&format!("the sweep's cursor has {condition}"), async || {
            connection.query_one(&select, &[]).await.unwrap().get(0)
        })
        .await;
    }
}
