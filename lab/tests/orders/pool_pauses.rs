//! A pool that is paused by its setting holds orders at every worker, also at those that start later and after the loss
//! of a broker. What undoes goes on, and no order expires because payment is paused.

use std::fs;

use millrace::keys::Role;
use orders::{EventKind, Status, Timestamp};
use serde_json::json;
use streams::{PoolSetting, Profile, consumer_progress, settings_time, stream_state, subjects};
use tokio::time::Instant;
use workers::{fulfilment, inventory, payment};

use super::fixtures::{basket, item, rows};
use super::pool_settings::{IN_FORCE_WITHIN, put};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::RawNats;

const PAUSED: &str = r#"{"paused":true,"why":"provider maintenance","by":"ann"}"#;

#[tokio::test]
async fn a_paused_pool_holds_orders_and_undoes_those_that_are_cancelled() {
    let mut plan = plan(Profile::Single);
    plan.workers = vec![(inventory::POOL, 1), (payment::POOL, 2), (fulfilment::POOL, 1)];
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("HELD", 100)]).await;
    cluster.set_pool_in_time(payment::POOL, PAUSED, 2).await;
    cluster.wait_for_states(payment::POOL, &["paused", "paused"]).await;
    cluster.wait_until_nothing_is_pulled(payment::POOL).await;

    let held = cluster.place_all(&rows("held", 20, |_| basket(&[("HELD", 1)]))).await;
    let given_up = cluster.post(0, "given-up", &basket(&[("HELD", 1)])).await;
    cluster.wait_for_status(given_up.order_id(), Status::Reserved).await;
    cluster.cancel(0, given_up.signed_id()).await;
    cluster.wait_for_status(given_up.order_id(), Status::Cancelled).await;
    let charge = consumer_progress(&cluster.sources.connection, &payment::CHARGE.events()).await;
    let charge = charge.unwrap();
    assert!(charge.messages_waiting > 0 && charge.messages_held == 0, "{charge:?}");
    let status = cluster.status_text().await;
    assert!(
        status.contains("payment     PAUSED: provider maintenance [revision 1 by ann"),
        "{status}"
    );
    assert!(status.contains("workers: 2 paused"), "{status}");

    // A worker that starts is paused from its first moment on.
    for (pool, worker) in &mut cluster.processes.workers {
        if *pool == payment::POOL {
            worker.stop().await.unwrap();
            worker.start().await.unwrap();
        }
    }
    cluster.wait_for_states(payment::POOL, &["paused", "paused"]).await;
    assert!(cluster.views(&held).await.iter().flatten().all(|it| it.status == Status::Reserved));
    let intents = cluster.sources.provider.list_intents(None).await.unwrap();
    assert!(intents.data.is_empty(), "{intents:?}");

    cluster.set_pool_in_time(payment::POOL, "{}", 2).await;
    let views = cluster.wait_until_final(&held).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    cluster.verify_and_stop(&held).await;
}

#[tokio::test]
async fn a_pause_ends_by_itself_at_the_time_of_the_brokers() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("HELD", 100)]).await;
    // The worker's own clock says nothing: by it the pause would last an hour longer.
    cluster.restart_worker_with_failpoint(payment::POOL, "clock=-3600").await;
    let now = settings_time::<PoolSetting>(&cluster.sources.connection).await.unwrap();
    let end = Timestamp::from_millis(now.as_millis() + 4_000);
    let json = format!("{{\"paused\":true,\"until\":\"{end}\"}}");
    cluster.set_pool_in_time(payment::POOL, &json, 1).await;
    cluster.wait_for_states(payment::POOL, &["paused"]).await;
    let id = cluster.place("until", &basket(&[("HELD", 1)])).await;
    cluster.wait_for_status(id, Status::Fulfilled).await;
    let now = settings_time::<PoolSetting>(&cluster.sources.connection).await.unwrap();
    assert!(now >= end, "{now} is before {end}");
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn no_order_expires_because_payment_is_paused_and_all_are_charged_afterwards() {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_PAYMENT_TIMEOUT".to_owned(), "6s".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("HELD", 100)]).await;
    cluster.set_pool_in_time(payment::POOL, PAUSED, 1).await;
    cluster.wait_until_nothing_is_pulled(payment::POOL).await;
    let held = cluster.place_all(&rows("held", 20, |_| basket(&[("HELD", 1)]))).await;
    let connection = cluster.sources.database.connection().await.unwrap();
    wait_until("every reservation is twice as old as it may be", async || {
        let old = "SELECT count(*) FILTER (WHERE decided_at < now() - interval '12 s')
                       FROM inventory.reservations";
        connection.query_one(old, &[]).await.unwrap().get::<_, i64>(0) == 20
    })
    .await;
    cluster.set_pool(payment::POOL, "{}").await;
    let views = cluster.wait_until_final(&held).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled), "{views:?}");
    for id in &held {
        assert!(!cluster.events_of(*id).await.contains(&EventKind::CancelRequested));
    }
    // Time goes on after the pause.
    cluster.stop_worker(payment::POOL).await;
    let late = cluster.place("late", &basket(&[("HELD", 1)])).await;
    cluster.wait_for_event(late, EventKind::CancelRequested).await;
    cluster.start_worker(payment::POOL).await;
    cluster.verify_and_stop(&[&held[..], &[late]].concat()).await;
}

#[tokio::test]
async fn a_setting_is_in_force_in_time_after_the_loss_of_a_broker_and_while_one_hangs() {
    let mut plan = plan(Profile::Durable);
    plan.workers = vec![(inventory::POOL, 1), (payment::POOL, 3), (fulfilment::POOL, 1)];
    let mut cluster = TestCluster::start(plan).await;
    let access = cluster.processes.servers.brokers.access_to(0, Role::Lab);
    let mut nats = RawNats::connect(&access).await;
    cluster.lead_settings_by_first_broker(&mut nats).await;
    let first = put(&mut nats, payment::POOL, "{}").await;
    cluster.wait_until_in_force(first).await;

    cluster.processes.servers.brokers.servers[2].kill().await.unwrap();
    let revision = put(&mut nats, payment::POOL, PAUSED).await;
    let written_at = Instant::now();
    cluster.wait_until_in_force(revision).await;
    let took = written_at.elapsed();
    assert!(took < IN_FORCE_WITHIN, "after the loss of a broker it took {took:?}");

    cluster.processes.servers.brokers.servers[2].start().await.unwrap();
    cluster.wait_until_in_step().await;
    cluster.processes.servers.brokers.servers[2].pause().unwrap();
    // Often, since it is by chance which broker is asked.
    for number in 0..10 {
        let json = format!("{{\"rate\":{}}}", 100 + number);
        let revision = put(&mut nats, payment::POOL, &json).await;
        let written_at = Instant::now();
        cluster.wait_until_in_force(revision).await;
        let took = written_at.elapsed();
        assert!(took < IN_FORCE_WITHIN, "while a broker hangs it took {took:?}");
    }
    cluster.processes.servers.brokers.servers[2].resume().unwrap();
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Has the first broker lead the bucket.
    async fn lead_settings_by_first_broker(&self, nats: &mut RawNats) {
        let first = self.processes.servers.brokers.servers[0].name();
        let placement = json!({"placement": {"preferred": first}});
        wait_until("the first broker leads the bucket", async || {
            let info = nats.api("STREAM.INFO.KV_POOLS", &json!({})).await;
            if info["cluster"]["leader"] == first {
                return true;
            }
            nats.api("STREAM.LEADER.STEPDOWN.KV_POOLS", &placement).await;
            false
        })
        .await;
    }

    /// Waits until each payment worker has logged that this revision is in force: a worker whose connection ends at a
    /// broker that hangs reports nothing.
    async fn wait_until_in_force(&self, revision: u64) {
        let line = format!("setting in force key=payment revision={revision} ");
        wait_until(&format!("all workers log `{line}`"), async || {
            let workers = self.processes.workers.iter().filter(|(pool, _)| *pool == payment::POOL);
            let mut logs = workers.map(|(_, it)| fs::read_to_string(it.log()).unwrap());
            logs.all(|log| log.contains(&line))
        })
        .await;
    }

    /// Waits until every broker has all that is in the bucket.
    async fn wait_until_in_step(&self) {
        let connection = &self.sources.connection;
        wait_until("all brokers are in step", async || {
            let state = stream_state(connection, subjects::POOLS_STREAM).await;
            state.is_ok_and(|it| it.followers.len() == 2 && it.followers.values().all(|it| *it))
        })
        .await;
    }
}
