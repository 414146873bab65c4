//! A replay by request happens once: with two processes that serve repairs, if one dies in the middle, and
//! not at all if it cannot be recorded.

use std::collections::BTreeSet;

use lab::up::Plan;
use millrace::keys::Role;
use orders::OrderId;
use serde_json::{Value, json};
use streams::dead_letter::{self, Reason};
use streams::failpoints::FAILPOINTS;
use streams::{Fetcher, Profile, Publisher, stream_state, subjects};
use tokio::time::timeout;
use workers::advisory_lock::AdvisoryLock;
use workers::payment;

use super::events::PUBLISH_TIMEOUT;
use super::fixtures::{basket, item, rows};
use super::test_cluster::{DEADLINE, TestCluster, plan, wait_until};

const ORDERS: usize = 20;
/// The lock in PostgreSQL under which letters are resolved.
const LOCK: i64 = 0x006c_6574_7465_7273;

async fn cluster(admins: usize) -> TestCluster {
    let plan = Plan { admins, edges: 1, ..plan(Profile::Single) };
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("DEAD", 100)]).await;
    cluster
}

impl TestCluster {
    /// Places orders, and makes each a dead letter at charge.
    async fn dead_orders(&mut self, count: usize) -> Vec<OrderId> {
        self.stop_worker(payment::POOL).await;
        let ids = self.place_all(&rows("dead", count, |_| basket(&[("DEAD", 1)]))).await;
        let (connection, mut made) = (&self.sources.connection, 0);
        let mut fetcher = Fetcher::new(connection.clone(), payment::CHARGE.events());
        while made < count {
            let deliveries = timeout(DEADLINE, fetcher.next(1)).await.unwrap().unwrap();
            for delivery in deliveries {
                for record in &delivery.records {
                    let letter = dead_letter::message(
                        &payment::CHARGE,
                        Reason::Exhausted,
                        record,
                        "it failed",
                    );
                    Publisher::new(connection.clone())
                        .publish(&letter, PUBLISH_TIMEOUT)
                        .await
                        .unwrap();
                    made += 1;
                }
                delivery.ack().await;
            }
        }
        fetcher.nak().await;
        connection.flush().await;
        self.start_worker(payment::POOL).await;
        ids
    }

    /// How many records were ever sent to a step again.
    async fn replays(&self) -> u64 {
        stream_state(&self.sources.connection, subjects::RETRIES).await.unwrap().last_sequence
    }
}

fn replay_all() -> Value {
    json!({"all": true, "rate": 1_000, "by": "ann", "why": "fixed"})
}

#[tokio::test]
async fn two_processes_that_are_asked_at_once_replay_each_letter_once() {
    let mut cluster = cluster(2).await;
    let ids = cluster.dead_orders(ORDERS).await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(cluster.admin_client(Role::Operator, 2).await);
    }
    let [first, second, third, fourth] = &mut clients[..] else { unreachable!() };
    let request = replay_all();
    let replies = tokio::join!(
        first.get("dead.replay", &request),
        second.get("dead.replay", &request),
        third.get("dead.replay", &request),
        fourth.get("dead.replay", &request),
    );
    let replies = [replies.0, replies.1, replies.2, replies.3];
    let resolved: Vec<u64> = replies
        .iter()
        .flat_map(|reply| {
            reply["resolved"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap())
        })
        .collect();
    assert_eq!(resolved.len(), ORDERS, "{replies:?}");
    assert_eq!(resolved.iter().collect::<BTreeSet<_>>().len(), ORDERS, "{replies:?}");
    assert_eq!(cluster.replays().await, ORDERS as u64);
    let records = cluster.admin_records().await;
    assert_eq!(records.len(), 2 * replies.len(), "{records:?}");

    // While another process resolves letters, nothing is resolved.
    let database = &cluster.sources.database;
    let lock = AdvisoryLock::try_take(database, LOCK, PUBLISH_TIMEOUT).await.unwrap().unwrap();
    let (code, _, error) = clients[0].refusal("dead.replay", &request).await;
    assert_eq!((&*code, error.contains("resolving dead letters")), ("409", true), "{error}");
    let why = ["replay", "--all", "--by", "ann", "--why", "fixed"];
    let error = cluster.run_dead_command(&why, false).await;
    assert!(error.contains("another process is resolving dead letters"), "{error}");
    lock.release().await;
    clients[0].get("dead.replay", &request).await;
    cluster.run_dead_command(&why, true).await;
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn few_requests_wait_for_one_that_takes_long_and_not_for_long() {
    let cluster = cluster(1).await;
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let database = &cluster.sources.database;
    let lock = AdvisoryLock::try_take(database, LOCK, PUBLISH_TIMEOUT).await.unwrap().unwrap();
    let codes = operator.ask_at_once("dead.replay", &replay_all(), 12).await;
    // One waits for the lock, eight for that one, and of these the last ones have waited for too long.
    assert_eq!(codes[..3], ["429"; 3], "{codes:?}");
    assert_eq!(codes[3], "409", "{codes:?}");
    assert_eq!(codes[6..], ["429"; 6], "{codes:?}");
    lock.release().await;
    operator.get("dead.replay", &replay_all()).await;
    cluster.verify_and_stop(&[]).await;
}

#[tokio::test]
async fn a_process_that_has_lost_its_lock_stops_resolving() {
    let mut cluster = cluster(1).await;
    let ids = cluster.dead_orders(2 * ORDERS).await;
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    // It takes longer than a lock is believed in.
    let slowly = json!({"all": true, "rate": 5, "by": "ann", "why": "fixed"});
    let asked = operator.get("dead.replay", &slowly);
    let ended = async {
        wait_until("a letter is replayed", async || cluster.replays().await > 0).await;
        let connection = cluster.sources.database.connection().await.unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_locks
                   WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = $1";
        assert_eq!(connection.query(end, &[&LOCK]).await.unwrap().len(), 1);
    };
    let (reply, ()) = tokio::join!(asked, ended);
    assert!(
        reply["interrupted"].as_str().is_some_and(|it| it.contains("no other process")),
        "{reply}"
    );
    assert!(!reply["not_reached"].as_array().unwrap().is_empty(), "{reply}");
    operator.get("dead.replay", &replay_all()).await;
    assert_eq!(cluster.replays().await, 2 * ORDERS as u64);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_stops_between_two_letters_and_says_so() {
    let mut cluster = cluster(1).await;
    let ids = cluster.dead_orders(ORDERS).await;
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let slowly = json!({"all": true, "rate": 5, "by": "ann", "why": "fixed"});
    let asked = operator.get("dead.replay", &slowly);
    let stopped = async {
        wait_until("a letter is replayed", async || cluster.replays().await > 0).await;
        cluster.processes.admins[0].stop().await.unwrap().unwrap()
    };
    let (reply, status) = tokio::join!(asked, stopped);
    assert!(status.success(), "{status}");
    let count = |member: &str| reply[member].as_array().unwrap().len();
    assert!(count("resolved") > 0 && count("not_reached") > 0, "{reply}");
    assert_eq!(count("resolved") + count("not_reached"), ORDERS, "{reply}");
    assert_eq!(reply["interrupted"], json!("the process stops"), "{reply}");
    assert_eq!(cluster.recorded_stages().await, ["admin.replay asked", "admin.replay interrupted"]);
    let left = cluster.dead_letters().await.iter().map(|it| it.number).collect::<Vec<_>>();
    assert_eq!(reply["not_reached"], json!(left));

    cluster.processes.admins[0].start().await.unwrap();
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let done = operator.get("dead.replay", &replay_all()).await;
    assert_eq!((&done["resolved"], &done["interrupted"]), (&json!(left), &Value::Null), "{done}");
    assert_eq!(cluster.replays().await, ORDERS as u64);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn a_process_that_dies_in_a_replay_leaves_a_record_and_the_next_one_ends_it() {
    let mut cluster = cluster(1).await;
    let ids = cluster.dead_orders(1).await;
    let admin = &mut cluster.processes.admins[0];
    admin.stop().await.unwrap();
    admin.set(FAILPOINTS, "crash_in_resolution");
    admin.start().await.unwrap();
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let request = replay_all();
    {
        let asked = operator.ask("dead.replay", &request);
        let died = wait_until("the process has died", async || {
            cluster.processes.admins[0].has_exited().unwrap()
        });
        tokio::select! {
            reply = asked => panic!("{reply:?}"),
            () = died => {}
        }
    }
    // The record was sent, and its letter says nothing of it.
    cluster.wait_until_final(&ids).await;
    assert_eq!(cluster.dead_letters().await.len(), 1);
    assert_eq!(cluster.recorded_stages().await, ["admin.replay asked"]);

    let admin = &mut cluster.processes.admins[0];
    admin.set(FAILPOINTS, "");
    admin.start().await.unwrap();
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let done = operator.get("dead.replay", &request).await;
    assert_eq!(done["resolved"].as_array().unwrap().len(), 1, "{done}");
    assert_eq!(cluster.replays().await, 1, "the broker takes the second one for the first");
    let expected = ["asked", "asked", "done"].map(|it| format!("admin.replay {it}"));
    assert_eq!(cluster.recorded_stages().await, expected);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let mut cluster = cluster(1).await;
    let ids = cluster.dead_orders(1).await;
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let mut nats = cluster.nats().await;
    let purged = nats.api("STREAM.PURGE.ADMIN", &json!({})).await;
    assert!(purged["error"].is_object(), "nothing may be purged: {purged}");
    nats.api("STREAM.DELETE.ADMIN", &json!({})).await;
    let (code, _, error) = operator.refusal("dead.replay", &replay_all()).await;
    assert_eq!(code, "503");
    assert!(error.starts_with("not done, because the stream ADMIN cannot record it"), "{error}");
    assert_eq!((cluster.dead_letters().await.len(), cluster.replays().await), (1, 0));
    let listed = operator.get("dead.list", &json!({})).await;
    assert_eq!(listed["matching"], json!(1), "what only reads goes on");

    // A process that starts creates the stream, and stops without having been killed.
    let admin = &mut cluster.processes.admins[0];
    assert!(admin.stop().await.unwrap().unwrap().success());
    admin.start().await.unwrap();
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let done = operator.get("dead.replay", &replay_all()).await;
    assert_eq!(done["recorded"], json!(true), "{done}");
    cluster.verify_and_stop(&ids).await;
}
