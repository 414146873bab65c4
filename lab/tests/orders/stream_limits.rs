//! Intake stops before the stream is full and while inventory is far behind, and processed messages
//! are purged.

use std::time::Duration;

use millrace::audit::AuditSources;
use millrace::dead_letters::{ResolveRequest, resolve};
use orders::{Status, Timestamp};
use serde_json::json;
use streams::dead_letter::{self, Reason, ResolutionKind, release_resolved};
use streams::{
    DeliveryHistory, Lane, Origin, Profile, Publisher, Record, Retention, Topology, set_lane_limit,
    stream_state, subjects,
};
use tokio::time::Instant;
use workers::{PurgeError, inventory, payment, purge_processed, stages};

use super::fixtures::{basket, item};
use super::http_client::HttpResponse;
use super::test_cluster::{DEADLINE, TestCluster, plan, wait_until};

#[tokio::test]
async fn intake_stops_before_the_stream_is_full_and_while_inventory_is_far_behind() {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_BACKLOG_MAX_AGE".to_owned(), "1s".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("ROOM", 1_000)]).await;
    let first = cluster.place("first", &basket(&[("ROOM", 1)])).await;
    cluster.wait_until_final(&[first]).await;

    let state = stream_state(&cluster.sources.connection, Lane::FIRST.stream()).await.unwrap();
    set_lane_limit(&cluster.sources.connection, Lane::FIRST, state.bytes as i64 + 1_000)
        .await
        .unwrap();
    cluster.wait_until_refused("/problems/stream-full").await;
    let default_limit = Topology::new(Profile::Single).orders_bytes_max;
    set_lane_limit(&cluster.sources.connection, Lane::FIRST, default_limit).await.unwrap();
    cluster.wait_until_accepted("roomy").await;

    cluster.assert_intake_waits_for_inventory().await;
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_lane_that_gets_no_messages_any_more_is_purged_but_for_its_last_one() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ROOM", 1_000)]).await;
    let done = cluster.place("done", &basket(&[("ROOM", 1)])).await;
    cluster.assert_quiescent_and_consistent(&[done]).await;
    let connection = cluster.sources.connection.clone();
    let before = stream_state(&connection, Lane::FIRST.stream()).await.unwrap();
    let (stored, aged) = (Instant::now(), Duration::from_secs(1));
    wait_until("all messages are old", async || stored.elapsed() > 2 * aged).await;
    let retention = Retention { normal: aged, under_pressure: aged };
    assert_eq!(cluster.purge(retention).await.unwrap(), before.messages - 1);
    assert_eq!(cluster.purge(retention).await.unwrap(), 0);
    // An edge that finds the lane empty takes it for emptied by hand.
    let after = stream_state(&connection, Lane::FIRST.stream()).await.unwrap();
    assert_eq!((after.messages, after.first_sequence), (1, before.last_sequence));
    cluster.verify_and_stop(&[done]).await;
}

#[tokio::test]
async fn nothing_is_purged_while_the_consumer_of_a_step_is_missing() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ROOM", 1_000)]).await;
    let done = cluster.place("done", &basket(&[("ROOM", 1)])).await;
    cluster.assert_quiescent_and_consistent(&[done]).await;
    cluster.stop_workers().await;
    let waiting = cluster.place("waiting", &basket(&[("ROOM", 1)])).await;
    let request = format!("CONSUMER.DELETE.ORDERS_1.{}", inventory::RESERVE.events().durable);
    let deleted = cluster.nats().await.api(&request, &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    let nothing = Retention { normal: Duration::ZERO, under_pressure: Duration::ZERO };
    let refused = cluster.purge(nothing).await.unwrap_err();
    assert!(matches!(refused, PurgeError::Stream(_)), "{refused}");
    cluster.start_workers().await;
    let views = cluster.wait_until_final(&[waiting]).await;
    assert_eq!(views[0].status, Status::Fulfilled);
    cluster.verify_and_stop(&[done, waiting]).await;
}

/// So many that one more request fills the stream by less than a per cent.
const STORED_ORDERS: usize = 150;

#[tokio::test]
async fn requests_about_stored_orders_are_refused_once_only_outcomes_have_room() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ROOM", 1_000)]).await;
    cluster.stop_worker(payment::POOL).await;
    let mut placed = Vec::new();
    for number in 0..STORED_ORDERS {
        placed.push(cluster.post(0, &format!("room-{number}"), &basket(&[("ROOM", 1)])).await);
    }
    for order in &placed {
        cluster.wait_for_status(order.order_id(), Status::Reserved).await;
    }
    // The pool, its workers, and what waits for it: orders, whatever the number of messages.
    let waiting = format!("{:<12}{:<12}{:>8}{:>13}", "payment", "charge", 0, STORED_ORDERS);
    let status = cluster.status_text().await;
    assert!(status.contains(&waiting), "{status}");

    cluster.fill_orders(85).await;
    cluster.wait_until_refused("/problems/stream-full").await;
    // The orders until then have filled it further.
    cluster.fill_orders(85).await;
    wait_until("cancel requests are accepted while orders are refused", async || {
        cluster.cancel(0, placed[0].signed_id()).await.status == 202
    })
    .await;
    let refused = cluster.post(0, "late", &basket(&[("ROOM", 1)])).await;
    assert_eq!(refused.body["type"], "/problems/stream-full");
    cluster.fill_orders(95).await;
    // Nothing is stored for an order that is being cancelled already.
    let mut waiting = placed[1..].iter();
    wait_until("cancel requests are refused", async || {
        let order = waiting.next().expect("the gate has closed before all orders are cancelled");
        let response = cluster.cancel(0, order.signed_id()).await;
        response.body["type"] == "/problems/stream-full"
    })
    .await;

    let default_limit = Topology::new(Profile::Single).orders_bytes_max;
    set_lane_limit(&cluster.sources.connection, Lane::FIRST, default_limit).await.unwrap();
    let last = placed.last().unwrap().signed_id();
    wait_until("cancel requests are accepted", async || {
        cluster.cancel(0, last).await.status == 202
    })
    .await;
    cluster.start_worker(payment::POOL).await;
    let ids: Vec<_> = placed.iter().map(HttpResponse::order_id).collect();
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn processed_messages_are_purged_and_no_others() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ROOM", 1_000)]).await;
    let done = cluster.place("done", &basket(&[("ROOM", 1)])).await;
    cluster.assert_quiescent_and_consistent(&[done]).await;
    let connection = cluster.sources.connection.clone();
    let purged = cluster.purge(Retention::default()).await.unwrap();
    assert_eq!(purged, 0, "all messages are younger than a day");

    let cutoff = Instant::now();
    cluster.stop_worker(payment::POOL).await;
    let young = cluster.place("young", &basket(&[("ROOM", 1)])).await;
    cluster.wait_for_status(young, Status::Reserved).await;
    let before = stream_state(&connection, Lane::FIRST.stream()).await.unwrap();
    // Only the messages from before the cutoff are old enough at first. With no minimum age all
    // are, but payment has not processed the last one.
    let retention = |normal| Retention { normal, under_pressure: normal };
    let purged = cluster.purge(retention(cutoff.elapsed())).await.unwrap();
    assert!(purged > 0 && purged < before.messages, "{purged} of {}", before.messages);
    let processed = cluster.purge(retention(Duration::ZERO)).await.unwrap();
    assert!(purged + processed < before.messages, "{processed} more");

    cluster.start_worker(payment::POOL).await;
    assert_eq!(cluster.wait_until_final(&[young]).await[0].status, Status::Fulfilled);
    // The rows outlive the purged messages: the audit has less to compare, and finds no problem.
    cluster.verify_and_stop(&[done, young]).await;
}

#[tokio::test]
async fn status_warns_before_dead_letters_lack_room() {
    let mut plan = plan(Profile::Single);
    (plan.workers, plan.edges) = (Vec::new(), 0);
    let cluster = TestCluster::start(plan).await;
    cluster.store_dead_letter(1).await;
    assert!(!cluster.status_text().await.contains("WARNING"));
    let state = stream_state(&cluster.sources.connection, subjects::DEAD_LETTERS).await.unwrap();
    let mut nats = cluster.nats().await;
    nats.edit_stream("DEAD_LETTERS", "max_bytes", json!(state.bytes * 10 / 9)).await;
    let status = cluster.status_text().await;
    assert!(status.contains("WARNING: DEAD_LETTERS is 90 % full"), "{status}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn resolved_dead_letters_go_when_the_stream_is_half_full_and_unresolved_ones_never() {
    let mut plan = plan(Profile::Single);
    (plan.workers, plan.edges) = (Vec::new(), 0);
    let cluster = TestCluster::start(plan).await;
    let connection = &cluster.sources.connection;
    for number in 1..=6 {
        cluster.store_dead_letter(number).await;
    }
    let letters = cluster.dead_letters().await;
    let replay = ResolveRequest { action: ResolutionKind::Replayed, by: "Ada", why: "fixed" };
    for letter in letters.iter().rev().step_by(2) {
        resolve(connection, letter, replay).await.unwrap();
    }
    let unresolved = cluster.dead_letters().await;
    assert_eq!(unresolved.len(), 3);
    assert_eq!(release_resolved(connection).await.unwrap(), 0, "there is room");

    let state = stream_state(connection, subjects::DEAD_LETTERS).await.unwrap();
    let mut nats = cluster.nats().await;
    nats.edit_stream("DEAD_LETTERS", "max_bytes", json!(state.bytes * 2)).await;
    assert_eq!(release_resolved(connection).await.unwrap(), 3);
    // Among what was removed is the last message of the stream.
    assert_eq!(dead_letter::read(connection).await.unwrap(), unresolved);
    let state = stream_state(connection, subjects::DEAD_LETTERS).await.unwrap();
    assert_eq!(state.messages, 3);
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Stores the dead letter of the record with this number in the stream of orders.
    async fn store_dead_letter(&self, sequence: u64) {
        let publisher = Publisher::new(self.sources.connection.clone());
        let now = Timestamp::from_millis(0);
        let origin = Origin { stream: Lane::FIRST.stream().to_owned(), sequence };
        let history = DeliveryHistory { attempts: 1, ..DeliveryHistory::new(origin, now) };
        let line = format!(r#"{{"number":{sequence}}}"#).into();
        let record = Record { line, history, stored_at: now };
        let message = dead_letter::message(&payment::CHARGE, Reason::Poison, &record, "it failed");
        publisher.publish(&message, DEADLINE).await.unwrap();
    }

    async fn purge(&self, retention: Retention) -> Result<u64, PurgeError> {
        let AuditSources { connection, database, .. } = &self.sources;
        purge_processed(connection, database, Lane::FIRST, &stages::steps(), retention).await
    }

    /// Asserts that no order is accepted while one waits for inventory for longer than the cluster's
    /// limit, which must be short.
    pub(crate) async fn assert_intake_waits_for_inventory(&mut self) {
        self.stop_worker(inventory::POOL).await;
        self.wait_until_accepted("waiting").await;
        self.wait_until_refused("/problems/backlog").await;
        self.start_worker(inventory::POOL).await;
        self.wait_until_accepted("caught-up").await;
    }

    async fn wait_until_refused(&self, problem: &str) {
        let mut number = 0;
        wait_until(&format!("orders are refused with {problem}"), async || {
            number += 1;
            let key = format!("{problem}-{number}");
            self.post(0, &key, &basket(&[("ROOM", 1)])).await.body["type"] == problem
        })
        .await;
    }

    /// Sets the limit of the stream of orders so that it is full to `percent`.
    async fn fill_orders(&self, percent: u64) {
        let connection = &self.sources.connection;
        let state = stream_state(connection, Lane::FIRST.stream()).await.unwrap();
        set_lane_limit(connection, Lane::FIRST, (state.bytes * 100 / percent) as i64)
            .await
            .unwrap();
    }

    async fn wait_until_accepted(&self, key: &str) {
        wait_until("orders are accepted", async || {
            self.post(0, key, &basket(&[("ROOM", 1)])).await.status == 202
        })
        .await;
    }
}
