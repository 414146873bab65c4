//! What a newer version has written: a worker that does not know it leaves it to one that does. Nothing becomes
//! a dead letter because a release is on its way.

use orders::{EventKind, Status};
use streams::Profile;
use workers::payment;

use super::events::{created, ndjson_line, order_id};
use super::fixtures::{basket, item};
use super::schedules::Schedules;
use super::test_cluster::{TestCluster, plan, wait_until};

#[tokio::test]
async fn an_event_of_a_newer_version_waits_and_holds_back_no_other() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("NEW", 9)]).await;
    let schedules = cluster.collect_schedules().await;
    let newer = order_id("newer");
    let unknown =
        format!("{{\"order_id\":\"{newer}\",\"at_ms\":1,\"event\":{{\"gifted\":{{}}}}}}\n");
    let known = ndjson_line(&created("known", &basket(&[("NEW", 1)])));
    cluster.publish(EventKind::Created, &[unknown.into_bytes(), known]).await;
    let views = cluster.wait_until_final(&[order_id("known")]).await;
    assert_eq!(views[0].status, Status::Fulfilled);
    wait_for_an_unsupported_record(&schedules).await;
    assert_eq!(cluster.dead_letters().await.len(), 0);
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn an_order_whose_row_a_newer_version_has_written_waits_for_it() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("NEW", 9)]).await;
    cluster.stop_worker(payment::POOL).await;
    let id = cluster.place("newer-row", &basket(&[("NEW", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;
    cluster.sql("ALTER TABLE payment.payments DROP CONSTRAINT payments_state_check").await;
    let schedules = cluster.collect_schedules().await;
    let row = format!("'{id}', 'split'");
    cluster.sql(&format!("INSERT INTO payment.payments (order_id, state) VALUES ({row})")).await;
    cluster.start_worker(payment::POOL).await;
    wait_for_an_unsupported_record(&schedules).await;

    // The newer version has finished.
    cluster.sql("DELETE FROM payment.payments").await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
    assert_eq!(cluster.dead_letters().await.len(), 0);
    cluster.verify_and_stop(&[id]).await;
}

async fn wait_for_an_unsupported_record(schedules: &Schedules) {
    wait_until("a record waits for a newer version", async || {
        schedules.count(|schedule| schedule["unsupported"].as_u64().is_some()) > 1
    })
    .await;
    assert_eq!(schedules.failed_attempts(), 0);
}
