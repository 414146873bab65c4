//! A record that crashes every worker that processes it: after the third crash on this record alone
//! it becomes a dead letter, and the other orders of its batch proceed.

use std::time::Duration;

use millrace::dead_letters::{ResolveRequest, resolve};
use orders::{Event, EventBody, EventKind, OrderId, Status};
use streams::dead_letter::{Reason, ResolutionKind};
use streams::{Connection, Fetcher, Profile};
use tokio::time::timeout;
use workers::{inventory, payment};

use super::events::{created, ndjson_line, order_id};
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Crashes on a record processed alone, after which it becomes a dead letter.
const CRASHES: usize = 3;

/// The failpoint that crashes a worker at the record that contains this text.
const DEADLY: &str = "crash_on_record=deadly";

#[tokio::test]
async fn a_record_that_crashes_three_workers_becomes_a_dead_letter_alone() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("KILL", 10)]).await;
    cluster.stop_worker(inventory::POOL).await;
    let batch = ["kill-first", "kill-deadly", "kill-last"].map(|key| ndjson_line(&order(key)));
    cluster.publish(EventKind::Created, &batch).await;
    nak_twice(&cluster.sources.connection).await;

    for crash in 1..=CRASHES {
        cluster.restart_worker_with_failpoint(inventory::POOL, DEADLY).await;
        cluster.wait_for_worker_crash(inventory::POOL).await;
        assert_eq!(cluster.dead_letters().await, [], "after {crash} crashes");
    }
    cluster.restart_worker_with_failpoint(inventory::POOL, DEADLY).await;
    let good: Vec<OrderId> = ["kill-first", "kill-last"].map(order_id).to_vec();
    let views = cluster.wait_until_final(&good).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    let letters = cluster.dead_letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].content.reason, Reason::Poison);
    assert_eq!(letters[0].order_id(), Some(order_id("kill-deadly")));
    let connection = cluster.sources.database.connection().await.unwrap();
    let marks = connection.query("SELECT record FROM workers.taken_alone", &[]).await.unwrap();
    assert_eq!(marks.len(), 1, "the good records leave no mark");
    assert!(!cluster.processes.workers[0].1.has_exited().unwrap());

    // After the fault is fixed, the order proceeds.
    cluster.start_worker(inventory::POOL).await;
    let replay = ResolveRequest { action: ResolutionKind::Replayed, by: "Ada", why: "fixed" };
    resolve(&cluster.sources.connection, &letters[0], replay).await.unwrap();
    cluster.verify_and_stop(&[good[0], good[1], order_id("kill-deadly")]).await;
}

#[tokio::test]
async fn a_clean_stop_takes_back_each_mark_of_its_worker_once() {
    let mut plan = plan(Profile::Single);
    // A call that hangs stays in progress until the worker's drain is over.
    plan.envs.push(("MILLRACE_PROVIDER_TIMEOUT".to_owned(), "60s".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("KILL", 10)]).await;
    cluster.stop_worker(payment::POOL).await;
    let mut ids = Vec::new();
    for key in ["first-loop", "second-loop"] {
        let id = cluster.place(key, &basket(&[("KILL", 1)])).await;
        cluster.wait_for_status(id, Status::Reserved).await;
        ids.push(id);
    }
    nak_each_twice(&cluster.sources.connection, ids.len()).await;
    cluster.set_provider_faults("fail=hang&rate=1").await;
    cluster.start_worker(payment::POOL).await;
    wait_until("two loops process one record each, alone", async || {
        cluster.marks().await == [1, 1]
    })
    .await;
    cluster.stop_worker(payment::POOL).await;
    assert_eq!(cluster.marks().await, [0, 0], "neither record has crashed a worker");

    cluster.set_provider_faults("fail=none").await;
    cluster.start_worker(payment::POOL).await;
    cluster.verify_and_stop(&ids).await;
}

impl TestCluster {
    /// How many worker runs have started each of the records that are processed alone, and not come
    /// to its end.
    async fn marks(&self) -> Vec<i32> {
        let connection = self.sources.database.connection().await.unwrap();
        let rows = connection.query("SELECT times FROM workers.taken_alone", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// Has each of `messages` batches of payment delivered twice and not processed.
async fn nak_each_twice(connection: &Connection, messages: usize) {
    let mut fetcher = Fetcher::new(connection.clone(), payment::CHARGE.events());
    for _ in 0..2 {
        let mut held = Vec::new();
        while held.len() < messages {
            held.extend(timeout(FETCH_TIMEOUT, fetcher.next(1)).await.unwrap().unwrap());
        }
        fetcher.nak().await;
        for delivery in held {
            delivery.nak().await;
        }
    }
    connection.flush().await;
}

fn order(key: &str) -> Event {
    let mut event = created(key, &basket(&[("KILL", 1)]));
    if let EventBody::Created(created) = &mut event.body {
        created.order.reference = (key == "kill-deadly").then(|| "deadly".to_owned());
    }
    event
}

/// Has the batch delivered twice and not processed, as two failed workers would.
async fn nak_twice(connection: &Connection) {
    let mut fetcher = Fetcher::new(connection.clone(), inventory::RESERVE.events());
    for delivered in 1..=2 {
        let deliveries = timeout(FETCH_TIMEOUT, fetcher.next(1)).await.unwrap().unwrap();
        // A client that still fetches would be sent the messages that it naks.
        fetcher.nak().await;
        for delivery in deliveries {
            assert_eq!(delivery.delivered, delivered);
            delivery.nak().await;
        }
    }
    connection.flush().await;
}
