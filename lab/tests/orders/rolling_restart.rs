//! Every edge and every worker is stopped by SIGTERM, one after the other, and started again under
//! steady load: every order is answered 202, and no message is delivered a second time, so that no
//! redelivery counts as an attempt.

use lab::up::RoleProcess;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use streams::{Profile, Step, consumer_progress, stream_state, subjects, worker_presence};
use tokio::time::timeout;
use workers::{inventory, stages};

use super::fixtures::{basket, item, with_payment_token};
use super::steady_clients::SteadyClients;
use super::test_cluster::{DEADLINE, TestCluster, plan, wait_until};

/// Per pool: one takes over while the other restarts.
const WORKERS: usize = 2;
/// Small batches make many messages, so that some are in flight at each restart.
const SMALL_BATCH: usize = 2;
/// Several times, because a lost request would have to be in flight at the moment of the restart.
const EDGE_RESTARTS: usize = 6;
/// Answered orders between two restarts.
const ANSWERED_BETWEEN: u64 = 40;
/// The subject of the broker's advisories about messages that an inventory worker naks.
const NAK_ADVISORIES: &str = "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.ORDERS_1.inventory";

#[tokio::test]
async fn in_a_rolling_restart_no_request_fails_and_no_message_is_delivered_twice() {
    let mut plan = plan(Profile::Single);
    // As in production: a message that waits on a busy machine is not redelivered.
    plan.ack_wait = None;
    plan.workers = stages::order_pools().into_iter().map(|pool| (pool, WORKERS)).collect();
    plan.max_batch = SMALL_BATCH;
    // A shorter timeout would cause retries on a busy machine that no restart has caused.
    plan.envs.push(("MILLRACE_PROVIDER_TIMEOUT".to_owned(), "30s".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("MANY", 1_000_000)]).await;
    cluster.wait_for_all_workers().await;

    // Declined cards make work for the undo steps.
    let clients = SteadyClients::start(&cluster.edge_urls(), |number| match number % 4 {
        0 => with_payment_token(basket(&[("MANY", 1)]), "tok_chargeDeclined"),
        _ => basket(&[("MANY", 1)]),
    });
    for edge in (0..cluster.processes.edges.len()).cycle().take(EDGE_RESTARTS) {
        clients.wait_for_answers(ANSWERED_BETWEEN).await;
        clients.wait_for_request_to(edge).await;
        restart(&mut cluster.processes.edges[edge]).await;
    }
    for worker in 0..cluster.processes.workers.len() {
        clients.wait_for_answers(ANSWERED_BETWEEN).await;
        restart(&mut cluster.processes.workers[worker].1).await;
        cluster.wait_for_all_workers().await;
    }
    clients.wait_for_answers(ANSWERED_BETWEEN).await;
    let results = clients.stop().await;

    assert_eq!(results.failures, Vec::<String>::new());
    assert!(results.switched_edge >= EDGE_RESTARTS, "an edge drained without a client");
    cluster.assert_quiescent_and_consistent(&results.placed).await;
    assert_eq!(cluster.redeliveries().await, []);
    for stream in [subjects::RETRIES, subjects::DEAD_LETTERS] {
        let state = stream_state(&cluster.sources.connection, stream).await.unwrap();
        assert_eq!(state.last_sequence, 0, "{stream} has had a message");
    }
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_worker_whose_database_hangs_naks_its_messages_and_stops() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("MANY", 1_000)]).await;
    let before = cluster.place("before", &basket(&[("MANY", 1)])).await;
    cluster.wait_until_final(&[before]).await;
    cluster.processes.servers.postgres.pause().unwrap();
    let waiting = cluster.place("waiting", &basket(&[("MANY", 1)])).await;
    let reserve = inventory::RESERVE.events();
    wait_until("a worker holds the message", async || {
        consumer_progress(&cluster.sources.connection, &reserve).await.unwrap().messages_held > 0
    })
    .await;
    let mut advisories = cluster.sources.connection.listen(NAK_ADVISORIES).await.unwrap();
    let (_, inventory) = &mut cluster.processes.workers[0];
    let exit = inventory.stop().await.unwrap().unwrap();
    cluster.processes.servers.postgres.resume().unwrap();
    assert!(exit.success(), "{exit}");
    // The message is redelivered without waiting for the ack timeout.
    assert!(timeout(DEADLINE, advisories.next()).await.unwrap().is_some());
    cluster.processes.workers[0].1.start().await.unwrap();
    cluster.verify_and_stop(&[before, waiting]).await;
}

async fn restart(process: &mut RoleProcess) {
    // The signal that follows is the second one, and changes nothing.
    kill(Pid::from_raw(process.pid().unwrap() as i32), Signal::SIGINT).unwrap();
    let exit = process.stop().await.unwrap().unwrap();
    assert!(exit.success(), "{}: {exit}", process.name());
    process.start().await.unwrap();
}

impl TestCluster {
    async fn wait_for_all_workers(&self) {
        wait_until("all workers are present", async || {
            let present =
                worker_presence(&self.sources.connection, &stages::order_pools()).await.unwrap();
            present.workers.values().all(|count| *count == WORKERS as u64)
        })
        .await;
    }

    /// The steps to which messages were delivered more than once, each with the number of extra
    /// deliveries. Valid once the cluster is quiescent.
    async fn redeliveries(&self) -> Vec<(Step, i64)> {
        let messages = self.order_messages().await;
        let url =
            format!("{}/jsz?consumers=true", self.processes.servers.brokers.monitor_urls()[0]);
        let monitoring = self.http.get(&url).await.body;
        let streams = monitoring["account_details"][0]["stream_detail"].as_array().unwrap();
        let durables = streams.iter().filter_map(|stream| stream["consumer_detail"].as_array());
        let durables: Vec<&Value> = durables.flatten().collect();
        let steps = stages::steps();
        let redeliveries = steps.iter().filter(|step| !step.is_observer()).filter_map(|step| {
            let source = step.events();
            let published = messages
                .iter()
                .filter(|message| message.kind.is_some_and(|it| step.consumes.contains(&it)))
                .count();
            let durable =
                durables.iter().find(|durable| durable["name"] == source.durable).unwrap();
            let deliveries = durable["delivered"]["consumer_seq"].as_i64().unwrap();
            let extra = deliveries - published as i64;
            (extra != 0).then_some((*step, extra))
        });
        redeliveries.collect()
    }
}
